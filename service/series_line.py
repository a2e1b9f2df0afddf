"""The line to a site's time-series server: readings go out, older history is asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from model.clock import Clock
from service.resuming import keeping_of
from service.site import LoadedSite
from store.embedded import Store
from store.further_history import FurtherHistory
from store.series_server import SeriesServer, ServerAddress
from store.shipping import Shipper

_MB = 1_000_000


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
