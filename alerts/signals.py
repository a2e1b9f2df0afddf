"""Signals: what a rule watches, taken from zone views, sensor readings and detectors' alarms."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from enum import StrEnum

import msgspec

from alerts.holds import UNSEEN, Sample
from alerts.rules import UNITS, ZoneRule
from alerts.trends import ZonePast
from config.rules import Signal
from config.schema import Sensor
from model.facts import SensorAlarm, SensorReading
from model.level import Sight
from model.zones import ZoneView

REORDER_S = 5.0
"""A reading older than the newest is a late one for this long; after that its clock was set."""

FORGET_CLEARED_S = 60.0
"""How long a cleared alarm is remembered at least."""

CLEARED_KEPT = 8
"""The last so many cleared alarms of each detector are not forgotten: one that says again that it is
over, at a new time, is no second one."""

ALARMS_MOST = 64
"""Alarms of one hazard that may stand on one detector; a further one changes no level anyway."""


class Ignored(StrEnum):
    """Why a sensor's message moved no signal."""

    UNKNOWN_SENSOR = "unknown_sensor"
    WRONG_UNIT = "unit_is_not_the_quantitys"
    LATE = "older_than_the_newest"
    NO_ZONE = "sensor_speaks_for_no_zone"
    TOO_MANY = "too_many_alarms_stand"
    LONG_OVER = "alarm_over_long_ago"


VIEW_SIGNALS = frozenset(Signal) - {Signal.SENSOR, Signal.ALARM, Signal.WEAK_SIGNALS}
"""What is taken from a zone's view."""

_BLINDNESS = {Sight.LIVE: 0.0, Sight.PARTIAL: 0.25, Sight.BLIND: 1.0}


def of_view(rule: ZoneRule, view: ZoneView, past: ZonePast, time_s: float) -> Sample:
    """A zone's view, with what went before, as the signal of a rule."""
    if rule.signal is Signal.BLIND:
        return Sample(sight=Sight.LIVE, value=_BLINDNESS[view.sight])
    if view.sight is Sight.BLIND:
        return UNSEEN
    value = _value(rule, view, past, time_s)
    return UNSEEN if value is None else Sample(sight=view.sight, value=value)


def _value(rule: ZoneRule, view: ZoneView, past: ZonePast, time_s: float) -> float | None:
    of_past = {
        Signal.GROWTH: lambda: past.growth_p_m2_min(rule.over_s, time_s),
        Signal.FORECAST: lambda: past.ahead_p_m2(view, rule.within_s, time_s),
        Signal.FLOW_BREAKDOWN: lambda: past.lost_flow(view, time_s),
    }.get(rule.signal)
    return _OF_VIEW[rule.signal](view) if of_past is None else of_past()


def _load(view: ZoneView) -> float | None:
    """The share of the capacity; where only a lower bound is known, that much is surely reached."""
    people = view.occupancy_low if view.occupancy is None else view.occupancy
    return None if people is None else people / view.capacity


def _density(view: ZoneView) -> float | None:
    return view.density_low_p_m2 if view.density_p_m2 is None else view.density_p_m2


_OF_VIEW: dict[Signal, Callable[[ZoneView], float | None]] = {
    Signal.PEAK_DENSITY: lambda view: view.peak_p_m2,
    Signal.ZONE_DENSITY: _density,
    Signal.OCCUPANCY: _load,
    Signal.DAILY_VISITORS: lambda view: view.day_load,
    Signal.COUNTERFLOW: lambda view: view.counterflow,
    Signal.PRESSURE: lambda view: view.pressure_s2,
}


class _Reading(msgspec.Struct, kw_only=True):
    """One sensor's newest value of one quantity; a stale one is remembered as unseen."""

    value: float
    at: datetime
    age_s: float = 0.0
    fresh: bool = True


class AlarmWord(msgspec.Struct, kw_only=True):
    """The newest word on one alarm; silence leaves it as it was. `since` is when it was raised."""

    hazard: str
    at: datetime
    raised: bool
    age_s: float = 0.0
    since: datetime | None = None


class SensorState(msgspec.Struct, kw_only=True):
    """What sensors said last, as it stands in a snapshot."""

    readings: dict[str, dict[str, _Reading]] = {}
    alarms: dict[str, dict[str, AlarmWord]] = {}


