"""The site file's rules: which signal becomes which warning, and when."""

from __future__ import annotations

from datetime import time
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from config.strict import DeviceId, Strict, Words
from model.level import Level

Seconds = Annotated[float, Field(ge=0, le=86_400)]


class Signal(StrEnum):
    """What a rule watches."""

    PEAK_DENSITY = "peak_density"
    ZONE_DENSITY = "zone_density"
    OCCUPANCY = "occupancy"
    DAILY_VISITORS = "daily_visitors"
    GROWTH = "growth"
    FORECAST = "forecast"
    COUNTERFLOW = "counterflow"
    PRESSURE = "pressure"
    FLOW_BREAKDOWN = "flow_breakdown"
    SENSOR = "sensor"
    ALARM = "alarm"
    BLIND = "blind"
    WEAK_SIGNALS = "weak_signals"


SINGLE_LEVEL = frozenset({Signal.ALARM, Signal.BLIND, Signal.WEAK_SIGNALS})
"""Signals that are there or not: their rules have one `level` instead of `raise_at`."""


class Hours(Strict):
    """A part of the day, by the site's own time; over midnight where it ends before it starts.

    `days` are the weekdays on which it starts, 1 for Monday; all where none is named.
    """

    start: time
    end: time
    days: list[Annotated[int, Field(ge=1, le=7)]] = []


class Rule(Strict):
    """When a signal becomes a warning.

    A threshold rule (density in people per m², occupancy as a share of capacity, growth in people
    per m² and minute, a sensor's quantity in its unit) has `raise_at` per level, clears
    `clear_below` under it, and holds `hold_s` before it raises or steps up and `clear_hold_s`
    before it steps down. With `when: below` it raises under its values and clears above them, as
    for the thickness of ice. `schedule` is when it is in force, always where there is none.
    `over_s` is the time over which growth is measured, `within_s` how far a forecast looks ahead.

    An alarm rule has the alarm's `alarm` hazard and one `level`; a `blind` rule one `level` for a
    zone that nobody sees. A `weak_signals` rule makes its `level` out of `count` warnings of
    different hazards in one zone that stand at `from_level` or above, of those in `of` or of any.
    """

    id: DeviceId
    hazard: DeviceId
    signal: Signal
    zones: list[DeviceId] | Literal["all"] = "all"
    quantity: str | None = None
    alarm: DeviceId | None = None
    when: Literal["above", "below"] = "above"
    raise_at: dict[Level, float] = {}
    clear_below: Annotated[float, Field(ge=0)] = 0.5
    hold_s: Seconds = 20.0
    clear_hold_s: Seconds = 60.0
    schedule: list[Hours] = []
    over_s: Annotated[float, Field(ge=10, le=3600)] = 60.0
    within_s: Annotated[float, Field(ge=60, le=7200)] = 900.0
    level: Level | None = None
    of: list[DeviceId] = []
    from_level: Level = Level.YELLOW
    count: Annotated[int, Field(ge=2, le=10)] = 2
    text: Words

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.signal in SINGLE_LEVEL:
            if self.level is None or (self.signal is Signal.ALARM and self.alarm is None):
                asks = "`alarm` (the hazard) and `level`" if self.is_alarm else "`level`"
                raise ValueError(f"a rule of the signal {self.signal.value} needs {asks}")
            return self
        if not self.raise_at:
            raise ValueError("a threshold rule needs `raise_at` with at least one level")
        if self.signal is Signal.SENSOR and self.quantity is None:
            raise ValueError("a sensor rule needs `quantity`")
        self._values_in_order()
        return self

    @property
    def is_alarm(self) -> bool:
        return self.signal is Signal.ALARM

    def _values_in_order(self) -> None:
        values = [self.raise_at[level] for level in Level if level in self.raise_at]
        if self.when == "below":
            if self.signal is not Signal.SENSOR:
                raise ValueError("`when: below` is for a sensor's quantity")
            if values != sorted(set(values), reverse=True):
                raise ValueError("`raise_at` must fall from blue to red where `when` is below")
            return
        if values != sorted(set(values)):
            raise ValueError("`raise_at` must grow from blue to red")
        if values[0] > 0 and self.clear_below >= values[0]:
            raise ValueError(
                f"`clear_below` must be less than the lowest `raise_at` ({values[0]:g}):"
                " a warning that can never clear stays for ever"
            )
