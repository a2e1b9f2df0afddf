"""One suite for the embedded store and a real VictoriaMetrics: what was measured comes back."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Protocol

import pytest

from model.facts import CounterReading, DeviceKind, Fact
from model.level import Sight
from model.zones import ZoneView
from store.embedded import Store
from store.history import Curve, Point, UnknownQuantityError
from store.shipping import Shipper
from tests.store.servers import PROGRAM, VictoriaMetrics, victoria_metrics
from tests.store.test_series import KEEPING
from tests.store.words import at, blind, fact, live, noise


class Told(Protocol):
    """What answers questions about the past."""

    def series(
        self,
        kind: str,
        name: str,
        quantity: str,
        start: datetime,
        end: datetime,
        /,
        *,
        step_s: float | None = None,
    ) -> list[Point]: ...

    def curves(
        self,
        kind: str,
        quantity: str,
        start: datetime,
        end: datetime,
        *,
        step_s: float | None = None,
    ) -> dict[str, Curve]: ...


Keep = Callable[[list[Fact], list[ZoneView]], Told]
"""Store readings, and give back who tells of them."""

_SITES = itertools.count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VictoriaMetrics]:
    if PROGRAM is None:
        pytest.skip("victoria-metrics is not installed; `make setup-test` installs it")
    with victoria_metrics(tmp_path_factory.mktemp("victoria")) as running:
        yield running


@pytest.fixture(params=["embedded", "packed", "victoriametrics"])
def keep(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Keep]:
    with Store.open(tmp_path, full_sync=False) as store:

        def embedded(facts: list[Fact], views: list[ZoneView]) -> Told:
            with store.transaction() as tx:
                tx.add_facts(facts)
                tx.add_zone_views(views)
            return store

        def packed(facts: list[Fact], views: list[ZoneView]) -> Told:
            embedded(facts, views)
            finished = False
            while not finished:
                with store.transaction() as tx:
                    finished = tx.tidy(at(7200), KEEPING)
            return store

        if request.param != "victoriametrics":
            yield embedded if request.param == "embedded" else packed
            return
        running: VictoriaMetrics = request.getfixturevalue("server")
        site = f"site-{next(_SITES)}"
        far = running.server(site)
        shipper = Shipper(store, far, site=site, monotonic=lambda: 0.0, spool_bytes=10**9)

        def shipped(facts: list[Fact], views: list[ZoneView]) -> Told:
            embedded(facts, views)
            while shipper.waiting().commits:
                shipper.step()
            running.flush()
            return far

        yield shipped
        far.close()


def view(s: float, sight: Sight, occupancy: float | None) -> ZoneView:
    return ZoneView(zone="bridge", at=at(s), sight=sight, capacity=400, occupancy=occupancy)


def test_readings_come_back_as_they_were(keep: Keep) -> None:
    told = keep([live("c1", s * 2, s * 1.5, density=s / 8) for s in range(200)], [])
    points = told.series("camera", "c1", "count", at(10), at(20))
    assert [(p.at, p.mean, p.low, p.high, p.n) for p in points] == [
        (at(s * 2), s * 1.5, s * 1.5, s * 1.5, 1) for s in range(5, 10)
    ]
    assert [p.mean for p in told.series("camera", "c1", "density_p_m2", at(0), at(4))] == [0, 1 / 8]


@pytest.mark.parametrize("step_s", [60, 900, 3600])
@pytest.mark.parametrize(("start", "end"), [(0, 7200), (30, 7000), (3590, 3605)])
def test_every_step_has_count_mean_low_and_high(
    keep: Keep, start: int, end: int, step_s: int
) -> None:
    values = {s: 40 + (s * 7) % 23 for s in range(0, 7200, 5)}
    told = keep([noise("n1", s, value) for s, value in values.items()], [])
    found = told.series("sensor", "n1", "noise", at(start), at(end), step_s=step_s)
    wanted: dict[int, list[int]] = {}
    for s, value in values.items():
        if start <= s < end:
            wanted.setdefault(s // step_s * step_s, []).append(value)
    assert [(p.at, p.n, p.low, p.high) for p in found] == [
        (at(s), len(held), min(held), max(held)) for s, held in wanted.items()
    ]
    assert [p.mean for p in found] == pytest.approx([sum(v) / len(v) for v in wanted.values()])


def test_blind_is_no_number_and_a_gap_is_no_point(keep: Keep) -> None:
    told = keep(
        [live("c1", 0, 5), blind("c1", 2), blind("c1", 4), live("c1", 6, 7), live("c1", 300, 9)],
        [view(0, Sight.PARTIAL, 50), view(1, Sight.BLIND, None)],
    )
    assert [p.mean for p in told.series("camera", "c1", "count", at(0), at(60))] == [5, 7]
    steps = told.series("camera", "c1", "count", at(0), at(600), step_s=60)
    assert [p.at for p in steps] == [at(0), at(300)]
    [share, _] = told.series("camera", "c1", "blind", at(0), at(600), step_s=60)
    assert (share.mean, share.n) == (0.5, 4)
    [occupancy] = told.series("zone", "bridge", "occupancy", at(0), at(60))
    assert occupancy.mean == 50
    [partial] = told.series("zone", "bridge", "partial", at(0), at(60), step_s=60)
    assert partial.mean == 0.5


def test_many_sources_are_told_at_once(keep: Keep) -> None:
    told = keep([live(f"c{n}", s, n) for n in range(4) for s in range(0, 3600, 30)], [])
    curves = told.curves("camera", "count", at(0), at(3600), step_s=3600)
    assert {name: curve.mean.tolist() for name, curve in curves.items()} == {
        f"c{n}": [n] for n in range(4)
    }
    assert {curve.n.tolist()[0] for curve in curves.values()} == {120}


def test_counters_and_strange_names_come_through(keep: Keep) -> None:
    body = CounterReading(at=at(0), boot="b, 1=2", seq=1, in_total=2**53 - 1, out_total=3)
    told = keep(
        [
            fact(DeviceKind.COUNTER, "gate", body),
            noise("n1", 0, -3.25, quantity="wind, gusts=max"),
        ],
        [],
    )
    [total] = told.series("counter", "gate", "in_total", at(0), at(1))
    assert total.mean == 2**53 - 1
    [wind] = told.series("sensor", "n1", "wind, gusts=max", at(0), at(1))
    assert wind.mean == -3.25


def test_nobody_has_told_of_the_unknown(keep: Keep) -> None:
    told = keep([live("c1", 0)], [])
    assert told.series("camera", "no-such", "count", at(0), at(60)) == []
    with pytest.raises(UnknownQuantityError, match="heads"):
        told.series("camera", "c1", "heads", at(0), at(60))
