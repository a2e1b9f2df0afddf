"""Capacity by LB/T 034: what is full, what may come, how long people stay, and nothing made of what is not seen."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from config.schema import SiteFile
from config.visits import Visits
from crowd.capacity import DaySoFar, mean_stay_min, reckon
from model.level import Sight
from model.outlook import Capacity, StaySource
from model.zones import ZoneView
from tests.console.stage_site import AREA, small_site

NOW = datetime(2026, 10, 3, 7, 0, tzinfo=UTC)


def _site(**visits: object) -> SiteFile:
    return small_site().model_copy(update={"visits": Visits.model_validate(visits)})


def _view(site: SiteFile, zone: str, people: float | None) -> ZoneView:
    capacity = next(each.capacity for each in site.zones if each.id == zone)
    if people is None:
        return ZoneView(zone=zone, at=NOW, sight=Sight.BLIND, capacity=capacity)
    return ZoneView(
        zone=zone,
        at=NOW,
        sight=Sight.LIVE,
        capacity=capacity,
        occupancy=people,
        occupancy_low=people * 0.9,
        occupancy_high=people * 1.1,
    )


def _reckon(
    site: SiteFile, people: float | None = 50.0, whole: DaySoFar | None = None, **blind: None
) -> Capacity:
    views = {
        zone.id: _view(site, zone.id, None if zone.id in blind else people) for zone in site.zones
    }
    return reckon(site, views, {}, whole or DaySoFar(), NOW)


def test_both_capacities_follow_the_standard() -> None:
    found = _reckon(_site(opens="08:00", closes="22:00", mean_stay_min=120))
    zone = next(each for each in small_site().zones if each.id == "yandai")
    line = found.zones["yandai"]
    assert line.capacity == pytest.approx(AREA["yandai"] / zone.m2_per_visitor, abs=0.1)
    assert line.day_capacity == pytest.approx(line.capacity * 14 * 60 / 120, rel=0.001)
    assert line.turnover_at_most == 7.0
    assert line.load_pct == pytest.approx(100 * 50 / line.capacity, abs=0.1)
    assert found.site.capacity == pytest.approx(sum(z.capacity for z in found.zones.values()), 0.01)


def test_a_site_that_never_closes_is_open_all_day_and_one_may_close_after_midnight() -> None:
    assert _reckon(_site()).open_min == 24 * 60
    assert _reckon(_site(opens="10:00", closes="02:00")).open_min == 16 * 60


def test_near_the_limit_begins_at_four_fifths_of_either_capacity() -> None:
    site = _site(mean_stay_min=120)
    full = sum(zone.capacity for zone in site.zones)
    assert not _reckon(site, whole=DaySoFar(visitors=0.79 * full * 12)).site.near_limit
    assert _reckon(site, whole=DaySoFar(visitors=0.81 * full * 12)).site.near_limit


def test_blind_zones_are_named_and_never_counted_as_empty() -> None:
    found = _reckon(_site(), bridge=None)
    assert found.zones["bridge"].people is None
    assert found.zones["bridge"].load_pct is None
    assert found.site.zones_unseen == ("bridge",)
    assert found.site.sight is Sight.PARTIAL
    assert found.site.people_high is None
    nothing = reckon(_site(), {}, {}, DaySoFar(), NOW)
    assert nothing.site.sight is Sight.BLIND
    assert nothing.site.people is None


def test_the_site_is_the_sum_of_its_zones_and_of_their_bounds() -> None:
    site = _site(opens="08:00", closes="22:00", mean_stay_min=70)
    people = {zone.id: 10.0 * number for number, zone in enumerate(site.zones, start=1)}
    views = {zone: _view(site, zone, count) for zone, count in people.items()}
    whole = reckon(site, views, {}, DaySoFar(), NOW).site
    total, capacity = sum(people.values()), sum(zone.capacity for zone in site.zones)
    assert (whole.sight, whole.zones_unseen) == (Sight.LIVE, ())
    assert whole.people == pytest.approx(total, abs=0.1)
    assert whole.people_low == pytest.approx(0.9 * total, abs=0.1)
    assert whole.people_high == pytest.approx(1.1 * total, abs=0.1)
    assert whole.capacity == pytest.approx(capacity, abs=0.1)
    assert whole.day_capacity == pytest.approx(12 * capacity, abs=0.1)
    assert whole.load_pct == pytest.approx(100 * total / capacity, abs=0.1)
    below = ZoneView(
        zone="bridge", at=NOW, sight=Sight.PARTIAL, capacity=1.0, occupancy_low=people["bridge"]
    )
    rest = reckon(site, views | {"bridge": below}, {}, DaySoFar(), NOW).site
    assert rest.people == pytest.approx(total - people["bridge"], abs=0.1)
    assert rest.people_low == pytest.approx(0.9 * total + 0.1 * people["bridge"], abs=0.1)
    assert (rest.people_high, rest.zones_unseen) == (None, ("bridge",))


def test_a_zone_known_from_below_only_has_no_load_and_is_near_its_limit_once_that_is_sure() -> None:
    site = _site()
    lows = {"bridge": 0.5, "yandai": 0.85}
    views = {
        zone.id: ZoneView(
            zone=zone.id,
            at=NOW,
            sight=Sight.PARTIAL,
            capacity=zone.capacity,
            occupancy_low=lows.get(zone.id, 0.0) * zone.capacity,
        )
        for zone in site.zones
    }
    found = reckon(site, views, {}, DaySoFar(), NOW)
    assert (found.zones["bridge"].people, found.zones["bridge"].load_pct) == (None, None)
    assert not found.zones["bridge"].near_limit
    assert found.zones["yandai"].near_limit
    assert found.site.people is None
    assert found.site.sight is Sight.PARTIAL
    assert found.site.people_low == pytest.approx(
        sum(share * found.zones[zone].capacity for zone, share in lows.items()), abs=0.1
    )
    assert set(found.site.zones_unseen) == {zone.id for zone in site.zones}


def test_the_mean_stay_is_measured_where_enough_came() -> None:
    day = DaySoFar(visitors=400.0, person_h=600.0, seen_h=8.0)
    assert mean_stay_min(day) == 90.0
    line = _reckon(_site(mean_stay_min=120), whole=day).site
    assert (line.mean_stay_min, line.mean_stay_source) == (90.0, StaySource.MEASURED)
    assert mean_stay_min(DaySoFar(visitors=3.0, person_h=600.0)) is None
    assert _reckon(_site(mean_stay_min=75)).site.mean_stay_source is StaySource.SITE_FILE
