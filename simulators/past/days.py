"""A made-up past, day by day: readings of every device, zones as they were fused, and the room's records."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from config.schema import SiteFile, Zone
from model.facts import (
    Body,
    CounterReading,
    DensityBlind,
    DensityLive,
    DeviceKind,
    Fact,
    SensorReading,
)
from model.level import Sight
from model.zones import ZoneView
from simulators.past.course import Courses, DayCourse
from simulators.past.outages import Outages, outages_of
from simulators.past.warnings import LOCAL_PEAK, Historian, Records

STEPS_S: Final = (300, 900, 1800)
MOST_ROWS: Final = 1_500_000
MODEL: Final = "simulated"
_UNITS: Final = {"noise": "dB(A)", "water": "m"}
_QUANTITIES: Final = {"noise": "noise", "water": "water_level"}
_DAY: Final = 24 * 3600


class PastDay(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one day left behind."""

    day: dt.date
    facts: list[Fact]
    views: list[ZoneView]
    records: Records


def step_for(site: SiteFile, days: int) -> int:
    """How far apart a past's readings stand, in seconds, so that a store is filled in a minute or two."""
    series = len(site.zones) + len(site.cameras) + len(site.counters) + len(site.sensors)
    for step_s in STEPS_S:
        if series * days * _DAY // step_s <= MOST_ROWS:
            return step_s
    return STEPS_S[-1]


def past_days(site: SiteFile, *, now: datetime, days: int, seed: int) -> Iterator[PastDay]:
    """The last `days` whole days and today until `now`, oldest first; the same seed gives the same past."""
    step_s = step_for(site, days)
    maker = _Maker(site, seed=seed, step_s=step_s)
    today = now.astimezone(ZoneInfo(site.site.timezone)).date()
    for back in range(days, -1, -1):
        yield maker.day(today - timedelta(days=back), until=now)


