"""The site's own record of hours, from its store: visitors who came in, and people present.

Visitors are the passages of the gates that lead into the site. A site without gates reckons them from the people
present: person-hours over the mean stay. An hour in which nothing was seen is unknown and not zero.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from config.schema import SiteFile
from crowd.capacity import DaySoFar
from crowd.forecast.history import HOURS, Floats, History, from_counts

VISITORS: Final = "visitors"
PRESENT: Final = "present"
STEP_S: Final = 900.0
"""A quarter of an hour: the store keeps it for years, and every time zone's hours are whole quarters."""

MOST_DAYS: Final = 750
FILL_HOURS: Final = 3
"""A counter silent for so long still tells how many passed meanwhile; spread over more it tells no hour."""

_CHUNK: Final = timedelta(days=180)
_LEAST_SHARE: Final = 0.5
_SHARE_DAYS: Final = 28


class Step(Protocol):
    """One step of a series, as the store answers it."""

    @property
    def at(self) -> datetime: ...
    @property
    def mean(self) -> float: ...
    @property
    def high(self) -> float: ...


class Series(Protocol):
    """The store, as far as the record needs it."""

    def series(
        self,
        kind: str,
        id: str,  # noqa: A002 - the contract's own word
        quantity: str,
        start: datetime,
        end: datetime,
        *,
        step_s: float | None = None,
    ) -> Sequence[Step]: ...


class SiteRecord:
    """Hours of the site and its zones; whole past days are read once, today again at every call."""

    def __init__(self, site: SiteFile, store: Series) -> None:
        self._site = site
        self._store = store
        self._tz = ZoneInfo(site.site.timezone)
        self._gates = [counter.id for counter in site.counters if counter.site_gate]
        self._of_zone = {
            zone.id: [counter.id for counter in site.counters if counter.zone == zone.id]
            for zone in site.zones
        }
        self._kept: dict[tuple[str, str], tuple[dt.date, Floats]] = {}
        self._first: dt.date | None = None

    def history(self, now: datetime, *, days: int = MOST_DAYS) -> History:
        """Visitors and people present by hour, up to now; the hour under way is not in it."""
        today = now.astimezone(self._tz).date()
        first = today - timedelta(days=days - 1)
        present = self.present(first, today, now)
        visitors = self.visitors(first, today, now)
        rows = np.stack([visitors, present])
        known = np.flatnonzero(np.isfinite(rows).any((0, 2)))
        begin = int(known[0]) if len(known) else rows.shape[1] - 1
        return from_counts((VISITORS, PRESENT), first + timedelta(days=begin), rows[:, begin:])

    def visitors(self, first: dt.date, last: dt.date, now: datetime) -> Floats:
        """Visitors by hour, days × 24, NaN where unknown."""
        if self._gates:
            hours = [self._hours("counter", gate, first, last, now) for gate in self._gates]
            return fill_by_share(np.stack(hours))
        stay_h = self._site.visits.mean_stay_min / 60.0
        return self.present(first, last, now) / stay_h

    def today(self, now: datetime) -> tuple[dict[str, DaySoFar], DaySoFar]:
        """What was counted since midnight: by zone, and of the site as a whole."""
        day = now.astimezone(self._tz).date()
        zones = {
            zone.id: _so_far(
                [self._hours("counter", gate, day, day, now) for gate in self._of_zone[zone.id]],
                self._hours("zone", zone.id, day, day, now),
            )
            for zone in self._site.zones
        }
        gates = [self._hours("counter", gate, day, day, now) for gate in self._gates]
        present = self.present(day, day, now)
        whole = _so_far(gates, present)
        if not self._gates and whole.person_h is not None:
            stay_h = self._site.visits.mean_stay_min / 60.0
            whole = DaySoFar(visitors=whole.person_h / stay_h)
        return zones, whole

    def present(self, first: dt.date, last: dt.date, now: datetime) -> Floats:
        """People on the site by hour; a zone that was blind counts as its share of the others."""
        zones = [self._hours("zone", zone.id, first, last, now) for zone in self._site.zones]
        return fill_by_share(np.stack(zones))

    def _hours(self, kind: str, name: str, first: dt.date, last: dt.date, now: datetime) -> Floats:
        """One source's hours, days × 24; whole past days are kept."""
        key = (kind, name)
        kept_first, kept = self._kept.get(key, (first, np.zeros((0, HOURS))))
        if first < kept_first:
            kept_first, kept = first, np.zeros((0, HOURS))
        begin = kept_first + timedelta(days=len(kept))
        if begin <= last:
            fresh = self._read(kind, name, begin, last, now)
            # The last two days may still gain rows: readings up to a day late are let in.
            whole = np.concatenate([kept, fresh])
            past = min(last, now.astimezone(self._tz).date())
            settled = max(0, (past - kept_first).days - 1)
            self._kept[key] = (kept_first, whole[:settled])
        else:
            whole = kept
        offset = (first - kept_first).days
        return whole[offset : offset + (last - first).days + 1]

    def _read(self, kind: str, name: str, first: dt.date, last: dt.date, now: datetime) -> Floats:
        start = datetime.combine(first, dt.time(), self._tz)
        whole_hour = now.replace(minute=0, second=0, microsecond=0)
        end = min(datetime.combine(last + timedelta(days=1), dt.time(), self._tz), whole_hour)
        days = (last - first).days + 1
        if kind == "counter":
            # One step earlier, so that the first passages have something to be counted from.
            steps = self._steps(kind, name, "in_total", start - timedelta(hours=FILL_HOURS), end)
            return passages(steps, first, days, self._tz)
        return means(self._steps(kind, name, "occupancy", start, end), first, days, self._tz)

    def _steps(
        self, kind: str, name: str, quantity: str, start: datetime, end: datetime
    ) -> list[Step]:
        found: list[Step] = []
        while start < end:
            until = min(start + _CHUNK, end)
            found += self._store.series(kind, name, quantity, start, until, step_s=STEP_S)
            start = until
        return found


