"""The line to a site's time-series server: readings go out, older history is asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from console.ports import Backlog
from model.clock import Clock
from service.resuming import keeping_of
from service.site import LoadedSite
from store.embedded import Store
from store.further_history import FurtherHistory
from store.series_server import SeriesServer, ServerAddress
from store.shipping import Shipper
from store.stamps import from_ms

_MB = 1_000_000
NOTEWORTHY: Final = timedelta(seconds=60)
"""Readings always wait a moment; before this nobody needs to hear of it."""


class ShipperOutbox:
    """What waits for the time-series server, as the console tells it."""

    def __init__(self, shipper: Shipper, clock: Clock) -> None:
        self._shipper = shipper
        self._clock = clock

    def backlog(self) -> Backlog:
        """Whether the server is away, and how old the oldest reading is that waits."""
        waiting = self._shipper.waiting()
        oldest = None if waiting.oldest_ms is None else from_ms(waiting.oldest_ms)
        late = oldest is not None and self._clock.now() - oldest >= NOTEWORTHY
        told = oldest if waiting.away or late else None
        return Backlog(away=waiting.away, oldest=told, dropped=waiting.dropped)


def series_server(loaded: LoadedSite) -> SeriesServer | None:
    """The time-series server that the site names; None where it names none."""
    readings = loaded.site.store.readings
    if readings is None:
        return None
    address = ServerAddress(
        url=readings.url,
        read_url=readings.read_url or readings.url,
        database=readings.database,
        organization=readings.organization,
        token="" if readings.token is None else loaded.secret(readings.token),
        forgets_when_killed=readings.kind == "victoriametrics",
    )
    return SeriesServer(address, site=loaded.site.site.id)


@contextmanager
def shipping(loaded: LoadedSite, store: Store, clock: Clock) -> Iterator[Shipper | None]:
    """Send the store's readings on while the context lasts; what is left goes out next time."""
    readings, server = loaded.site.store.readings, series_server(loaded)
    if readings is None or server is None:
        yield None
        return
    shipper = Shipper(
        store,
        server,
        site=loaded.site.site.id,
        monotonic=clock.monotonic,
        spool_bytes=readings.spool_mb * _MB,
    )
    if readings.kind == "victoriametrics":
        store.look_further(
            FurtherHistory(server=server, keeping=keeping_of(loaded.site), now=clock.now)
        )
    stop = threading.Event()
    thread = threading.Thread(target=shipper.run, args=(stop,), name="shipping")
    thread.start()
    try:
        yield shipper
    finally:
        stop.set()
        thread.join()
        server.close()
