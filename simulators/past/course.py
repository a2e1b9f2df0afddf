"""How full a simulated site was: seasons, weekdays, feasts and weather make the day, the hours its course."""

from __future__ import annotations

import datetime as dt
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.schema import SiteFile, Zone

Floats = NDArray[np.float64]

_WEEK: Final = (0.80, 0.76, 0.78, 0.82, 1.00, 1.45, 1.35)
_FULL_DAY: Final = 0.42
"""The share of its capacity that a zone holds at the peak of a plain Friday."""

_FEASTS: Final = {
    (1, 1): 1.3,
    **{(5, day): 1.9 for day in range(1, 6)},
    **{(10, day): 2.0 for day in range(1, 8)},
}
"""Feasts of fixed date; a made-up past needs no almanac."""

_RAIN_SHARE: Final = 0.18
_RAIN_KEEPS: Final = 0.62


class DayCourse(msgspec.Struct, frozen=True, kw_only=True):
    """One day: people present in each zone (zones × slots), and those who came in and went (slots)."""

    day: dt.date
    rain: bool
    present: Floats
    entered: Floats
    left: Floats


class Courses:
    """The same seed and day give the same course, whatever other days are asked for."""

    def __init__(self, site: SiteFile, *, seed: int, step_s: int) -> None:
        self._zones = site.zones
        self.zones = tuple(zone.id for zone in site.zones)
        self._stay_h = site.visits.mean_stay_min / 60.0
        self._seed = seed
        self._step_h = step_s / 3600.0
        self._hours = np.arange(0, 24, self._step_h)
        lasting = np.random.default_rng([seed, 1])
        self._weight = {zone.id: float(lasting.uniform(0.75, 1.2)) for zone in site.zones}
        self._late_h = {zone.id: float(lasting.uniform(-1.0, 1.5)) for zone in site.zones}

    def of(self, day: dt.date) -> DayCourse:
        """One day's course."""
        random = np.random.default_rng([self._seed, day.toordinal()])
        rain = bool(random.random() < _RAIN_SHARE)
        level = self._level(day) * float(np.exp(random.normal(0, 0.12)))
        level *= _RAIN_KEEPS if rain else 1.0
        present = np.stack([self._zone(zone, level, random) for zone in self._zones])
        total = present.sum(0)
        growth = np.gradient(total, self._step_h)
        leaving = total / self._stay_h
        entered = np.maximum(growth + leaving, 0.0) * self._step_h
        left = np.maximum(leaving, -growth) * self._step_h
        return DayCourse(
            day=day, rain=rain, present=present, entered=_whole(entered), left=_whole(left)
        )

    def _level(self, day: dt.date) -> float:
        season = 1 + 0.28 * np.sin(2 * np.pi * (day.timetuple().tm_yday - 100) / 365.25)
        feast = _FEASTS.get((day.month, day.day))
        week = _WEEK[day.weekday()] if feast is None else feast
        return float(_FULL_DAY * season * week)

    def _zone(self, zone: Zone, level: float, random: np.random.Generator) -> Floats:
        """An afternoon that strolls and an evening that stays, later in some zones than in others."""
        hours = self._hours - self._late_h[zone.id]
        noon, evening = random.uniform(0.5, 0.8), random.uniform(0.85, 1.1)
        course = noon * np.exp(-(((hours - 14.5) / 2.4) ** 2))
        course += evening * np.exp(-(((hours - 19.5) / 1.9) ** 2)) + 0.015
        noise = np.exp(np.cumsum(random.normal(0, 0.02, len(hours))))
        noise /= np.exp(np.linspace(0, np.log(noise[-1]), len(hours)))
        people = zone.capacity * self._weight[zone.id] * level * course * noise
        most = 5.0 * zone.usable_area_m2
        return np.asarray(np.round(np.minimum(people, most), 1), dtype=np.float64)


def _whole(people: Floats) -> Floats:
    """Whole people whose sum is kept: what one slot rounds off goes to the next."""
    return np.asarray(np.diff(np.round(np.cumsum(people)), prepend=0.0))