def _so_far(gates: Sequence[Floats], present: Floats) -> DaySoFar:
    hours = present[-1]
    seen = np.isfinite(hours)
    counted = [gate[-1][np.isfinite(gate[-1])].sum() for gate in gates]
    known = [bool(np.isfinite(gate[-1]).any()) for gate in gates]
    return DaySoFar(
        visitors=float(sum(counted)) if gates and all(known) else None,
        person_h=float(hours[seen].sum()) if seen.any() else None,
        seen_h=float(seen.sum()),
    )


def means(steps: Sequence[Step], first: dt.date, days: int, tz: ZoneInfo) -> Floats:
    """The mean of each hour, of the quarters that were seen."""
    total, number = np.zeros((days, HOURS)), np.zeros((days, HOURS))
    for step in steps:
        local = step.at.astimezone(tz)
        day = (local.date() - first).days
        if 0 <= day < days:
            total[day, local.hour] += step.mean
            number[day, local.hour] += 1
    with np.errstate(invalid="ignore"):
        return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def passages(steps: Sequence[Step], first: dt.date, days: int, tz: ZoneInfo) -> Floats:
    """People who came in, by hour, from a counter's growing totals; after a reboot it begins at zero.

    What passed while the counter was not heard is spread evenly over that time, up to `FILL_HOURS`.
    """
    hours = np.full((days, HOURS), np.nan)
    begin = datetime.combine(first, dt.time(), tz)
    last: Step | None = None
    for step in steps:
        if last is not None:
            more = step.high - last.high if step.high >= last.high else step.high
            quarters = max(1, round((step.at - last.at).total_seconds() / STEP_S))
            if quarters <= FILL_HOURS * 3600 / STEP_S:
                for number in range(quarters):
                    _add(
                        hours, step.at - timedelta(seconds=number * STEP_S), more / quarters, begin
                    )
        last = step
    return hours


def _add(hours: Floats, at: datetime, people: float, begin: datetime) -> None:
    if at < begin:
        return
    local = at.astimezone(begin.tzinfo)
    day = (local.date() - begin.date()).days
    if day < len(hours):
        hours[day, local.hour] = np.nan_to_num(hours[day, local.hour]) + people


def fill_by_share(parts: Floats) -> Floats:
    """The whole from its parts; where some are unknown, the known ones stand for their usual share.

    Parts that usually make up less than half of the whole tell nothing about it: the hour is unknown.
    """
    known = np.isfinite(parts)
    whole = np.where(known.all(0), parts.sum(0), np.nan)
    some: NDArray[np.bool_] = np.asarray(known.any(0)) & ~np.asarray(known.all(0))
    for day in np.flatnonzero(some.any(1)):
        before = slice(max(0, day - _SHARE_DAYS), day + 1)
        usual = _means_of_parts(parts[:, before])
        if usual is None:
            continue
        for hour in np.flatnonzero(some[day]):
            here = known[:, day, hour]
            share = float(usual[here].sum() / usual.sum())
            if share >= _LEAST_SHARE:
                whole[day, hour] = parts[here, day, hour].sum() / share
    return whole


def _means_of_parts(parts: Floats) -> Floats | None:
    """Each part's mean over the hours that all of them know; none if there is no such hour."""
    together = np.isfinite(parts).all(0)
    if not together.any():
        return None
    usual = parts[:, together].mean(1)
    return usual if usual.sum() > 0 else None
