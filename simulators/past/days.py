"""A made-up past, day by day: readings of every device, zones as they were fused, and the room's records."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from config.schema import Counter, Sensor, SiteFile, Zone
from model.level import Sight
from simulators.past.course import Courses, DayCourse, Floats
from simulators.past.outages import Outages, outages_of
from simulators.past.warnings import LOCAL_PEAK, Historian, Records

MODEL: Final = "simulated"
BOOT: Final = "past"
STEPS_S: Final = (300, 900)
MOST_ROWS: Final = 4_000_000
MOST_P_M2: Final = 9.0
_DAY_S: Final = 24 * 3600

Column = Floats | list[str | None] | str


class Readings(msgspec.Struct, frozen=True, kw_only=True):
    """One source's readings of one day, as columns; `at_ms` is milliseconds since 1970."""

    kind: str
    name: str
    columns: Mapping[str, Column]
    quantity: str = ""
    unit: str = ""


class PastDay(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one day left behind."""

    day: dt.date
    readings: list[Readings]
    records: Records


def step_for(site: SiteFile, days: int) -> int:
    """How far apart a past's readings stand, in seconds, so that a store is filled within a minute or so."""
    series = len(site.zones) + len(site.cameras) + len(site.counters) + len(site.sensors)
    for step_s in STEPS_S:
        if series * days * _DAY_S // step_s <= MOST_ROWS:
            return step_s
    return STEPS_S[-1]


def past_days(site: SiteFile, *, now: datetime, days: int, seed: int) -> Iterator[PastDay]:
    """The last `days` whole days and today until `now`, oldest first; the same seed gives the same past."""
    maker = _Maker(site, seed=seed, step_s=step_for(site, days))
    today = now.astimezone(ZoneInfo(site.site.timezone)).date()
    for back in range(days, -1, -1):
        yield maker.day(today - timedelta(days=back), until=now)


class _Maker:
    def __init__(self, site: SiteFile, *, seed: int, step_s: int) -> None:
        self._site = site
        self._seed = seed
        self._step = timedelta(seconds=step_s)
        self._tz = ZoneInfo(site.site.timezone)
        self._courses = Courses(site, seed=seed, step_s=step_s)
        self._historian = Historian(site, step=self._step)
        self._totals = {counter.id: np.zeros(2) for counter in site.counters}
        self._cameras = {
            zone.id: [c.id for c in site.cameras if zone.id in c.zones] for zone in site.zones
        }

    def day(self, day: dt.date, *, until: datetime) -> PastDay:
        course = self._courses.of(day)
        slots = course.present.shape[1]
        failed = outages_of(self._site, day, seed=self._seed, slots=slots)
        begin = datetime.combine(day, dt.time(), self._tz).astimezone(dt.UTC)
        size = max(0, min(slots, int((until - begin) / self._step)))
        at_ms = begin.timestamp() * 1000 + np.arange(size) * self._step.total_seconds() * 1000
        random = np.random.default_rng([self._seed, day.toordinal(), 3])
        readings = [
            *self._zones(course, failed, at_ms),
            *self._seen(course, failed, at_ms, random),
            *(self._counter(n, each, course, at_ms) for n, each in self._working(failed)),
            *self._sensors(course, at_ms, random),
        ]
        records = self._records(course, failed, begin, until)
        return PastDay(day=day, readings=readings if size else [], records=records)

    def _zones(self, course: DayCourse, failed: Outages, at_ms: Floats) -> Iterator[Readings]:
        size = len(at_ms)
        for zone, people in zip(self._site.zones, course.present[:, :size], strict=True):
            cameras = self._cameras[zone.id]
            dark = sum((failed.mask(camera, size) for camera in cameras), np.zeros(size))
            blind = dark == len(cameras)
            spread = np.where(dark > 0, 0.35, 0.15)
            density = np.where(blind, np.nan, people / zone.usable_area_m2)
            occupancy = np.where(blind, np.nan, people)
            yield Readings(
                kind="zone",
                name=zone.id,
                columns={
                    "at_ms": at_ms,
                    "sight": [_sight(one, len(cameras)) for one in dark],
                    "occupancy": _rounded(occupancy, 1),
                    "occupancy_low": _rounded(occupancy * (1 - spread), 1),
                    "occupancy_high": _rounded(occupancy * (1 + spread) + 1, 1),
                    "density_p_m2": _rounded(density, 3),
                    "peak_p_m2": _rounded(np.minimum(LOCAL_PEAK * density, MOST_P_M2), 3),
                },
            )

    def _seen(
        self, course: DayCourse, failed: Outages, at_ms: Floats, random: np.random.Generator
    ) -> Iterator[Readings]:
        """Every camera sees its share of its first zone."""
        size = len(at_ms)
        rows = {
            zone.id: (zone, course.present[n, :size]) for n, zone in enumerate(self._site.zones)
        }
        for camera in self._site.cameras:
            if not camera.zones:
                continue
            zone, people = rows[camera.zones[0]]
            noise = random.normal(1, 0.06, size)
            dark = failed.mask(camera.id, size) > 0
            count = _rounded(people * noise / len(self._cameras[zone.id]), 1)
            density = np.minimum(people * noise / zone.usable_area_m2, MOST_P_M2)
            numbers: dict[str, Floats] = {
                "count": count,
                "count_low": _rounded(0.8 * count, 1),
                "count_high": _rounded(1.25 * count + 1, 1),
                "density_p_m2": _rounded(density, 3),
                "peak_p_m2": _rounded(np.minimum(LOCAL_PEAK * density, MOST_P_M2), 3),
            }
            blinded = {
                name: np.asarray(np.where(dark, np.nan, np.maximum(column, 0.0)))
                for name, column in numbers.items()
            }
            reasons = failed.reasons(camera.id, size)
            yield Readings(
                kind="camera",
                name=camera.id,
                columns={"at_ms": at_ms, "model": MODEL, "blind": reasons, **blinded},
            )

    def _working(self, failed: Outages) -> Iterator[tuple[int, Counter]]:
        for number, counter in enumerate(self._site.counters):
            if counter.id not in failed.silent_counters:
                yield number, counter

    def _counter(self, number: int, counter: Counter, course: DayCourse, at_ms: Floats) -> Readings:
        """Gates share the stream of the site; their totals go on from day to day."""
        size, gates = len(at_ms), len(self._site.counters)
        before = self._totals[counter.id]
        ways = [
            before[way] + np.cumsum((people[:size] + number) // gates)
            for way, people in enumerate((course.entered, course.left))
        ]
        if size:
            self._totals[counter.id] = np.array([ways[0][-1], ways[1][-1]])
        return Readings(
            kind="counter",
            name=counter.id,
            columns={
                "at_ms": at_ms,
                "boot": BOOT,
                "seq": at_ms // 1000,
                "in_total": ways[0],
                "out_total": ways[1],
            },
        )

    def _sensors(
        self, course: DayCourse, at_ms: Floats, random: np.random.Generator
    ) -> Iterator[Readings]:
        size = len(at_ms)
        total = course.present.sum(0)
        busy = (total / max(float(total.max()), 1.0))[:size]
        for sensor in self._site.sensors:
            found = _measured(sensor, busy, rain=course.rain, random=random)
            if found is None:
                continue
            quantity, unit, values = found
            yield Readings(
                kind="sensor",
                name=sensor.id,
                quantity=quantity,
                unit=unit,
                columns={"at_ms": at_ms, "value": _rounded(values, 2)},
            )

    def _records(
        self, course: DayCourse, failed: Outages, begin: datetime, until: datetime
    ) -> Records:
        """The day's cases, as far as they were over by then: the past leaves nothing open."""
        random = np.random.default_rng([self._seed, course.day.toordinal(), 4])
        parts = [
            self._historian.crowding(zone, _local_peak(zone, people), begin, random)
            for zone, people in zip(self._site.zones, course.present, strict=True)
        ]
        parts += [self._historian.blind(each, begin, random) for each in failed.blind]
        kept = Records(cases=[], transitions=[], orders=[], receipts=[])
        for part in parts:
            over = {case.id for case in part.cases if case.changed < until}
            orders = {order.id for order in part.orders if order.case in over}
            kept.cases.extend(case for case in part.cases if case.id in over)
            kept.transitions.extend(each for each in part.transitions if each.case in over)
            kept.orders.extend(order for order in part.orders if order.id in orders)
            kept.receipts.extend(
                each for each in part.receipts if getattr(each.body, "order", None) in orders
            )
        return kept


def _rounded(values: object, digits: int) -> Floats:
    """As many digits as a device would send."""
    return np.asarray(np.round(np.asarray(values, np.float64), digits), np.float64)


def _local_peak(zone: Zone, people: Floats) -> Floats:
    return np.asarray(LOCAL_PEAK * people / zone.usable_area_m2)


def _sight(dark: float, cameras: int) -> str:
    if dark == cameras:
        return Sight.BLIND
    return Sight.PARTIAL if dark else Sight.LIVE


def _measured(
    sensor: Sensor, busy: Floats, *, rain: bool, random: np.random.Generator
) -> tuple[str, str, Floats] | None:
    """Noise rises with the crowd, water with the rain; detectors of alarms measure nothing."""
    if sensor.id.startswith("noise"):
        return "noise", "dB(A)", 44 + 24 * np.sqrt(busy) + random.normal(0, 1.5, len(busy))
    if sensor.id.startswith("water"):
        return "water_level", "m", 0.62 + 0.12 * rain + random.normal(0, 0.01, len(busy))
    return None
