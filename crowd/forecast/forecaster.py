"""The day's forecast: how many people in all, between which bounds, in which hours, and when most.

`Forecaster.predict` is one day as operators see it; `Forecaster.walk` is many days in a row, each from what was
known on its own morning, and gives for each exactly what `predict` gives.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

import msgspec
import numpy as np

from crowd.forecast import intervals
from crowd.forecast.features import Days, look
from crowd.forecast.history import HOURS, Floats, History
from crowd.forecast.peak import Courses
from crowd.forecast.regression import RELEARN_DAYS, Trust, guess_days
from crowd.forecast.surroundings import Surroundings

_UNLEARNED_DEVIATION: Final = 0.4
"""The doubt of a forecast that only scales the last days: a third of the remainder and more."""

_MISSING_HOUR_WIDENS: Final = 0.15
"""Each missing hour of the morning widens the doubt by this share."""

FEW_EVENTS: Final = 3
_NEW_EVENT_WIDENS: Final = 1.5
"""With fewer event days than this in the record the operator's guess stands in, and the doubt grows."""

NEW_SITE_DAYS: Final = 56
SILENT_DAYS: Final = 7


class Note(StrEnum):
    """Why a forecast is worth less than usual."""

    NEW_SITE = "site_opened_recently"
    MORNING_INCOMPLETE = "hours_missing_this_morning"
    SILENT_BEFORE = "no_whole_day_in_the_last_week"
    NEW_EVENT = "few_events_before_this_one"
    NOTHING_KNOWN = "no_day_to_learn_from"


class DayForecast(msgspec.Struct, frozen=True, kw_only=True):
    """What is expected of one day at one site; people. `low` and `high` hold the total in 80 % of days.

    `profile` is 24 hours, those before the cut-off as counted. `peak_hour` is the middle of the three hours most
    likely to hold the day's fullest hour, `peak_people` what is expected in it. Without any day to learn from
    there is no number at all.
    """

    site: str
    day: dt.date
    hour: int
    total: float | None
    low: float | None
    high: float | None
    profile: tuple[float, ...]
    peak_hour: int | None
    peak_people: float | None
    notes: tuple[Note, ...]


class Forecaster:
    """Forecasts days from a record of hourly counts; holds no state, so that a restart changes nothing."""

    def __init__(
        self, trust: Trust | None = None, *, surroundings: Surroundings | None = None
    ) -> None:
        self._trust = trust or Trust()
        self._surroundings = surroundings or Surroundings()

    def predict(self, history: History, day: dt.date, hour: int) -> dict[str, DayForecast]:
        """Forecast `day` for every site, as known at `hour`:00; later rows in `history` are not looked at."""
        known = history.known_at(day, hour)
        return {found.site: found for found in self.walk(known, day, day, hour)}

    def walk(
        self, history: History, first: dt.date, last: dt.date, hour: int
    ) -> Iterator[DayForecast]:
        """Forecast each day from `first` to `last` at `hour`:00 from what was known then, site by site."""
        if not 0 <= hour < HOURS:
            raise ValueError(f"hour {hour}: expected 0 to {HOURS - 1}")
        begin, end = max(0, history.index(first)), min(history.days, history.index(last) + 1)
        around = self._surroundings
        if begin >= end:
            return
        days = look(history, hour, around.signs(history.first_day, history.days))
        for site in range(len(history.sites)):
            place = _Site(history, days, site, trust=self._trust, around=around)
            yield from place.forecasts(begin, end)


