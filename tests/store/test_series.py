"""What was measured comes back: whole, or down-sampled without losing an extreme."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.level import Sight
from model.zones import ZoneView
from store.embedded import Store
from store.errors import StoreBusyError
from store.history import UnknownQuantityError
from tests.store.words import at, blind, live, noise


def view(s: float, sight: Sight = Sight.LIVE, occupancy: float | None = 120.0) -> ZoneView:
    return ZoneView(zone="bridge", at=at(s), sight=sight, capacity=400, occupancy=occupancy)


def test_readings_come_back_as_they_were(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        with store.transaction() as tx:
            tx.add_facts([live("c1", s, count=s * 1.1, density=0.5) for s in range(5)])
        points = store.series("camera", "c1", "count", at(1), at(4))
        assert [(p.at, p.mean, p.n) for p in points] == [(at(s), s * 1.1, 1) for s in (1, 2, 3)]
        assert [p.mean for p in store.series("camera", "c1", "count_low", at(1), at(2))] == [
            pytest.approx(0.88)
        ]


def test_a_blind_camera_has_no_number_and_is_seen_to_be_blind(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        with store.transaction() as tx:
            tx.add_facts([live("c1", 0), blind("c1", 2), blind("c1", 4), live("c1", 6)])
        assert [p.at for p in store.series("camera", "c1", "count", at(0), at(10))] == [
            at(0),
            at(6),
        ]
        [share] = store.series("camera", "c1", "blind", at(0), at(10), step_s=60)
        assert (share.mean, share.n) == (0.5, 4)


def test_a_step_without_readings_is_missing_and_not_zero(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        with store.transaction() as tx:
            tx.add_facts([noise("n1", 0, 50), noise("n1", 125, 60)])
        points = store.series("sensor", "n1", "noise", at(0), at(180), step_s=60)
        assert [p.at for p in points] == [at(0), at(120)]


def test_a_zone_keeps_one_view_a_second_and_no_number_when_blind(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        with store.transaction() as tx:
            tx.add_zone_views([view(0), view(0.2, occupancy=999), view(1)])
            tx.add_zone_views([view(2, Sight.BLIND, None), view(3, Sight.PARTIAL)])
        occupancy = store.series("zone", "bridge", "occupancy", at(0), at(10))
        assert [(p.at, p.mean) for p in occupancy] == [(at(0), 120), (at(1), 120), (at(3), 120)]
        [share] = store.series("zone", "bridge", "blind", at(0), at(10), step_s=3600)
        assert share.mean == 0.25
        counts = store.counts()
        assert (counts["zone_reading"], counts["readings"]) == (4, 0)


def test_an_unknown_device_has_no_readings_and_an_unknown_quantity_is_named(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        assert store.series("camera", "none", "count", at(0), at(1)) == []
        with store.transaction() as tx:
            tx.add_facts([live("c1", 0)])
        with pytest.raises(UnknownQuantityError, match=r"has no 'heads'; it has .*'count'"):
            store.series("camera", "c1", "heads", at(0), at(1))
        with pytest.raises(UnknownQuantityError, match="no readings of kind 'terminal'"):
            store.series("terminal", "t", "count", at(0), at(1))


def test_retention_removes_old_readings_in_short_rounds(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        with store.transaction() as tx:
            tx.add_facts([live(f"c{n % 3}", n) for n in range(90)])
            tx.add_facts([noise("n1", n, 50) for n in range(90)])
        rounds = 0
        finished = False
        while not finished:
            rounds += 1
            assert rounds < 20
            with store.transaction() as tx:
                finished = tx.prune(at(60), at_most_rows=15).finished
        assert rounds > 3
        assert [p.at for p in store.series("camera", "c0", "count", at(0), at(99))] == [
            at(s) for s in range(60, 90, 3)
        ]
        assert len(store.series("sensor", "n1", "noise", at(0), at(99))) == 30


def test_a_query_that_never_ends_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.database.QUERY_STEPS", 100_000)
    with Store.open(tmp_path) as store, store._readers.connection() as db:
        with pytest.raises(StoreBusyError):  # noqa: SIM117 - the reader must outlive the failure
            with store._readers.connection() as other:
                other.execute(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
                    " SELECT count(*) FROM n"
                ).fetchone()
        assert db.execute("SELECT 1").fetchone() == (1,)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=120),
    gap_s=st.integers(1, 40),
    step_s=st.sampled_from([1, 7, 60, 900]),
)
def test_down_sampling_keeps_count_extremes_and_mean(
    tmp_path_factory: pytest.TempPathFactory, values: list[float], gap_s: int, step_s: int
) -> None:
    with Store.open(tmp_path_factory.mktemp("s"), full_sync=False) as store:
        with store.transaction() as tx:
            tx.add_facts([noise("n1", n * gap_s, v) for n, v in enumerate(values)])
        span = (at(0), at(len(values) * gap_s))
        coarse = store.series("sensor", "n1", "noise", *span, step_s=step_s)
        fine = store.series("sensor", "n1", "noise", *span)
    assert [p.mean for p in fine] == values
    assert sum(p.n for p in coarse) == len(values)
    assert min(p.low for p in coarse) == min(values)
    assert max(p.high for p in coarse) == max(values)
    whole = math.fsum(p.mean * p.n for p in coarse)
    assert math.isclose(whole, math.fsum(values), rel_tol=1e-9, abs_tol=1e-3)
    assert all(p.at.timestamp() % step_s == 0 for p in coarse)
