"""The day's forecast: better than last week, honest about its doubt, and never from what was not yet known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowd.forecast.evaluation import evaluate
from crowd.forecast.features import easter
from crowd.forecast.forecaster import DayForecast, Forecaster, Note
from crowd.forecast.history import History
from tests.crowd.forecast_streets import day, history, street

YEAR = history(street(310, seed=1), street(310, seed=2, level=2000.0))


def _one(record: History, number: int, hour: int = 10) -> DayForecast:
    return Forecaster().predict(record, day(number), hour)["a"]


def _same(left: DayForecast, right: DayForecast) -> None:
    assert (left.peak_hour, left.notes) == (right.peak_hour, right.notes)
    assert left.profile == pytest.approx(right.profile, rel=1e-6)
    assert left.total == pytest.approx(right.total, rel=1e-6)
    assert left.low == pytest.approx(right.low, rel=1e-6)
    assert left.high == pytest.approx(right.high, rel=1e-6)


@settings(max_examples=5, deadline=None)
@given(
    number=st.integers(8, 308),
    hour=st.sampled_from([0, 1, 6, 8, 10, 14, 23]),
    seed=st.integers(0, 9),
)
def test_what_comes_after_the_cut_off_changes_nothing(number: int, hour: int, seed: int) -> None:
    changed = YEAR.reported.copy()
    random = np.random.default_rng(seed)
    changed[:, number, hour:] = random.choice([0.0, 7.0, 90_000.0, np.nan])
    changed[:, number + 1 :] = random.integers(0, 9, (2, YEAR.days - number - 1, 24))
    other = history(*changed)
    known = Forecaster().predict(YEAR, day(number), hour)
    for found in Forecaster().walk(other, day(number), day(number), hour):
        _same(known[found.site], found)


def test_a_year_in_a_row_is_what_each_morning_would_have_said() -> None:
    walked = {
        (found.site, found.day): found for found in Forecaster().walk(YEAR, day(250), day(309), 10)
    }
    for number in (250, 279, 309):
        for site, found in Forecaster().predict(YEAR, day(number), 10).items():
            _same(found, walked[site, day(number)])


def test_a_busy_morning_raises_the_day_and_the_bounds_hold() -> None:
    score = evaluate(YEAR, day(250), 10)["all"]
    assert score.days == 120
    assert score.wape is not None
    assert score.wape_last_week is not None
    assert score.wape < 0.3 * score.wape_last_week
    assert score.coverage_80 == pytest.approx(0.8, abs=0.1)
    assert score.peak_hit_1h == pytest.approx(1.0, abs=0.05)


def test_later_in_the_day_the_forecast_is_nearer() -> None:
    early, late = (evaluate(YEAR, day(270), hour)["all"].wape for hour in (8, 14))
    assert early is not None
    assert late is not None
    assert late < early


def test_a_forecast_adds_up() -> None:
    found = _one(YEAR, 300)
    assert found.total is not None
    assert found.low is not None
    assert found.high is not None
    assert sum(found.profile) == pytest.approx(found.total)
    assert found.profile[:10] == tuple(YEAR.counts[0, 300, :10])
    assert sum(found.profile[:10]) <= found.low < found.total < found.high
    assert found.notes == ()


def test_with_nothing_before_it_there_is_no_number() -> None:
    found = _one(history(street(1)), 0)
    assert (found.total, found.low, found.high, found.peak_hour, found.profile) == (None,) * 4 + (
        (),
    )
    assert found.notes == (Note.NOTHING_KNOWN,)


def test_a_site_of_one_week_says_so_and_is_wide() -> None:
    young, old = _one(history(street(8)), 7), _one(YEAR, 300)
    assert Note.NEW_SITE in young.notes
    assert _width(young) > 2 * _width(old)


def _width(found: DayForecast) -> float:
    assert found.total is not None
    assert found.low is not None
    assert found.high is not None
    return (found.high - found.low) / found.total


def test_missing_hours_of_the_morning_are_filled_named_and_widen() -> None:
    counts = YEAR.reported[0].copy()
    counts[300, 8:10] = np.nan
    found, whole = _one(history(counts), 300), _one(history(YEAR.reported[0]), 300)
    assert Note.MORNING_INCOMPLETE in found.notes
    assert found.profile[9] > 0
    assert _width(found) > _width(whole)


def test_a_counter_that_died_this_morning_does_not_empty_the_day() -> None:
    counts = YEAR.reported[0].copy()
    counts[300] = 0
    found = _one(history(counts), 300, 14)
    assert Note.MORNING_INCOMPLETE in found.notes
    assert found.total is not None
    assert found.total > 0.3 * YEAR.reported[0, 300].sum()


def test_weeks_of_gap_and_dead_days_are_survived_and_named() -> None:
    counts = YEAR.reported[0].copy()
    counts[230:280] = np.nan
    counts[280:300] = 0
    found = _one(history(counts), 300)
    assert Note.SILENT_BEFORE in found.notes
    assert found.total == pytest.approx(YEAR.reported[0, 300].sum(), rel=0.3)


def test_one_absurd_day_in_the_past_hardly_moves_the_next() -> None:
    counts = YEAR.reported[0].copy()
    counts[295] *= 50
    odd, plain = _one(history(counts), 300).total, _one(history(YEAR.reported[0]), 300).total
    assert odd == pytest.approx(plain, rel=0.15)


def test_an_hour_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 0 to 23"):
        list(Forecaster().walk(YEAR, day(3), day(3), 24))


@pytest.mark.parametrize(
    ("year", "month", "date"),
    [(1961, 4, 2), (2008, 3, 23), (2014, 4, 20), (2016, 3, 27), (2038, 4, 25)],
)
def test_easter_falls_where_the_almanac_says(year: int, month: int, date: int) -> None:
    found = easter(year)
    assert (found.month, found.day) == (month, date)