class _Maker:
    def __init__(self, site: SiteFile, *, seed: int, step_s: int) -> None:
        self._site = site
        self._seed = seed
        self._step_s = step_s
        self._tz = ZoneInfo(site.site.timezone)
        self._courses = Courses(site, seed=seed, step_s=step_s)
        self._historian = Historian(site, step=timedelta(seconds=step_s))
        self._totals = {counter.id: [0, 0] for counter in site.counters}
        self._sequence = 0
        self._cameras = {
            zone.id: [c.id for c in site.cameras if zone.id in c.zones] for zone in site.zones
        }

    def day(self, day: dt.date, *, until: datetime) -> PastDay:
        course = self._courses.of(day)
        slots = course.present.shape[1]
        failed = outages_of(self._site, day, seed=self._seed, slots=slots)
        begin = datetime.combine(day, dt.time(), self._tz).astimezone(dt.UTC)
        size = min(slots, int((until - begin).total_seconds() // self._step_s))
        facts: list[Fact] = []
        views: list[ZoneView] = []
        for slot in range(max(0, size)):
            at = begin + timedelta(seconds=slot * self._step_s)
            facts += self._field(course, failed, slot, at)
            views += self._zones(course, failed, slot, at)
        return PastDay(
            day=day,
            facts=facts,
            views=views,
            records=self._records(course, failed, begin, until),
        )

    def _field(self, course: DayCourse, failed: Outages, slot: int, at: datetime) -> Iterator[Fact]:
        random = np.random.default_rng([self._seed, course.day.toordinal(), slot, 3])
        people = dict(zip(self._courses.zones, course.present[:, slot].tolist(), strict=True))
        for camera in self._site.cameras:
            reason = failed.reason(camera.id, slot)
            zone = camera.zones[0] if camera.zones else None
            if reason is not None or zone is None:
                body: Body = DensityBlind(at=at, reason=reason or "no_zone", model=MODEL)
            else:
                body = self._density(zone, people[zone], at, float(random.normal(1, 0.06)))
            yield _fact(DeviceKind.CAMERA, camera.id, body)
        gates = len(self._site.counters)
        for number, counter in enumerate(self._site.counters):
            # Gates share the stream: the first ones take what does not divide.
            totals = self._totals[counter.id]
            totals[0] += int((course.entered[slot] + number) // gates)
            totals[1] += int((course.left[slot] + number) // gates)
            self._sequence += 1
            if counter.id in failed.silent_counters:
                continue
            yield _fact(
                DeviceKind.COUNTER,
                counter.id,
                CounterReading(
                    at=at,
                    boot="past",
                    seq=self._sequence,
                    in_total=totals[0],
                    out_total=totals[1],
                ),
            )
        yield from self._sensors(course, slot, at, random)

    def _density(self, zone: str, people: float, at: datetime, noise: float) -> DensityLive:
        area = next(each.usable_area_m2 for each in self._site.zones if each.id == zone)
        count = max(0.0, round(people * noise / max(1, len(self._cameras[zone])), 1))
        density = round(min(people * noise / area, 9.0), 3)
        return DensityLive(
            at=at,
            count=count,
            count_low=round(count * 0.8, 1),
            count_high=round(count * 1.25 + 1, 1),
            density_p_m2=max(0.0, density),
            peak_p_m2=max(0.0, round(min(LOCAL_PEAK * density, 9.0), 3)),
            model=MODEL,
        )

    def _sensors(
        self, course: DayCourse, slot: int, at: datetime, random: np.random.Generator
    ) -> Iterator[Fact]:
        hours = slot * self._step_s / 3600.0
        busy = float(course.present[:, slot].sum() / max(course.present.sum(0).max(), 1.0))
        for sensor in self._site.sensors:
            kind = sensor.id.partition("-")[0]
            if kind == "noise":
                value = 44 + 24 * busy**0.5 + float(random.normal(0, 1.5))
            elif kind == "water":
                value = 0.62 + 0.05 * np.sin(2 * np.pi * hours / 24) + 0.12 * course.rain
            else:
                continue
            reading = SensorReading(
                at=at,
                quantity=_QUANTITIES[kind],
                value=round(float(value), 2),
                unit=_UNITS[kind],
            )
            yield _fact(DeviceKind.SENSOR, sensor.id, reading)

    def _zones(
        self, course: DayCourse, failed: Outages, slot: int, at: datetime
    ) -> Iterator[ZoneView]:
        for row, zone in enumerate(self._site.zones):
            cameras = self._cameras[zone.id]
            dark = [
                f"{camera}:{reason}"
                for camera in cameras
                if (reason := failed.reason(camera, slot)) is not None
            ]
            yield _view(zone, float(course.present[row, slot]), at, len(cameras), tuple(dark))

    def _records(
        self, course: DayCourse, failed: Outages, begin: datetime, until: datetime
    ) -> Records:
        """The day's cases, as far as they were over by then: the past leaves nothing open."""
        random = np.random.default_rng([self._seed, course.day.toordinal(), 4])
        parts = [
            self._historian.crowding(
                zone, LOCAL_PEAK * course.present[row] / zone.usable_area_m2, begin, random
            )
            for row, zone in enumerate(self._site.zones)
        ]
        parts += [self._historian.blind(each, begin, random) for each in failed.blind]
        kept = Records()
        for part in parts:
            over = {case.id for case in part.cases if case.changed < until}
            kept.cases.extend(case for case in part.cases if case.id in over)
            kept.transitions.extend(each for each in part.transitions if each.case in over)
            orders = {order.id: order for order in part.orders if order.case in over}
            kept.orders.extend(orders.values())
            kept.receipts.extend(
                each for each in part.receipts if getattr(each.body, "order", None) in orders
            )
        return kept


def _view(zone: Zone, people: float, at: datetime, cameras: int, dark: tuple[str, ...]) -> ZoneView:
    view = ZoneView(
        zone=zone.id,
        at=at,
        sight=Sight.BLIND,
        capacity=zone.capacity,
        cameras_live=cameras - len(dark),
        cameras_total=cameras,
        reasons=dark,
    )
    if len(dark) == cameras:
        return view
    spread = 0.15 if not dark else 0.35
    return msgspec.structs.replace(
        view,
        sight=Sight.PARTIAL if dark else Sight.LIVE,
        occupancy=people,
        occupancy_low=round(people * (1 - spread), 1),
        occupancy_high=round(people * (1 + spread) + 1, 1),
        density_p_m2=round(people / zone.usable_area_m2, 3),
        peak_p_m2=round(min(LOCAL_PEAK * people / zone.usable_area_m2, 9.0), 3),
        seen_at=at,
    )


def _fact(kind: DeviceKind, source: str, body: Body) -> Fact:
    assert body.at is not None  # noqa: S101 - every simulated reading has its time
    return Fact(kind=kind, source=source, arrived=body.at, arrived_monotonic_s=0.0, body=body)
