"""Gathering a report from the store: visitors, zones, warnings, receipts, cameras, people, forecasts."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from config.schema import SiteFile
from config.strict import ShortWords, Words, in_both
from console.reports.figures import (
    CameraFigures,
    Fullest,
    OperatorFigures,
    Period,
    Receipts,
    Report,
    Responses,
    Visitors,
    WarningRow,
    ZoneFigures,
)
from crowd.forecast.day import errors_at
from crowd.forecast.history import HOURS, Floats
from crowd.forecast.record import SiteRecord
from crowd.forecast.surroundings import Surroundings
from model.cases import Case, Change, Transition
from model.facts import DeviceKind
from model.orders import OrderRecord, OrderState
from model.outlook import DayError
from model.text import Bilingual
from store.embedded import StoreReader

FORECAST_HOUR: Final = 10
QUARTER_S: Final = 900.0
_QUARTER_MIN: Final = 15.0
_PAGE: Final = 500
_HEARD: Final = frozenset({OrderState.PLAYED, OrderState.CONFIRMED, OrderState.DONE})
_TEN_MIN_S: Final = 600.0


def span_of(period: Period, day: dt.date) -> tuple[dt.date, dt.date]:
    """The first and last day: the day itself, its week from Monday on, or its month."""
    if period is Period.DAILY:
        return day, day
    if period is Period.WEEKLY:
        first = day - timedelta(days=day.weekday())
        return first, first + timedelta(days=6)
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)


class Reporter:
    """Makes reports of one site from its store."""

    def __init__(self, site: SiteFile, store: StoreReader, around: Surroundings) -> None:
        self._site = site
        self._store = store
        self.around = around
        self._tz = ZoneInfo(site.site.timezone)
        self._record = SiteRecord(site, store)

    def report(self, period: Period, day: dt.date, now: datetime) -> Report:
        """The report of the period that a day lies in; what is still to come is unknown in it."""
        first, last = span_of(period, day)
        start, end = self._midnight(first), self._midnight(last + timedelta(days=1))
        cases = list(self._cases(start, end))
        zone_cases = [each for each in cases if each.subject_kind == "zone" and not each.exercise]
        rows = [self._row(case) for case in zone_cases]
        forecasts = self._forecasts(first, last, now)
        real = [each for each in cases if not each.exercise]
        return Report(
            period=period,
            site=_both(self._site.site.name),
            first=first,
            last=last,
            made_at=now.astimezone(self._tz),
            visitors=self._visitors(period, first, last, now),
            fullest=self._fullest(first, last, now),
            capacity=sum(zone.capacity for zone in self._site.zones),
            day_capacity=self._day_capacity(),
            zones=self._zones(period, start, min(end, now)),
            warnings=tuple(rows),
            responses=_responses(rows, exercises=len(cases) - len(real)),
            receipts=self._receipts(cases),
            cameras=self._cameras(start, min(end, now)),
            operators=self._operators(real),
            alarms_per_ten_min=_per_ten_min(len(real), start, min(end, now)),
            forecasts=forecasts,
            forecast_wape=_wape(forecasts),
            forecast_coverage=_coverage(forecasts),
        )

    def _midnight(self, day: dt.date) -> datetime:
        return datetime.combine(day, dt.time(), self._tz)

    def _day_capacity(self) -> float:
        visits = self._site.visits
        turns = visits.open_min / visits.mean_stay_min
        return turns * sum(zone.capacity for zone in self._site.zones)

    def _visitors(self, period: Period, first: dt.date, last: dt.date, now: datetime) -> Visitors:
        """By hour for a day, by day for longer; beside it the same days a week, or a period, earlier."""
        days = (last - first).days + 1
        back = timedelta(days=7 if period is Period.DAILY else days)
        hours = self._record.visitors(first - back, last, now)
        mine, before = hours[-days:], hours[: days if period is not Period.DAILY else 1]
        # A part of the period before would look like a change that nobody made.
        whole_before = np.isfinite(before).all()
        totals = mine.sum(1)
        known = np.isfinite(totals)
        busiest = int(np.nanargmax(totals)) if known.any() else None
        if period is Period.DAILY:
            steps = [self._midnight(first) + timedelta(hours=hour) for hour in range(HOURS)]
            shown, shown_before = mine[0], before[0]
        else:
            steps = [self._midnight(first + timedelta(days=n)) for n in range(days)]
            shown, shown_before = totals, before.sum(1)
        return Visitors(
            steps=tuple(steps),
            counted=_numbers(shown),
            before=_numbers(shown_before),
            total=_sum(shown),
            total_before=_sum(shown_before) if whole_before else None,
            busiest_day=None if busiest is None else first + timedelta(days=busiest),
            busiest_day_visitors=None if busiest is None else float(totals[busiest]),
        )

    def _fullest(self, first: dt.date, last: dt.date, now: datetime) -> Fullest | None:
        hours = self._record.present(first, last, now)
        if not np.isfinite(hours).any():
            return None
        day, hour = np.unravel_index(int(np.nanargmax(hours)), hours.shape)
        people = float(hours[day, hour])
        capacity = sum(zone.capacity for zone in self._site.zones)
        at = self._midnight(first + timedelta(days=int(day))) + timedelta(hours=int(hour))
        return Fullest(at=at, people=people, load_pct=100 * people / capacity)

    def _zones(self, period: Period, start: datetime, end: datetime) -> tuple[ZoneFigures, ...]:
        step_s = 3600.0 if period is Period.DAILY else 24 * 3600.0
        found = []
        for zone in self._site.zones:
            peaks = self._store.series("zone", zone.id, "peak_p_m2", start, end, step_s=QUARTER_S)
            people = self._store.series("zone", zone.id, "occupancy", start, end, step_s=QUARTER_S)
            top = max(peaks, key=lambda each: each.high, default=None)
            most = max((each.high for each in people), default=None)
            asked = max(0.0, (end - start).total_seconds() / QUARTER_S)
            found.append(
                ZoneFigures(
                    zone=zone.id,
                    name=_both(zone.name),
                    people_max=most,
                    load_max_pct=None if most is None else 100 * most / zone.capacity,
                    density_max_p_m2=None if most is None else most / zone.usable_area_m2,
                    peak_max_p_m2=None if top is None else top.high,
                    peak_at=None if top is None else top.at.astimezone(self._tz),
                    unseen_min=_QUARTER_MIN * max(0.0, asked - len(people)),
                    curve=_highest(peaks, start, end, step_s),
                )
            )
        return tuple(found)

    def _cases(self, start: datetime, end: datetime) -> Iterator[Case]:
        """Cases opened within the period, oldest first."""
        found: list[Case] = []
        before: str | None = None
        while True:
            page = self._store.cases(limit=_PAGE, before=before)
            found += [each for each in page if start <= each.opened < end]
            if len(page) < _PAGE or page[-1].opened < start:
                return iter(found[::-1])
            before = page[-1].id

    def _row(self, case: Case) -> WarningRow:
        history = self._store.transitions(case.id)
        taken = _taken(history)
        closed = next((each.at for each in history if each.change is Change.CLOSED), None)
        names = {zone.id: _both(zone.name) for zone in self._site.zones}
        return WarningRow(
            opened=case.opened.astimezone(self._tz),
            zone=names.get(case.subject, Bilingual(zh=case.subject, en=case.subject)),
            hazard=case.hazard,
            level=max((each.level for each in history), key=lambda level: level.rank)
            if history
            else case.level,
            taken_s=None if taken is None else (taken.at - case.opened).total_seconds(),
            owner=None if taken is None else self._person(taken.actor),
            lasted_s=None if closed is None else (closed - case.opened).total_seconds(),
        )

    def _receipts(self, cases: Sequence[Case]) -> Receipts:
        orders = [
            order
            for case in cases
            for order in self._store.orders(case=case.id, limit=100_000)
            if order.kind is DeviceKind.TERMINAL and order.action == "show"
        ]
        heard = [order for order in orders if order.state in _HEARD]
        waits = [(order.changed - order.issued).total_seconds() for order in heard]
        return Receipts(
            sent=len(orders),
            heard=len(heard),
            median_s=_quantile(waits, 0.5),
            worst_tenth_s=_quantile(waits, 0.9),
            by_terminal=_by_terminal(orders),
        )

    def _cameras(self, start: datetime, end: datetime) -> tuple[CameraFigures, ...]:
        """A camera that sent nothing in a quarter of an hour was silent in it."""
        curves = self._store.curves("camera", "blind", start, end, step_s=QUARTER_S)
        quarters = max(0.0, (end - start).total_seconds() / QUARTER_S)
        found = []
        for camera in self._site.cameras:
            curve = curves.get(camera.id)
            heard = 0 if curve is None else len(curve.at_ms)
            blind = 0.0 if curve is None else float(curve.mean.sum())
            found.append(
                CameraFigures(
                    camera=camera.id,
                    name=_both(camera.name),
                    blind_min=_QUARTER_MIN * blind,
                    silent_min=_QUARTER_MIN * max(0.0, quarters - heard),
                )
            )
        return tuple(sorted(found, key=lambda each: -(each.blind_min + each.silent_min)))

    def _operators(self, cases: Sequence[Case]) -> tuple[OperatorFigures, ...]:
        taken: dict[str, list[datetime]] = {}
        for case in cases:
            by = _taken(self._store.transitions(case.id))
            if by is not None:
                taken.setdefault(by.actor, []).append(by.at)
        return tuple(
            OperatorFigures(
                person=self._person(actor), taken=len(times), most_in_ten_min=_most(times)
            )
            for actor, times in sorted(taken.items(), key=lambda each: -len(each[1]))
        )

    def _person(self, actor: str) -> Bilingual:
        """The name of whoever acted; who is no longer of the site keeps the id that the audit has."""
        names = (each.name for each in self._site.people if each.id == actor)
        return _both(in_both(next(names, actor)))

    def _forecasts(self, first: dt.date, last: dt.date, now: datetime) -> tuple[DayError, ...]:
        return errors_at(self._record.history(now), self.around, first, last, FORECAST_HOUR)


def _both(words: Words | ShortWords) -> Bilingual:
    return Bilingual(zh=words.zh, en=words.en)


def _numbers(values: Floats) -> tuple[float | None, ...]:
    return tuple(float(each) if np.isfinite(each) else None for each in values)


def _sum(values: Floats) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.sum()) if len(known) else None


def _highest(
    points: Sequence[object], start: datetime, end: datetime, step_s: float
) -> tuple[float | None, ...]:
    """The highest value in each step of the period."""
    steps = int(np.ceil((end - start).total_seconds() / step_s))
    found: list[float | None] = [None] * max(0, steps)
    for point in points:
        at, high = point.at, point.high  # type: ignore[attr-defined] # the store's points
        step = int((at - start).total_seconds() // step_s)
        if 0 <= step < steps:
            found[step] = high if found[step] is None else max(found[step] or 0.0, high)
    return tuple(found)


def _taken(history: Sequence[Transition]) -> Transition | None:
    """The first step by which a person took the case over."""
    kinds = (Change.ACKNOWLEDGED, Change.ASSIGNED)
    return next((each for each in history if each.change in kinds), None)


def _responses(rows: Sequence[WarningRow], *, exercises: int) -> Responses:
    waits = [row.taken_s for row in rows if row.taken_s is not None]
    return Responses(
        warnings=len(rows),
        exercises=exercises,
        by_level=dict(Counter(row.level for row in rows)),
        by_hazard=dict(Counter(row.hazard for row in rows)),
        taken=len(waits),
        median_s=_quantile(waits, 0.5),
        worst_tenth_s=_quantile(waits, 0.9),
    )


def _by_terminal(orders: Sequence[OrderRecord]) -> tuple[tuple[str, int, int], ...]:
    sent = Counter(order.device for order in orders)
    heard = Counter(order.device for order in orders if order.state in _HEARD)
    share = {device: heard[device] / number for device, number in sent.items()}
    return tuple((each, sent[each], heard[each]) for each in sorted(sent, key=share.__getitem__))


def _quantile(values: Sequence[float], share: float) -> float | None:
    return float(np.quantile(values, share)) if values else None


def _most(times: Sequence[datetime]) -> int:
    """The most within any ten minutes."""
    ordered = sorted(each.timestamp() for each in times)
    return max(sum(begin <= each < begin + _TEN_MIN_S for each in ordered) for begin in ordered)


def _per_ten_min(alarms: int, start: datetime, end: datetime) -> float:
    return alarms * _TEN_MIN_S / max((end - start).total_seconds(), _TEN_MIN_S)


def _wape(errors: Sequence[DayError]) -> float | None:
    came = sum(each.came for each in errors)
    return sum(abs(each.forecast - each.came) for each in errors) / came if came else None


def _coverage(errors: Sequence[DayError]) -> float | None:
    inside = [each.low <= each.came <= each.high for each in errors]
    return sum(inside) / len(inside) if inside else None
