"""What waits for a time-series server that is away stands before every console."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from console.live import LiveFeed
from model.clock import ManualClock
from service.series_line import ShipperOutbox
from store.embedded import Store
from store.series_server import SeriesServer, ServerAddress
from store.shipping import Shipper
from tests.console.http import started
from tests.console.stage import EVENING, staged
from tests.console.test_live import hear
from tests.store.influx_endpoint import influx_endpoint
from tests.store.words import at, live
from tests.waiting import wait_until


async def told(live_feed: LiveFeed) -> dict[str, Any]:
    """The backlog as the first message that has one tells it."""
    async with aclosing(live_feed.messages(None, None)) as messages:
        while True:
            message = await hear(messages)
            cards = message.get("room") or message.get("set") or {}
            backlog = cards.get("service", {}).get("service", {}).get("backlog")
            if backlog is not None:
                return dict(backlog)


def test_consoles_see_since_when_readings_wait_for_a_server_that_is_away(tmp_path: Path) -> None:
    clock = ManualClock(at(0))
    with Store.open(tmp_path / "spool", full_sync=False) as store, influx_endpoint() as endpoint:
        endpoint.answer = 503
        address = ServerAddress(
            url=endpoint.url, read_url=endpoint.url, database="crowds", organization="lake"
        )
        server = SeriesServer(address, site="lake")
        shipper = Shipper(store, server, site="lake", monotonic=clock.monotonic, spool_bytes=10**9)
        with store.transaction() as tx:
            tx.add_facts([live("c1", 7, 7, density=0.5)])
        stop = threading.Event()
        shipping = threading.Thread(target=shipper.run, args=(stop,), name="shipping")
        shipping.start()
        outbox = ShipperOutbox(shipper, clock)
        try:
            wait_until(lambda: outbox.backlog().away)

            async def story() -> dict[str, Any]:
                with staged(tmp_path / "stage", ManualClock(EVENING), outbox=outbox) as stage:
                    async with started(stage):
                        return await told(stage.app.state.context.live)

            backlog = asyncio.run(asyncio.wait_for(story(), 120))
        finally:
            stop.set()
            shipping.join()
            server.close()
    assert (backlog["away"], backlog["dropped"]) == (True, 0)
    assert datetime.fromisoformat(backlog["oldest"]) == at(7)


def test_a_server_that_keeps_up_is_told_without_an_age(tmp_path: Path) -> None:
    clock = ManualClock(at(10))
    with Store.open(tmp_path, full_sync=False) as store, influx_endpoint() as endpoint:
        address = ServerAddress(
            url=endpoint.url, read_url=endpoint.url, database="crowds", organization="lake"
        )
        server = SeriesServer(address, site="lake")
        shipper = Shipper(store, server, site="lake", monotonic=clock.monotonic, spool_bytes=10**9)
        with store.transaction() as tx:
            tx.add_facts([live("c1", 7, 7, density=0.5)])
        outbox = ShipperOutbox(shipper, clock)
        assert outbox.backlog().oldest is None, "readings always wait a moment"
        clock.advance(timedelta(minutes=2).total_seconds())
        assert outbox.backlog().oldest == at(7)
        while shipper.step():
            pass
        assert outbox.backlog().oldest is None
        server.close()
