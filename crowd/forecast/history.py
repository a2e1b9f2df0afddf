"""What was counted at each place, hour by hour: the record that forecasts are made from."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

HOURS: Final = 24
COLUMNS: Final = ("site", "date", "hour", "count")
MOST_PER_HOUR: Final = 2_000_000
"""More people than this do not pass one counter in an hour; such a number is a broken export."""

MOST_DAYS: Final = 40 * 366
DEAD_HOURS: Final = 3
"""So many zeros in a row in hours that are otherwise busy mean a dead counter, not an empty street."""

BUSY_PER_HOUR: Final = 60

Floats = NDArray[np.float64]
Wholes = NDArray[np.int64]


def mean_known(values: Floats, axis: int | tuple[int, ...]) -> Floats:
    """The mean of what is known; NaN where nothing is."""
    known = np.isfinite(values)
    total = np.where(known, values, 0.0).sum(axis)
    number = known.sum(axis)
    return np.asarray(np.where(number > 0, total / np.maximum(number, 1), np.nan))


class HistoryError(Exception):
    """A file of counts that cannot be used; the message names file, line and what would be right."""


class History(msgspec.Struct, frozen=True, kw_only=True):
    """Hourly counts of several sites, side by side on one calendar.

    `reported` is sites × days × 24, in people, NaN where no row stands. `counts` is the same without the
    zeros of dead counters: missing is never zero. Day 0 is `first_day`.
    """

    sites: tuple[str, ...]
    first_day: dt.date
    reported: Floats
    counts: Floats

    @property
    def days(self) -> int:
        """How many days of the calendar the record spans."""
        return int(self.counts.shape[1])

    def index(self, day: dt.date) -> int:
        """The column of a day; may lie outside the record."""
        return (day - self.first_day).days

    def known_at(self, day: dt.date, hour: int) -> History:
        """What was known on `day` at `hour`:00: all earlier days and the hours of the day before it."""
        last = self.index(day)
        if last < 0:
            raise ValueError(f"{day} lies before the record's first day {self.first_day}")
        known = np.full((len(self.sites), last + 1, HOURS), np.nan)
        span = min(last + 1, self.days)
        known[:, :span] = self.reported[:, :span]
        known[:, last, hour:] = np.nan
        return from_counts(self.sites, self.first_day, known)


def read_history(path: Path) -> History:
    """Read `site,date,hour,count`, UTF-8, one row an hour and site, in any order.

    Raises HistoryError naming file and line on the first row that cannot be meant.
    """
    rows: dict[tuple[str, int, int], tuple[int, int]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            _collect(path, csv.reader(stream, strict=True), rows)
    except UnicodeDecodeError as error:
        raise HistoryError(
            f"{path}:{_line_of(path, error)}: not UTF-8 text; save the file as UTF-8"
        ) from error
    except csv.Error as error:
        raise HistoryError(f"{path}: not a CSV file: {error}") from error
    except OSError as error:
        raise HistoryError(f"{path}: cannot be read: {error.strerror}") from error
    if not rows:
        raise HistoryError(f"{path}:2: no row; expected rows of {','.join(COLUMNS)}")
    return _arrange(path, rows)


def from_counts(sites: Iterable[str], first_day: dt.date, counts: Floats) -> History:
    """A record from an array of sites × days × 24, NaN where nothing was reported."""
    return History(
        sites=tuple(sites), first_day=first_day, reported=counts, counts=_without_dead(counts)
    )


def _line_of(path: Path, error: UnicodeDecodeError) -> int:
    """The line of the first byte that is not UTF-8: the decoder's own offset is within its buffer only."""
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        try:
            line.decode()
        except UnicodeDecodeError:
            return number
    return error.start


def _collect(
    path: Path,
    reader: Iterable[list[str]],
    rows: dict[tuple[str, int, int], tuple[int, int]],
) -> None:
    for number, row in enumerate(reader, start=1):
        if number == 1:
            if tuple(cell.strip().lower() for cell in row) != COLUMNS:
                raise HistoryError(
                    f"{path}:1: {','.join(row)[:80]!r}: expected the header {','.join(COLUMNS)}"
                )
            continue
        if not row:
            continue
        site, day, hour, count = _row(f"{path}:{number}", row)
        earlier = rows.setdefault((site, day, hour), (count, number))
        if earlier[1] != number:
            raise HistoryError(
                f"{path}:{number}: a second row for {site}, {dt.date.fromordinal(day)}, hour {hour}; "
                f"the first is line {earlier[1]}; keep one"
            )


def _row(place: str, row: list[str]) -> tuple[str, int, int, int]:
    if len(row) != len(COLUMNS):
        raise HistoryError(f"{place}: {len(row)} fields; expected {','.join(COLUMNS)}")
    site, date, hour, count = (cell.strip() for cell in row)
    if not site:
        raise HistoryError(f"{place}: site: empty; expected a name")
    try:
        day = dt.date.fromisoformat(date).toordinal()
    except ValueError:
        raise HistoryError(f"{place}: date: {date[:40]!r}; expected a day as 2016-07-01") from None
    return (
        site,
        day,
        _whole(place, "hour", hour, HOURS - 1),
        _whole(place, "count", count, MOST_PER_HOUR),
    )


def _whole(place: str, field: str, text: str, most: int) -> int:
    digits = text.removesuffix(".0")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 12 and int(digits) <= most):
        raise HistoryError(
            f"{place}: {field}: {text[:40]!r}; expected a whole number from 0 to {most}"
        )
    return int(digits)


def _arrange(path: Path, rows: dict[tuple[str, int, int], tuple[int, int]]) -> History:
    sites = tuple(dict.fromkeys(site for site, _, _ in rows))
    first = min(day for _, day, _ in rows)
    last = max(day for _, day, _ in rows)
    if last - first >= MOST_DAYS:
        raise HistoryError(
            f"{path}: days from {dt.date.fromordinal(first)} to {dt.date.fromordinal(last)}; "
            f"expected at most {MOST_DAYS} days"
        )
    place = {site: number for number, site in enumerate(sites)}
    counts = np.full((len(sites), last - first + 1, HOURS), np.nan)
    for (site, day, hour), (count, _) in rows.items():
        counts[place[site], day - first, hour] = count
    return from_counts(sites, dt.date.fromordinal(first), counts)


def _without_dead(counts: Floats) -> Floats:
    """The counts without the zeros that a dead counter sends in busy hours.

    An hour counts as busy by its median over the 28 days before, and a zero as dead once two others stood
    before it: only what came earlier decides, so that a cut-off within a dead stretch changes nothing.
    """
    cleaned = counts.copy()
    for site in cleaned:
        for day in np.flatnonzero((site == 0).sum(1) >= DEAD_HOURS):
            before = site[max(0, day - 28) : day]
            usual = before[np.isfinite(before).all(1)]
            if not len(usual):
                continue
            suspect = (site[day] == 0) & (np.median(usual, 0) >= BUSY_PER_HOUR)
            run = 0
            for hour in range(HOURS):
                run = run + 1 if suspect[hour] else 0
                if run >= DEAD_HOURS:
                    site[day, hour] = np.nan
    return cleaned
