"""Cases: one warning from its first crossing to its all-clear, with a history of named reasons."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from model.facts import Id, Stamp
from model.level import Level
from model.text import Bilingual


class CaseState(StrEnum):
    """Whether somebody owns the case already, and whether it is over."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


class Change(StrEnum):
    """What happened to a case at one transition."""

    OPENED = "opened"
    STEPPED_UP = "stepped_up"
    STEPPED_DOWN = "stepped_down"
    ACKNOWLEDGED = "acknowledged"
    UNACKNOWLEDGED = "unacknowledged"
    ASSIGNED = "assigned"
    COMMENTED = "commented"
    FAULT_CHANGED = "fault_changed"
    MOVED_BY_HAND = "moved_by_hand"
    PLAN_WAITING = "plan_waiting"
    PLAN_STARTED = "plan_started"
    PLAN_REPEATED = "plan_repeated"
    APPROVED = "approved"
    ACTION_REFUSED = "action_refused"
    ESCALATED = "escalated"
    CLOSED = "closed"


class Reason(StrEnum):
    """Why a case changed: stored, shown to the operator and tested."""

    ABOVE_RAISE = "above_raise_value_for_hold"
    BELOW_CLEAR = "below_clear_value_for_hold"
    ALARM_RAISED = "alarm_raised"
    ALARM_CLEARED = "alarm_cleared"
    CAMERA_BLIND = "camera_blind"
    CAMERA_SEES = "camera_sees_again"
    DEVICE_SILENT = "device_silent"
    DEVICE_BACK = "device_back"
    DEVICE_FAULT = "device_fault"
    DEVICE_HEALTHY = "device_healthy"
    PERSON = "person_decided"
    PLAN = "plan_of_the_level"
    UNOWNED = "nobody_acknowledged_in_time"
    LOOP_NOT_CLEAR = "loop_not_clear"
    LOOP_STALE = "loop_state_stale"
    STATE_UNKNOWN = "state_unknown"


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One warning of one hazard in one zone, or one fault of one device.

    Only zone cases are published as warnings. `level` is the level in force; a closed case keeps
    its last one. `serial` counts transitions.
    """

    id: Id
    subject_kind: Literal["zone", "device"]
    subject: Id
    hazard: Id
    level: Level
    state: CaseState
    opened: Stamp
    changed: Stamp
    exercise: bool = False
    owner: Id | None = None
    text: Bilingual
    serial: int = 0
    rule: Id | None = None
    escalation: int = 0
    next_escalation: Stamp | None = None


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """One step in a case's history: who or what, when, to which level, and why.

    `detail` says it to people; it is absent where reason and change say all there is.
    """

    case: Id
    serial: int
    at: Stamp
    actor: Id
    change: Change
    level: Level
    reason: Reason
    detail: Bilingual | None = None
