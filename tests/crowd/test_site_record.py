"""The site's own record of hours: passages of gates, people present, and what silence means."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from crowd.forecast.history import Floats
from crowd.forecast.record import (
    PRESENT,
    STEP_S,
    VISITORS,
    SiteRecord,
    fill_by_share,
    means,
    passages,
)
from store.history import Point
from tests.console.stage_site import small_site

TZ = ZoneInfo("Asia/Shanghai")
DAY = dt.date(2026, 10, 1)
MIDNIGHT = datetime(2026, 10, 1, tzinfo=TZ)


def _point(minutes: float, value: float) -> Point:
    at = MIDNIGHT + timedelta(minutes=minutes)
    return Point(at=at, mean=value, low=value, high=value, n=1)


def test_passages_are_the_growth_of_the_totals_also_over_a_reboot() -> None:
    totals = [(-15, 100), (0, 110), (15, 130), (60, 4), (75, 10)]
    hours = passages([_point(*each) for each in totals], DAY, 1, TZ)[0]
    assert hours[0] + hours[1] == pytest.approx(10 + 20 + 4 + 6)
    assert hours[1] >= 6
    assert np.isnan(hours[2:]).all()


def test_a_long_silence_of_a_counter_is_unknown_and_not_one_great_hour() -> None:
    hours = passages([_point(0, 0), _point(15, 5), _point(600, 900)], DAY, 1, TZ)[0]
    assert hours[0] == 5
    assert np.isnan(hours[1:]).all()


def test_hours_are_the_sites_own_through_a_change_of_the_clock() -> None:
    tz = ZoneInfo("Europe/London")
    day = dt.date(2026, 3, 29)  # 01:00 does not exist
    start = datetime.combine(day, dt.time(), tz).astimezone(dt.UTC)
    steps = [
        Point(at=start + timedelta(hours=h), mean=float(h), low=0.0, high=0.0, n=1)
        for h in range(23)
    ]
    hours = means(steps, day, 1, tz)[0]
    assert np.isnan(hours[1])
    assert (hours[0], hours[2], hours[23]) == (0.0, 1.0, 22.0)


def test_a_part_that_is_silent_counts_as_its_usual_share() -> None:
    parts = np.full((3, 2, 24), 10.0)
    parts[1] = 30.0
    parts[1, 1, 12] = np.nan
    parts[:, 1, 13] = np.nan
    parts[2, 1, 14] = np.nan
    whole = fill_by_share(parts)
    assert whole[0, 0] == 50.0
    assert np.isnan(whole[1, 12]), "two fifths tell nothing of the whole"
    assert np.isnan(whole[1, 13])
    assert whole[1, 14] == pytest.approx(50.0)


class _Series:
    """A store that holds a made-up day: every gate lets one in a minute, every zone holds 20."""

    def __init__(self, last: datetime) -> None:
        self.last = last
        self.asked = 0

    def series(
        self,
        kind: str,
        id: str,  # noqa: A002, ARG002 - the contract's own word
        quantity: str,  # noqa: ARG002
        start: datetime,
        end: datetime,
        *,
        step_s: float | None = None,  # noqa: ARG002
    ) -> Sequence[Point]:
        self.asked += 1
        begin = MIDNIGHT - timedelta(days=3)
        found = []
        for number in range(4 * 24 * 4):
            at = begin + timedelta(seconds=STEP_S * number)
            if start <= at < min(end, self.last):
                value = 15.0 * number if kind == "counter" else 20.0
                found.append(Point(at=at, mean=value, low=value, high=value, n=1))
        return found


def _row(record: SiteRecord, now: datetime, name: str) -> Floats:
    history = record.history(now, days=10)
    row: Floats = history.counts[history.sites.index(name)]
    return row


def test_a_site_with_gates_counts_visitors_there_and_people_in_its_zones() -> None:
    now = MIDNIGHT + timedelta(hours=10, minutes=20)
    record = SiteRecord(small_site(), _Series(now))
    gates, zones = len(small_site().counters), len(small_site().zones)
    visitors, present = _row(record, now, VISITORS), _row(record, now, PRESENT)
    assert visitors[-1, :10] == pytest.approx(60 * gates)
    assert np.isnan(visitors[-1, 10:]).all(), "the hour under way is not known yet"
    assert present[-1, :10] == pytest.approx(20 * zones)
    by_zone, whole = record.today(now)
    assert whole.visitors == pytest.approx(600 * gates)
    assert whole.person_h == pytest.approx(200 * zones)
    assert by_zone["bridge"].visitors is None, "no gate leads there"
    assert by_zone["lotus"].visitors == pytest.approx(600)


def test_whole_past_days_are_read_once() -> None:
    now = MIDNIGHT + timedelta(hours=10)
    series = _Series(now)
    record = SiteRecord(small_site(), series)
    first = record.history(now, days=4)
    asked = series.asked
    again = record.history(now + timedelta(hours=1), days=4)
    assert np.array_equal(first.counts[:, :3], again.counts[:, :3], equal_nan=True)
    assert series.asked == 2 * asked, "as many questions, but only for the last two days"


def test_a_site_without_gates_reckons_visitors_from_the_people_and_their_stay() -> None:
    now = MIDNIGHT + timedelta(hours=10)
    site = small_site().model_copy(update={"counters": []})
    record = SiteRecord(site, _Series(now))
    assert _row(record, now, VISITORS)[-1, 3] == pytest.approx(20 * len(site.zones) / 2)
    assert record.today(now)[1].visitors == pytest.approx(10 * 20 * len(site.zones) / 2)
