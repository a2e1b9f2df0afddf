"""What the morning says: today's counts so far, set against what is usual for such a day.

Everything about a day is worked out from earlier days and from the hours before the cut-off, so that the same
table serves learning and forecasting. All quantities are natural logarithms of people; an unknown is NaN.
"""

from __future__ import annotations

import calendar
import datetime as dt
import itertools
from typing import Final

import msgspec
import numpy as np

from crowd.forecast.history import Floats, History, Wholes, mean_known

USUAL_WEEKS: Final = 6
"""A weekday's usual day is the median of its last six; shorter is noisy, longer lags the season."""

LEVEL_DAYS: Final = 28
FEWEST_PEOPLE: Final = 20.0
"""Below this a ratio of counts means nothing; totals are held up to it before taking the logarithm."""

YEARS_BACK: Final = 4


class View(msgspec.Struct, frozen=True, kw_only=True):
    """One way to look at the days: what to learn (log of the people still to come, less `base`) and from what."""

    base: Floats
    target: Floats
    features: Floats


class Days(msgspec.Struct, frozen=True, kw_only=True):
    """All days at one cut-off hour. Arrays are sites × days; `so_far` and `rest` are people, NaN if unknown.

    `usual_hours` (× 24) are the logs of each hour's people on such a weekday; `scaled_rest` the log of the
    people still to come if the day stays above or below its usual as the morning did.
    """

    hour: int
    so_far: Floats
    rest: Floats
    usual_hours: Floats
    scaled_rest: Floats
    by_weekday: View
    by_level: View


def look(history: History, hour: int, signs: Floats | None = None) -> Days:
    """Describe every day of the record as it looked at `hour`:00.

    `signs` (days × any) is what was known of the days before they came; NaN where it was not.
    """
    counts = history.counts
    signs = np.zeros((history.days, 0)) if signs is None else signs
    ordinals = history.first_day.toordinal() + np.arange(history.days)
    weekday = (ordinals + 6) % 7
    so_far = counts[:, :, :hour].sum(2)
    rest = counts[:, :, hour:].sum(2)
    rest = np.where(so_far + rest > 0, rest, np.nan)  # a day of nothing is a dead counter's
    blocks = _blocks(hour)
    logs = np.stack(
        [_log(rest), _log(so_far + rest), _log(so_far, 5.0), _log(counts[:, :, 18:].sum(2), 5.0)]
        + [np.log1p(counts[:, :, first:last]).mean(2) for first, last in blocks],
        axis=2,
    )
    usual = np.stack([_usual(site, weekday, USUAL_WEEKS) for site in logs])
    level = np.stack([_usual(site, np.zeros_like(weekday), LEVEL_DAYS) for site in logs])
    above = logs - usual
    ahead = np.broadcast_to(signs, (len(counts), *signs.shape))
    common = np.concatenate([_common(above, ordinals, weekday, usual), ahead], 2)
    morning = above[:, :, 2:3] if hour else above[:, :, :0]
    shape = _shape(logs[:, :, 4:])
    recent = slice(max(4, logs.shape[2] - 2), None)
    by_weekday = [
        morning,
        above[:, :, 4:],
        shape,
        _others(morning),
        _others(above[:, :, recent]),
        common,
    ]
    off = logs - level
    by_level = [
        off[:, :, 4:],
        shape,
        _others(off[:, :, recent]),
        common,
        usual[:, :, :1] - level[:, :, :1],
    ]
    return Days(
        hour=hour,
        so_far=so_far,
        rest=rest,
        usual_hours=np.stack([_usual(site, weekday, USUAL_WEEKS) for site in np.log1p(counts)]),
        scaled_rest=usual[:, :, 0] + (above[:, :, 2] if hour else 0.0),
        by_weekday=View(
            base=usual[:, :, 0], target=above[:, :, 0], features=np.concatenate(by_weekday, 2)
        ),
        by_level=View(
            base=level[:, :, 0], target=off[:, :, 0], features=np.concatenate(by_level, 2)
        ),
    )


def _log(people: Floats, least: float = FEWEST_PEOPLE) -> Floats:
    return np.log(np.maximum(people, least))


def _blocks(hour: int) -> list[tuple[int, int]]:
    """The known hours in groups: the night coarse, the morning hour by hour."""
    edges = [edge for edge in (0, 2, 5, 7) if edge < hour] + list(range(8, hour)) + [hour]
    return list(itertools.pairwise(edges))


