"""The mechanics of a simulated bollard lane: its motor, its vehicle loop and its contact edge.

Nothing here knows of orders. The lane guards itself: a vehicle on the loop or something touching
the rising bollard turns it back, whatever anybody ordered.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from model.facts import BollardPosition, LoopState

WARN_S = 1.0
"""Light and sound before anything rises."""

RISE_S = 3.0
LOWER_S = 2.0
CLEAR_FOR_S = 1.0
"""A vehicle must have left the loop for so long before anything rises."""

LOOP_FRESH_S = 0.5
PAUSE_AFTER_CONTACT_S = 1.0
REVERSALS_MAX = 3
STUCK_AFTER_S = 4.0
"""How much longer than usual a motion may take before it counts as stuck."""


class Drive(StrEnum):
    """What the motor is doing."""

    REST = "rest"
    WARNING = "warning"
    RISING = "rising"
    LOWERING = "lowering"
    REVERSING = "reversing"
    PAUSING = "pausing"


class MotorEvent(StrEnum):
    """What the mechanics tell the controller."""

    STARTED = "started"
    AT_TOP = "at_top"
    AT_BOTTOM = "at_bottom"
    REVERSED = "reversed"
    GAVE_UP_VEHICLE = "loop_not_clear"
    GAVE_UP_CONTACT = "contact"
    STUCK = "stuck"


@dataclass
class Street:
    """What is really there: a vehicle on the loop, something against the bollard."""

    vehicle: bool = False
    contact: bool = False


@dataclass
class LaneFaults:
    """What a scenario may break on a lane.

    `loop_lies`: the published state says clear whatever the loop sees. `loop_frozen`: the loop
    gives no new sample, its age grows. `loop_fault`: the loop says that it is broken.
    """

    stuck: bool = False
    loop_lies: bool = False
    loop_frozen: bool = False
    loop_fault: bool = False
    clock_unset: bool = False


class BollardMotor:
    """One lane's motor with its loop; `height` runs from 0 (down) to 1 (up)."""

    def __init__(self, street: Street, faults: LaneFaults, *, height: float = 0.0) -> None:
        self.height = height
        self.drive = Drive.REST
        self.reversals = 0
        self._street = street
        self._faults = faults
        self._mono: float | None = None
        self._since = 0.0
        self._loop_seen = False
        self._loop_sampled: float | None = None
        self._clear_since: float | None = None

    @property
    def position(self) -> BollardPosition:
        if self.drive not in (Drive.REST, Drive.WARNING, Drive.PAUSING):
            return BollardPosition.MOVING
        if self.height in (0.0, 1.0):
            return BollardPosition.UP if self.height else BollardPosition.DOWN
        return BollardPosition.UNKNOWN

    def loop(self, mono: float) -> tuple[LoopState, int]:
        """What the loop says and how old its sample is, milliseconds."""
        self._sample(mono)
        sampled = self._loop_sampled
        age_ms = 3_600_000 if sampled is None else round((mono - sampled) * 1000)
        if self._faults.loop_fault:
            return LoopState.FAULT, age_ms
        return (LoopState.OCCUPIED if self._loop_seen else LoopState.CLEAR), age_ms

    def may_rise(self, mono: float) -> bool:
        """Whether the lane's own loop lets it rise now: sampled just now, and clear long enough."""
        loop, age_ms = self.loop(mono)
        clear = self._clear_since
        return (
            loop is LoopState.CLEAR
            and age_ms <= LOOP_FRESH_S * 1000
            and clear is not None
            and mono - clear >= CLEAR_FOR_S
        )

    def rise(self, mono: float) -> None:
        """Warn, then rise; the caller looked at `may_rise`."""
        self.reversals = 0
        self._set(Drive.WARNING, mono)

    def lower(self, mono: float) -> None:
        """Go down from wherever it is; nothing forbids this."""
        self._set(Drive.LOWERING, mono)

    def halt(self, mono: float) -> None:
        """Stand still at once."""
        self._set(Drive.REST, mono)

    def run(self, mono: float) -> list[MotorEvent]:
        """Let the mechanics go on to `mono`; call it at least every tenth of a second."""
        passed = 0.0 if self._mono is None else mono - self._mono
        self._mono = mono
        self._sample(mono)
        step = {
            Drive.WARNING: self._warn,
            Drive.RISING: self._rise,
            Drive.LOWERING: self._lower,
            Drive.REVERSING: self._lower,
            Drive.PAUSING: self._pause,
        }.get(self.drive)
        return step(mono, passed) if step else []

    def _sample(self, mono: float) -> None:
        if self._faults.loop_frozen:
            return
        occupied = self._street.vehicle
        if occupied:
            self._clear_since = None
        elif self._clear_since is None:
            # Before the first sample nobody knows how long the loop was clear already.
            self._clear_since = mono
        self._loop_seen = occupied
        self._loop_sampled = mono

    def _set(self, drive: Drive, mono: float) -> None:
        self.drive = drive
        self._since = mono

    def _warn(self, mono: float, _passed: float) -> list[MotorEvent]:
        if not self.may_rise(mono):
            self._set(Drive.REST, mono)
            return [MotorEvent.GAVE_UP_VEHICLE]
        if mono - self._since < WARN_S:
            return []
        self._set(Drive.RISING, mono)
        return [MotorEvent.STARTED]

    def _rise(self, mono: float, passed: float) -> list[MotorEvent]:
        loop, age_ms = self.loop(mono)
        if loop is not LoopState.CLEAR or age_ms > LOOP_FRESH_S * 1000:
            self._set(Drive.LOWERING, mono)
            return [MotorEvent.REVERSED, MotorEvent.GAVE_UP_VEHICLE]
        if self._street.contact:
            self.reversals += 1
            self._set(Drive.REVERSING, mono)
            return [MotorEvent.REVERSED]
        if self._is_stuck(mono, RISE_S):
            return [MotorEvent.STUCK]
        self._move(passed / RISE_S)
        if self.height < 1.0:
            return []
        self._set(Drive.REST, mono)
        return [MotorEvent.AT_TOP]

    def _lower(self, mono: float, passed: float) -> list[MotorEvent]:
        if self._is_stuck(mono, LOWER_S):
            return [MotorEvent.STUCK]
        self._move(-passed / LOWER_S)
        if self.height > 0.0:
            return []
        reversing = self.drive is Drive.REVERSING
        if reversing and self.reversals < REVERSALS_MAX:
            self._set(Drive.PAUSING, mono)
            return []
        self._set(Drive.REST, mono)
        return [MotorEvent.GAVE_UP_CONTACT] if reversing else [MotorEvent.AT_BOTTOM]

    def _pause(self, mono: float, _passed: float) -> list[MotorEvent]:
        if mono - self._since >= PAUSE_AFTER_CONTACT_S:
            self._set(Drive.WARNING, mono)
        return []

    def _move(self, share: float) -> None:
        if not self._faults.stuck:
            self.height = min(1.0, max(0.0, self.height + share))

    def _is_stuck(self, mono: float, usual_s: float) -> bool:
        if mono - self._since <= usual_s + STUCK_AFTER_S:
            return False
        self._set(Drive.REST, mono)
        return True
