"""Readings reach the time-series server in order and without loss, whatever happens to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from store.embedded import Store
from store.series_server import SeriesServer, SeriesServerAwayError, ServerAddress
from store.shipping import CONFIRM_AFTER_S, Shipper
from store.tidying import Keeping
from tests.store.influx_endpoint import InfluxEndpoint, influx_endpoint
from tests.store.servers import PROGRAM, victoria_metrics
from tests.store.test_series import tidied
from tests.store.words import at, live, noise


class Hand:
    """A monotonic clock moved by hand."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def endpoint() -> Iterator[InfluxEndpoint]:
    with influx_endpoint() as server:
        yield server


def far(endpoint: InfluxEndpoint, site: str = "lake") -> SeriesServer:
    address = ServerAddress(
        url=endpoint.url,
        read_url=endpoint.url,
        database="crowds",
        organization="lake",
        token="a-long-token",
    )
    return SeriesServer(address, site=site)


def shipper(
    store: Store, server: SeriesServer, clock: Callable[[], float], spool_bytes: int = 10**9
) -> Shipper:
    return Shipper(store, server, site="lake", monotonic=clock, spool_bytes=spool_bytes)


def commit(store: Store, s: int) -> None:
    with store.transaction() as tx:
        tx.add_facts([live("c1", s, s, density=0.5), noise("n1", s, s)])


def stamps(endpoint: InfluxEndpoint) -> list[float]:
    start_ms = at(0).timestamp() * 1000
    camera = [line for line in endpoint.lines if line.startswith("yinding_camera")]
    return [(int(line.rsplit(" ", 1)[1]) - start_ms) / 1000 for line in camera]


def test_an_influxdb_endpoint_is_sent_every_reading_as_it_documents(
    tmp_path: Path, endpoint: InfluxEndpoint
) -> None:
    with Store.open(tmp_path, full_sync=False) as store:
        commit(store, 7)
        assert not shipper(store, far(endpoint), Hand()).step()
    camera, sensor = endpoint.lines
    at_ms = int(at(7).timestamp() * 1000)
    assert camera == (
        "yinding_camera,site=lake,id=c1 count=7.0,count_low=5.6000000000000005,count_high=8.4,"
        f"density_p_m2=0.5,blind=0.0 {at_ms}"
    )
    assert sensor == f"yinding_sensor,site=lake,id=n1,quantity=noise,unit=dB(A) value=7.0 {at_ms}"
    assert endpoint.asked == {("/api/v2/write", "crowds/ms", "Token a-long-token")}


def test_while_the_server_is_away_readings_wait_in_order_and_their_age_is_told(
    tmp_path: Path, endpoint: InfluxEndpoint
) -> None:
    clock = Hand()
    with Store.open(tmp_path, full_sync=False) as store:
        shipping = shipper(store, far(endpoint), clock)
        commit(store, 0)
        shipping.step()
        endpoint.answer = 503
        for s in range(1, 120):
            commit(store, s)
        with pytest.raises(SeriesServerAwayError, match="503"):
            shipping.step()
        told = shipping.waiting()
        assert told.commits == 120, "the last rows before the loss are not sure and go again"
        assert told.oldest_ms == int(at(0).timestamp() * 1000)
        tidied(store, 1e6, Keeping(readings=KEEP, summaries=KEEP))
        endpoint.answer = 204
        while shipping.step():
            pass
        assert stamps(endpoint) == [0, *range(120)]
        assert shipping.waiting().commits == 0


KEEP = at(86_400 * 100) - at(0)


def test_rows_are_let_go_only_when_the_server_surely_has_them(
    tmp_path: Path, endpoint: InfluxEndpoint
) -> None:
    clock = Hand()
    with Store.open(tmp_path, full_sync=False) as store:
        shipping = shipper(store, far(endpoint), clock)
        for s in range(10):
            commit(store, s)
        shipping.step()
        tidied(store, 100)
        assert store.journal_after(0)[0] == 10, "sent, not sure"
        clock.s += CONFIRM_AFTER_S + 1
        shipping.step()
        tidied(store, 200)
        assert store.journal_after(0)[0] == 0
    with Store.open(tmp_path, full_sync=False) as store:
        commit(store, 10)
        shipper(store, far(endpoint), clock).step()
    assert stamps(endpoint) == list(range(11)), "a restart goes on where it was"


def test_a_reading_that_the_server_refuses_holds_up_no_other(
    tmp_path: Path, endpoint: InfluxEndpoint
) -> None:
    endpoint.refuses = "count=3.0"
    with Store.open(tmp_path, full_sync=False) as store:
        for s in range(8):
            commit(store, s)
        shipping = shipper(store, far(endpoint), Hand())
        shipping.step()
        assert shipping.waiting().refused == 1
    assert sorted(stamps(endpoint)) == [0, 1, 2, 4, 5, 6, 7]


def test_what_waits_is_bounded_and_what_was_let_go_is_counted(
    tmp_path: Path, endpoint: InfluxEndpoint
) -> None:
    with Store.open(tmp_path, full_sync=False) as store:
        shipping = shipper(store, far(endpoint), Hand(), spool_bytes=2_000)
        commit(store, 0)
        shipping.step()
        endpoint.answer = 503
        for s in range(1, 100):
            commit(store, s)
        with pytest.raises(SeriesServerAwayError):
            shipping.step()
        tidied(store, 100)
        left = store.journal_after(0)[0]
        assert 5 < left < 50
        endpoint.answer = 204
        shipping.step()
        assert stamps(endpoint) == [0, *range(100 - left, 100)], "the newest, in order"
        assert shipping.waiting().dropped == 100 - left
        assert len(store.series("camera", "c1", "count", at(0), at(100))) == 100, "not from here"


@pytest.mark.skipif(PROGRAM is None, reason="victoria-metrics is not installed")
def test_what_victoriametrics_forgets_when_killed_is_sent_again(tmp_path: Path) -> None:
    clock = Hand()
    with (
        victoria_metrics(tmp_path / "vm") as running,
        Store.open(tmp_path / "data", full_sync=False) as store,
    ):
        server = running.server("lake")
        shipping = shipper(store, server, clock)
        for s in range(300):
            commit(store, s)
            if s == 150:
                while shipping.step():
                    pass
                running.kill()
        with pytest.raises(SeriesServerAwayError):
            shipping.step()
        running.start()
        while shipping.step():
            pass
        assert shipping.waiting().commits == 0
        running.flush()
        found = server.series("camera", "c1", "count", at(0), at(300))
        assert [p.mean for p in found] == list(range(300))
        # Killed and back before anybody noticed: its start tells.
        commit(store, 300)
        shipping.step()
        running.kill()
        running.start()
        clock.s += CONFIRM_AFTER_S + 1
        while shipping.step() or shipping.waiting().commits:
            pass
        running.flush()
        last = server.series("camera", "c1", "count", at(300), at(301))
        assert [p.mean for p in last] == [300]
        server.close()


def test_a_lost_note_of_what_was_sent_sends_it_again(
    tmp_path: Path, endpoint: InfluxEndpoint
) -> None:
    with Store.open(tmp_path, full_sync=False) as store:
        commit(store, 0)
        shipper(store, far(endpoint), Hand()).step()
        (tmp_path / "shipped.json").write_bytes(os.urandom(9))
        shipper(store, far(endpoint), Hand()).step()
    assert stamps(endpoint) == [0, 0]
