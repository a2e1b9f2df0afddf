"""What was measured comes back: whole, or down-sampled without losing an extreme."""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.level import Sight
from model.zones import ZoneView
from store.embedded import Store, StoreReader
from store.errors import StoreBusyError
from store.history import UnknownQuantityError
from store.tidying import Keeping
from tests.store.words import at, blind, live, noise

KEEPING = Keeping(readings=timedelta(days=3), summaries=timedelta(days=11))


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


def tidied(store: Store, s: float, keeping: Keeping = KEEPING) -> int:
    """Tidy to the end of a round; how many steps it took."""
    steps = 1
    while True:
        with store.transaction() as tx:
            if tx.tidy(at(s), keeping):
                return steps
        steps += 1
        assert steps < 1000


def test_retention_removes_full_resolution_first_and_the_tiers_later(tmp_path: Path) -> None:
    day_s = 86_400
    with Store.open(tmp_path) as store:
        for day in range(5):
            with store.transaction() as tx:
                tx.add_facts(
                    [live(f"c{n}", day * day_s + 600 * i, n) for n in range(9) for i in range(144)]
                )
        assert tidied(store, 5 * day_s) > 3, "in short steps"
        kept = store.series("camera", "c3", "count", at(0), at(5 * day_s))
        assert [p.at for p in kept] == [at(s) for s in range(2 * day_s, 5 * day_s, 600)]
        hours = store.series("camera", "c3", "count", at(0), at(5 * day_s), step_s=3600)
        assert [(p.at, p.n, p.mean) for p in hours] == [
            (at(s), 6, 3.0) for s in range(0, 5 * day_s, 3600)
        ]
        tidied(store, 14 * day_s)
        hours = store.series("camera", "c3", "count", at(0), at(5 * day_s), step_s=3600)
        assert at(2 * day_s) < hours[0].at < at(3 * day_s), "by whole days"
        assert store.unpacked == 0
        [newest] = [each for each in store.latest("camera") if each.source == "c3"]
        assert newest.field_time == at(5 * day_s - 600), "the newest is known for ever"


def test_what_is_packed_reads_as_before_and_is_still_known(tmp_path: Path) -> None:
    facts = [live("c1", n * 7, n * 0.37, density=n / 100) for n in range(2000)]
    facts += [noise("n1", n * 11, 40 + n % 7, seq=n % 2) for n in range(900)]
    spans = [(0, 20_000, None), (0, 20_000, 60), (30, 19_990, 900), (100, 13_000, 3600), (5, 99, 7)]

    def read(store: Store) -> list[object]:
        return [
            store.series(kind, name, quantity, at(a), at(b), step_s=step)
            for kind, name, quantity in (
                ("camera", "c1", "count"),
                ("camera", "c1", "blind"),
                ("sensor", "n1", "noise"),
            )
            for a, b, step in spans
        ]

    with Store.open(tmp_path) as store:
        with store.transaction() as tx:
            tx.add_facts(facts[:1500] + facts[2000:])
        before = read(store)
        tidied(store, 20_000)
        assert store.unpacked == 0
        assert _near(read(store), before)
        with store.transaction() as tx:
            new = tx.add_facts(facts)
        assert [each for each, is_new in zip(facts, new, strict=True) if is_new] == facts[1500:2000]
        whole = read(store)
    with Store.open(tmp_path) as store:
        assert _near(read(store), whole)
        tidied(store, 20_000)
        assert _near(read(store), whole)
        with StoreReader.look(tmp_path) as other:
            assert _near(read(other), whole)  # type: ignore[arg-type]
            with store.transaction() as tx:
                tx.add_facts([live("c1", 15_000, 5)])
            assert _near(read(other), read(store))  # type: ignore[arg-type]


def _near(found: list[object], wanted: list[object]) -> bool:
    """Sums are rounded to a millionth when they are packed; all else is the same."""
    flat = [[p for curve in every for p in curve] for every in (found, wanted)]  # type: ignore[attr-defined]
    assert len(flat[0]) == len(flat[1])
    return all(
        (a.at, a.low, a.high, a.n) == (b.at, b.low, b.high, b.n)
        and math.isclose(a.mean, b.mean, abs_tol=1e-6)
        for a, b in zip(*flat, strict=True)
    )


def test_a_reading_that_comes_a_day_late_is_counted_in_its_hour(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        with store.transaction() as tx:
            tx.add_facts([noise("n1", n * 60, 50) for n in range(120)])
        tidied(store, 7200)
        with store.transaction() as tx:
            assert tx.add_facts([noise("n1", 90, 80), noise("n1", 120, 80)]) == (True, False)
        tidied(store, 80_000)
        first, second = store.series("sensor", "n1", "noise", at(0), at(7200), step_s=3600)
        assert (first.n, first.high) == (61, 80)
        assert (second.n, second.high) == (60, 50)


def test_many_devices_at_once_are_told_by_name(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        with store.transaction() as tx:
            tx.add_facts([live(f"c{n}", s, n) for n in range(5) for s in range(0, 7200, 60)])
        tidied(store, 3600)
        curves = store.curves("camera", "count", at(0), at(7200), step_s=3600)
        assert set(curves) == {f"c{n}" for n in range(5)}
        assert curves["c4"].mean.tolist() == [4, 4]
        assert curves["c4"].n.tolist() == [60, 60]
        assert set(store.curves("camera", "count", at(0), at(9), names=["c1", "no"])) == {"c1"}


def test_history_from_elsewhere_is_stored_once_and_counted(tmp_path: Path) -> None:
    at_ms = [int(at(s).timestamp() * 1000) for s in range(0, 86_400, 60)]
    count = [float(n % 50) for n in range(len(at_ms))]
    with Store.open(tmp_path) as store:
        for _ in range(2):
            with store.transaction() as tx:
                tx.add_history("camera", "c1", {"at_ms": at_ms, "count": count, "model": "small"})
                tx.add_history(
                    "zone", "bridge", {"at_ms": at_ms, "occupancy": count, "sight": "partial"}
                )
                tx.add_history(
                    "sensor", "n1", {"at_ms": at_ms, "value": count}, quantity="noise", unit="dB(A)"
                )
        [day] = store.series("camera", "c1", "count", at(0), at(86_400), step_s=86_400 * 7)
        assert (day.n, day.high) == (1440, 49)
        [share] = store.series("zone", "bridge", "partial", at(0), at(86_400), step_s=86_400 * 7)
        assert share.mean == 1
        [newest] = store.latest("camera")
        assert newest.field_time == at(86_400 - 60)
        with store.transaction() as tx:
            assert tx.add_facts([live("c1", 60, 3), live("c1", 61, 3)]) == (False, True)
        with pytest.raises(UnknownQuantityError, match="heads"), store.transaction() as tx:
            tx.add_history("camera", "c1", {"at_ms": at_ms, "heads": count})


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