def _usual(days: Floats, kind: Wholes, last: int) -> Floats:
    """For each day the median of the `last` known earlier days of the same kind; days × columns."""
    usual = np.full_like(days, np.nan)
    known = np.isfinite(days).all(1)
    for one in np.unique(kind):
        wanted = np.flatnonzero(kind == one)
        have = np.flatnonzero(known & (kind == one))
        medians = np.full((len(have) + 1, days.shape[1]), np.nan)
        for end in range(1, len(have) + 1):
            medians[end] = np.median(days[have[max(0, end - last) : end]], 0)
        usual[wanted] = medians[np.searchsorted(have, wanted)]
    return usual


def _shape(blocks: Floats) -> Floats:
    """The form of the morning apart from its height: the last hour against earlier ones."""
    if blocks.shape[2] < 3:
        return blocks[:, :, :0]
    last = blocks[:, :, -1:]
    return np.concatenate(
        [last - blocks[:, :, -2:-1], last - blocks[:, :, -3:-2], last - blocks[:, :, :1]], 2
    )


def _others(columns: Floats) -> Floats:
    """The mean over the other sites, so that one place's morning tells about another's day."""
    sites = columns.shape[0]
    if sites == 1:
        return columns[:, :, :0]
    return np.stack([mean_known(np.delete(columns, site, 0), 0) for site in range(sites)])


def _common(above: Floats, ordinals: Wholes, weekday: Wholes, usual: Floats) -> Floats:
    """What both views need: the last days, the level, the calendar."""
    total = above[:, :, 1]
    late = [_lag(total, days) for days in (1, 2, 3, 7, 364)]
    week = mean_known(np.stack([_lag(total, days) for days in range(1, 8)]), 0)
    fortnight = mean_known(np.stack([_lag(total, days) for days in range(1, 15)]), 0)
    ratio = usual[:, :, 0] - usual[:, :, 2]
    mine = [
        *late,
        _lag(above[:, :, 3], 1),
        week,
        fortnight,
        ratio,
        *_anniversaries(total, ordinals),
    ]
    shared = [(weekday == day).astype(float) for day in (0, 4, 5, 6)]
    turn = 2 * np.pi * np.array([dt.date.fromordinal(int(o)).timetuple().tm_yday for o in ordinals])
    for times in (1, 2):
        shared += [np.sin(times * turn / 365.25), np.cos(times * turn / 365.25)]
    mine += [np.broadcast_to(column, total.shape) for column in shared]
    return np.stack(mine, 2)


def _lag(columns: Floats, days: int) -> Floats:
    late = np.full_like(columns, np.nan)
    late[:, days:] = columns[:, :-days] if days < columns.shape[1] else columns[:, :0]
    return late


def _anniversaries(total: Floats, ordinals: Wholes) -> list[Floats]:
    """How far the same feast lay above the usual in earlier years, where the record reaches.

    Three ways to be the same feast, without knowing the country: the same date; the same weekday of the month
    (the first Tuesday of November); the same distance from Easter. Mean over up to four years.
    """
    ways = [np.full_like(total, np.nan) for _ in range(3)]
    first, size = int(ordinals[0]), len(ordinals)
    for column, ordinal in enumerate(ordinals):
        day = dt.date.fromordinal(int(ordinal))
        for way, days in zip(ways, _same_feast(day), strict=True):
            past = [o - first for o in days if 0 <= o - first < min(column, size)]
            if past:
                way[:, column] = mean_known(total[:, past], 1)
    return ways


def _same_feast(day: dt.date) -> tuple[list[int], list[int], list[int]]:
    date, nth, moving = [], [], []
    from_easter = day.toordinal() - easter(day.year).toordinal()
    for year in range(day.year - 1, max(1, day.year - 1 - YEARS_BACK), -1):
        if day.day <= calendar.monthrange(year, day.month)[1]:
            date.append(day.replace(year=year).toordinal())
        start = dt.date(year, day.month, 1)
        shift = (day.weekday() - start.weekday()) % 7 + 7 * ((day.day - 1) // 7)
        nth.append(start.toordinal() + shift)
        if -10 <= from_easter <= 60:
            moving.append(easter(year).toordinal() + from_easter)
    return date, nth, moving


def easter(year: int) -> dt.date:
    """Easter Sunday of the Gregorian calendar (the anonymous algorithm of 1876)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    e = (32 + 2 * (b % 4) + 2 * (c // 4) - d - c % 4) % 7
    month, day = divmod(d + e - 7 * ((a + 11 * d + 22 * e) // 451) + 114, 31)
    return dt.date(year, month, day + 1)