class SensorBoard:
    """The newest reading and the standing alarms of every sensor, and which zones they concern.

    A sensor without a word for its `silent_after_s` is unseen, never zero. An alarm stands until
    the same alarm is cleared by its own sensor.
    """

    def __init__(self, sensors: Iterable[Sensor], state: SensorState | None = None) -> None:
        self._sensors = {sensor.id: sensor for sensor in sensors}
        self._of_zone: dict[str, list[str]] = {}
        for sensor in self._sensors.values():
            for zone in sensor.zones:
                self._of_zone.setdefault(zone, []).append(sensor.id)
        self.state = state or SensorState()
        for quantities in self.state.readings.values():
            for reading in quantities.values():
                reading.fresh = False

    def zones_of(self, sensor: str) -> list[str]:
        """The zones that a sensor speaks for."""
        known = self._sensors.get(sensor)
        return known.zones if known else []

    def advance(self, seconds: float) -> set[str]:
        """Let time pass; returns the sensors that fell silent by it."""
        silent = set()
        for sensor, quantities in self.state.readings.items():
            known = self._sensors.get(sensor)
            for reading in quantities.values():
                reading.age_s += seconds
                if reading.fresh and (known is None or reading.age_s > known.silent_after_s):
                    reading.fresh = False
                    silent.add(sensor)
        for alarms in self.state.alarms.values():
            for alarm in alarms.values():
                alarm.age_s += seconds
            if len(alarms) > CLEARED_KEPT:
                _forget_cleared(alarms)
        return silent

    def read(self, sensor: str, body: SensorReading) -> Ignored | None:
        """Take a reading; returns why it was ignored, if it was."""
        refusal = self._unknown(sensor)
        if refusal is not None:
            return refusal
        if UNITS.get(body.quantity, body.unit) != body.unit:
            return Ignored.WRONG_UNIT
        quantities = self.state.readings.setdefault(sensor, {})
        last = quantities.get(body.quantity)
        if last is not None and body.at < last.at and last.age_s < REORDER_S:
            return Ignored.LATE
        quantities[body.quantity] = _Reading(value=body.value, at=body.at)
        return None

    def last_word(self, sensor: str, alarm: str) -> AlarmWord | None:
        """The newest word on one alarm of a sensor, while it is remembered."""
        return self.state.alarms.get(sensor, {}).get(alarm)

    def alarm(self, sensor: str, body: SensorAlarm) -> Ignored | None:
        """Take an alarm's word; returns why it was ignored, if it was."""
        refusal = self._unknown(sensor)
        if refusal is not None:
            return refusal
        alarms = self.state.alarms.setdefault(sensor, {})
        last = alarms.get(body.id)
        if last is not None and body.at < last.at and last.age_s < REORDER_S:
            return Ignored.LATE
        standing = sum(a.raised and a.hazard == body.hazard for a in alarms.values())
        if last is None and standing >= ALARMS_MOST:
            return Ignored.TOO_MANY
        raised = body.state == "raised"
        since = body.at if raised else (body.raised_at if last is None else last.since)
        alarms[body.id] = AlarmWord(hazard=body.hazard, at=body.at, raised=raised, since=since)
        return None

    def quantity(self, rule: ZoneRule) -> Sample:
        """The worst fresh value of a rule's quantity in its zone; partial where a sensor is silent."""
        zone, quantity = rule.zone, rule.quantity or ""
        known = [
            reading
            for sensor in self._of_zone.get(zone, [])
            if (reading := self.state.readings.get(sensor, {}).get(quantity)) is not None
        ]
        fresh = [rule.sampled(reading.value) for reading in known if reading.fresh]
        if not fresh:
            return UNSEEN
        sight = Sight.LIVE if len(fresh) == len(known) else Sight.PARTIAL
        return Sample(sight=sight, value=max(fresh))

    def standing(self, zone: str, hazard: str) -> Sample:
        """How many alarms of a hazard stand in a zone. Silence changes nothing here."""
        count = sum(
            alarm.raised and alarm.hazard == hazard
            for sensor in self._of_zone.get(zone, [])
            for alarm in self.state.alarms.get(sensor, {}).values()
        )
        return Sample(sight=Sight.LIVE, value=float(count))

    def alarm_hazards(self) -> set[tuple[str, str]]:
        """Every (zone, hazard) that an alarm ever spoke of and that may still stand."""
        return {
            (zone, alarm.hazard)
            for sensor, alarms in self.state.alarms.items()
            for alarm in alarms.values()
            for zone in self.zones_of(sensor)
        }

    def _unknown(self, sensor: str) -> Ignored | None:
        known = self._sensors.get(sensor)
        if known is None:
            return Ignored.UNKNOWN_SENSOR
        return None if known.zones else Ignored.NO_ZONE


def _forget_cleared(alarms: dict[str, AlarmWord]) -> None:
    cleared = sorted((word.age_s, name) for name, word in alarms.items() if not word.raised)
    for age_s, name in cleared[CLEARED_KEPT:]:
        if age_s > FORGET_CLEARED_S:
            del alarms[name]
