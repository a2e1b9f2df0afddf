"""Simulated sensors and alarm detectors: values that a scenario sets, with a little noise.

The site file does not say what a sensor measures; its id does (`noise-bridge`, `water-qianhai`,
`fire-yandai`), as ids of real devices mostly do.
"""

from __future__ import annotations

import random
from datetime import datetime

import msgspec

from model.facts import SensorAlarm, SensorReading

EVERY_S = 1.0


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """A quantity of the contract with its unit, its value in calm, and how far a sample wanders."""

    quantity: str
    unit: str
    calm: float
    wander: float


MEASURES = {
    "noise": Measure(quantity="noise", unit="dB(A)", calm=45.0, wander=0.4),
    "water": Measure(quantity="water_level", unit="m", calm=0.8, wander=0.005),
    "ice": Measure(quantity="ice_thickness", unit="m", calm=0.25, wander=0.001),
    "wind": Measure(quantity="wind", unit="m/s", calm=2.0, wander=0.3),
    "temperature": Measure(quantity="temperature", unit="°C", calm=8.0, wander=0.05),
    "rain": Measure(quantity="rain", unit="mm/h", calm=0.0, wander=0.0),
}
HAZARDS = ("fire", "earthquake", "help", "gas", "flood")


def measure_of(sensor_id: str) -> Measure | None:
    """What a sensor of this name measures; None for a mere alarm detector."""
    parts = sensor_id.split("-")
    return next((measure for word, measure in MEASURES.items() if word in parts), None)


def hazard_of(sensor_id: str) -> str:
    """The hazard that a detector of this name raises; `help` where the name says nothing."""
    parts = sensor_id.split("-")
    return next((hazard for hazard in HAZARDS if hazard in parts), "help")


class SensorMachine:
    """A sensor or detector without its link. A `terse` one does not say with an end when it raised."""

    def __init__(self, sensor_id: str, *, seed: int, terse: bool = False) -> None:
        self.sensor_id = sensor_id
        self.measure = measure_of(sensor_id)
        self.hazard = hazard_of(sensor_id)
        self.value = self.measure.calm if self.measure else 0.0
        self.alarm: SensorAlarm | None = None
        self._rng = random.Random(f"{seed}/{sensor_id}")
        self._seq = 0
        self._alarms = 0
        self._alarm_id = ""
        self._terse = terse
        self._raised_at: datetime | None = None
        self._told_mono = float("-inf")

    def reading_if_due(self, now: datetime, mono: float) -> SensorReading | None:
        """The measured value, once a second; None for a detector, which has no value."""
        if self.measure is None or mono - self._told_mono < EVERY_S:
            return None
        self._told_mono = mono
        self._seq += 1
        noise = self._rng.uniform(-self.measure.wander, self.measure.wander)
        return SensorReading(
            at=now,
            quantity=self.measure.quantity,
            value=round(self.value + noise, 4),
            unit=self.measure.unit,
            seq=self._seq,
        )

    def set_alarm(self, now: datetime, *, raised: bool) -> SensorAlarm | None:
        """Raise or clear the detector's hazard; None where it already stands so."""
        if raised == (self.alarm is not None and self.alarm.state == "raised"):
            return None
        if raised:
            self._alarms += 1
            # A detector's alarms are told apart over its reboots by the second of their raising.
            self._alarm_id = f"{self.sensor_id[:40]}-{int(now.timestamp())}-{self._alarms}"
            self._raised_at = now
        self.alarm = SensorAlarm(
            id=self._alarm_id,
            at=now,
            hazard=self.hazard,
            state="raised" if raised else "cleared",
            raised_at=None if raised or self._terse else self._raised_at,
        )
        return self.alarm