class _Site:
    """One site's days in a row."""

    def __init__(
        self, history: History, days: Days, site: int, *, trust: Trust, around: Surroundings
    ) -> None:
        self._around = around
        self._history = history
        self._days = days
        self._site = site
        self._trust = trust
        self._courses = Courses(days, history.counts, site, history.first_day.toordinal())

    def forecasts(self, begin: int, end: int) -> Iterator[DayForecast]:
        """Forecast the days of columns [begin, end)."""
        expected, doubt = self._expect(max(0, begin - intervals.TRIAL_DAYS), end)
        truth = np.log(np.maximum(self._days.rest[self._site, :end], 1.0))
        errors = (truth - expected) / doubt
        for column in range(begin, end):
            if np.isfinite(expected[column]):
                back = np.arange(max(0, column - intervals.TRIAL_DAYS), column)
                reach = intervals.bounds(errors[back], column - back)
                yield self._forecast(column, float(expected[column]), float(doubt[column]), reach)
            else:
                yield self._unknown(column)

    def _expect(self, begin: int, end: int) -> tuple[Floats, Floats]:
        """The log of the people still to come and its deviation, for columns [0, end).

        Blocks are cut by the calendar and not by what was asked, so that one day alone and a year in a row
        learn from the same days. Where nothing was learned, the weekday scaled by the morning stands in, or the
        level of the last days.
        """
        days, site = self._days, self._site
        expected, doubt = np.full(end, np.nan), np.full(end, np.nan)
        block = begin - (self._history.first_day.toordinal() + begin) % RELEARN_DAYS
        while block < end:
            first, last = max(block, 0), min(block + RELEARN_DAYS, end)
            views = (days.by_weekday, days.by_level)
            guesses = [guess_days(view, site, first, last, self._trust) for view in views]
            bases = [view.base[site, first:last] for view in views]
            means = [base + guess.mean for base, guess in zip(bases, guesses, strict=True)]
            expected[first:last] = np.mean(means, 0)
            doubt[first:last] = np.mean([guess.deviation for guess in guesses], 0)
            block += RELEARN_DAYS
        scaled, level = days.scaled_rest[site, :end], days.by_level.base[site, :end]
        plain = np.where(np.isfinite(scaled), scaled, level)
        learned = np.isfinite(expected)
        return np.where(learned, expected, plain), np.where(learned, doubt, _UNLEARNED_DEVIATION)

    def _forecast(
        self, column: int, expected: float, doubt: float, reach: tuple[float, float]
    ) -> DayForecast:
        hour = self._days.hour
        missing = int((~np.isfinite(self._history.counts[self._site, column, :hour])).sum())
        wide = doubt * (1 + _MISSING_HOUR_WIDENS * missing)
        events = self._events_before(column)
        if events is not None:
            more = max(1 + self._around.more_visitors(self._day(column)), 0.1)
            expected += float(np.log(more)) * 2 / (2 + events)
            wide *= _NEW_EVENT_WIDENS if events < FEW_EVENTS else 1.0
        rest = float(np.exp(expected))
        course = self._courses.course(column, rest)
        so_far = float(course.profile[:hour].sum())
        return DayForecast(
            site=self._history.sites[self._site],
            day=self._day(column),
            hour=hour,
            total=so_far + rest,
            low=so_far + rest * float(np.exp(min(reach[0], 0.0) * wide)),
            high=so_far + rest * float(np.exp(max(reach[1], 0.0) * wide)),
            profile=tuple(course.profile.tolist()),
            peak_hour=course.peak_hour,
            peak_people=float(course.profile[course.peak_hour]),
            notes=self._notes(column, events),
        )

    def _events_before(self, column: int) -> int | None:
        """How many days with an announced event the record knows; none on a day without one."""
        if not self._around.on(self._day(column)):
            return None
        known = np.flatnonzero(np.isfinite(self._days.rest[self._site, :column]))
        return sum(bool(self._around.on(self._day(int(past)))) for past in known)

    def _notes(self, column: int, events: int | None) -> tuple[Note, ...]:
        found = _notes(self._history, self._days, self._site, column)
        few = events is not None and events < FEW_EVENTS
        return (*found, Note.NEW_EVENT) if few else found

    def _unknown(self, column: int) -> DayForecast:
        return DayForecast(
            site=self._history.sites[self._site],
            day=self._day(column),
            hour=self._days.hour,
            total=None,
            low=None,
            high=None,
            profile=(),
            peak_hour=None,
            peak_people=None,
            notes=(Note.NOTHING_KNOWN,),
        )

    def _day(self, column: int) -> dt.date:
        return self._history.first_day + dt.timedelta(days=column)


def _notes(history: History, days: Days, site: int, column: int) -> tuple[Note, ...]:
    known = np.isfinite(days.rest[site, :column])
    notes = []
    if known.sum() < NEW_SITE_DAYS:
        notes.append(Note.NEW_SITE)
    elif not known[-SILENT_DAYS:].any():
        notes.append(Note.SILENT_BEFORE)
    if not np.isfinite(history.counts[site, column, : days.hour]).all():
        notes.append(Note.MORNING_INCOMPLETE)
    return tuple(notes)
