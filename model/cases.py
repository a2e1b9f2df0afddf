"""Cases: one warning from its first crossing to its all-clear, with a history of named reasons."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from model.facts import Id, Stamp, Word
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
    MUTED = "muted"
    UNMUTED = "unmuted"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    MERGED = "merged"
    SEPARATED = "separated"
    MOVED_BY_HAND = "moved_by_hand"
    ARMED = "armed"
    PLAN_WAITING = "plan_waiting"
    PLAN_STARTED = "plan_started"
    PLAN_REPEATED = "plan_repeated"
    APPROVED = "approved"
    PEOPLE_CALLED = "people_called"
    CHECKED = "checked"
    WITHDRAWN = "withdrawn"
    ACTION_REFUSED = "action_refused"
    ESCALATED = "escalated"
    PUBLIC_TOLD = "public_told"
    GAP_NAMED = "gap_named"
    GAP_CLOSED = "gap_closed"
    CLOSED = "closed"


class Reason(StrEnum):
    """Why a case changed: stored, shown to the operator and tested."""

    ABOVE_RAISE = "above_raise_value_for_hold"
    BELOW_CLEAR = "below_clear_value_for_hold"
    BELOW_RAISE = "below_raise_value_for_hold"
    ABOVE_CLEAR = "above_clear_value_for_hold"
    OUT_OF_SCHEDULE = "rule_rests_by_schedule"
    FORECAST_ABOVE = "forecast_above_raise_value"
    FORECAST_BELOW = "forecast_below_clear_value"
    WEAK_SIGNALS = "weak_signals_together"
    WEAK_SIGNALS_GONE = "weak_signals_gone"
    ZONE_BLIND = "zone_blind"
    ZONE_SEES = "zone_sees_again"
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
    NOT_ANSWERED = "terminal_does_not_answer"
    ANSWERED = "terminal_answers_again"
    NO_TERMINAL = "no_terminal_in_zone"
    RED_IN_ZONE = "red_in_the_zone"
    RED_OVER = "red_is_over"
    SHELF_END = "shelving_ended"
    MERGED_CLOSED = "merged_case_closed"
    EXERCISE_OVER = "exercise_over"
    REAL_WARNING = "real_warning_came"
    LOOP_NOT_CLEAR = "loop_not_clear"
    LOOP_STALE = "loop_state_stale"
    STATE_UNKNOWN = "state_unknown"


class WaitingPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan that waits for people: how many must agree and who already has."""

    plan: Id
    needed: int
    approved_by: tuple[Id, ...]


class CheckItem(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a plan's checklist, and who has done it."""

    plan: Id
    item: int
    text: Bilingual
    done_by: Id | None = None


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Where a case's message reached nobody, and who makes up for it.

    `terminal` is absent where the zone has none at all. `reason` is the device's or our own named
    reason, `instead` are the terminals that were told in its place, `people` those who walk there.
    """

    terminal: Id | None = None
    since: Stamp
    reason: Word
    instead: tuple[Id, ...] = ()
    people: tuple[Id, ...] = ()


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One warning of one hazard in one zone, or one fault of one device.

    Only zone cases are published as warnings. `level` is the level in force; a closed case keeps
    its last one. `serial` counts transitions. A case that is muted by another, shelved, or merged
    into another calls nobody; it stays open all the same. `called` is the level of an operator's
    own call; `ready` are entrances that agreed plans would raise, once somebody arms and confirms.
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
    muted_by: Id | None = None
    shelved_until: Stamp | None = None
    merged_into: Id | None = None
    called: Level | None = None
    waiting: tuple[WaitingPlan, ...] = ()
    ready: tuple[Id, ...] = ()
    checklist: tuple[CheckItem, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @property
    def quiet(self) -> bool:
        """Whether another case, or a person for some time, answers for it."""
        return (
            self.muted_by is not None
            or self.shelved_until is not None
            or self.merged_into is not None
        )


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
