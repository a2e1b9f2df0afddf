"""When the day is fullest: past days that began like this one vote for the hour.

The hour named is the middle of the three hours most likely to hold the peak, which is what a person can act on;
the fullest hour of an average day is a worse guess where the peak wanders.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from crowd.forecast.features import Days
from crowd.forecast.history import HOURS, Floats, Wholes
from crowd.forecast.scale import Scale

_REACH_AS_IT_WAS: Final = 0.5
_REACH_AS_IT_DIFFERED: Final = 0.7
_SAME_WEEKDAY: Final = 4.0
_FORGET_DAYS: Final = 250.0
RESCALE_DAYS: Final = 28
MOST_DAYS: Final = 730
"""Older days have next to no weight and are left out."""


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """A day's course: people in each hour (known hours as counted) and the hour of its peak."""

    profile: Floats
    peak_hour: int


class Courses:
    """The courses of one site's days; learns again every `RESCALE_DAYS` days of the calendar."""

    def __init__(self, days: Days, counts: Floats, site: int, first_ordinal: int) -> None:
        self._hour = days.hour
        self._counts = counts[site]
        self._usual = days.usual_hours[site]
        self._apart = np.log1p(self._counts) - self._usual
        self._views = [view.features[site] for view in (days.by_weekday, days.by_level)]
        self._full = np.isfinite(self._counts).all(1) & np.isfinite(days.rest[site])
        self._first = first_ordinal
        self._learned: tuple[int, list[Floats]] | None = None

    def course(self, day: int, rest: float) -> Course:
        """The course of a day (its column) whose remaining people are forecast as `rest`."""
        hour = self._hour
        morning = self._morning(day)
        past = np.flatnonzero(self._full[:day])[-MOST_DAYS:]
        if not len(past):
            profile = np.concatenate([morning, np.full(HOURS - hour, rest / (HOURS - hour))])
            return Course(profile=profile, peak_hour=int(profile.argmax()))
        votes, profile = np.zeros(HOURS), np.zeros(HOURS - hour)
        for apart in self._distances(day, past):
            for reach, futures in (
                (_REACH_AS_IT_WAS, self._counts[past, hour:]),
                (_REACH_AS_IT_DIFFERED, self._as_it_differed(day, past)),
            ):
                weights = self._weights(apart, reach, day, past)
                scaled = futures * (rest / np.maximum(futures.sum(1), 1.0))[:, None]
                whole = np.concatenate([np.tile(morning, (len(past), 1)), scaled], 1)
                votes += np.bincount(whole.argmax(1), weights=weights, minlength=HOURS)
                profile += weights @ scaled
        profile *= rest / max(float(profile.sum()), 1e-9)
        near = votes.copy()
        near[1:] += votes[:-1]
        near[:-1] += votes[1:]
        return Course(
            profile=np.concatenate([morning, profile]),
            peak_hour=int((near + 1e-3 * votes).argmax()),
        )

    def _morning(self, day: int) -> Floats:
        """The hours counted so far; an hour that is missing is taken as usual."""
        counted = self._counts[day, : self._hour]
        usual = np.nan_to_num(np.expm1(self._usual[day, : self._hour]))
        return np.asarray(np.where(np.isfinite(counted), counted, usual))

    def _as_it_differed(self, day: int, past: Wholes) -> Floats:
        """Past days' departures from their usual, laid on this day's usual."""
        laid = np.expm1(self._usual[day, self._hour :] + self._apart[past, self._hour :])
        known = np.isfinite(laid).all(1)[:, None]
        return np.asarray(np.where(known, laid, self._counts[past, self._hour :]))

    def _distances(self, day: int, past: Wholes) -> list[Floats]:
        start = day - (self._first + day) % RESCALE_DAYS
        if self._learned is None or self._learned[0] != start:
            self._learned = (
                start,
                [_standard(view, self._full[: max(start, 0)]) for view in self._views],
            )
        return [((rows[past] - rows[day]) ** 2).mean(1) for rows in self._learned[1]]

    def _weights(self, apart: Floats, reach: float, day: int, past: Wholes) -> Floats:
        weights = np.exp(-(apart - apart.min()) / (2 * reach**2) - (day - past) / _FORGET_DAYS)
        weights *= np.where((day - past) % 7 == 0, _SAME_WEEKDAY, 1.0)
        return np.asarray(weights / weights.sum())


def _standard(view: Floats, full: NDArray[np.bool_]) -> Floats:
    known = view[: len(full)][full]
    if not len(known):
        return np.zeros_like(view)
    return Scale.of(known).apply(view)
