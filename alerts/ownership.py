"""Ownership: who has a case in hand, and the clock that calls the next one while nobody has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum

import msgspec

from alerts import wording
from alerts.cases import CaseFile, Journal
from model.calls import CallRole
from model.cases import Case, CaseState, Change, Reason
from model.facts import Decision, Verb

STEPS = (CallRole.SECOND_PERSON, CallRole.COMMANDER, CallRole.OUTSIDE_CONTACT)
"""Whom the escalation clock calls, step by step."""

WhomToCall = Callable[[CallRole, Case], tuple[str, ...]]
"""The people whom a step calls for a case, by duty and roster."""


class Refusal(StrEnum):
    """Why a person's decision was not carried out."""

    CASE_NOT_OPEN = "case_not_open"
    DUPLICATE = "decision_already_handled"
    ALREADY_ACKNOWLEDGED = "already_acknowledged"
    NOT_ACKNOWLEDGED = "not_acknowledged"
    ASSIGNEE_MISSING = "assignee_missing"
    COMMENT_MISSING = "comment_missing"
    SIGNAL_ABOVE = "signal_still_above"
    SIGNAL_UNSEEN = "red_cannot_close_unseen"
    FAULT_PERSISTS = "fault_persists"
    NOTHING_TO_APPROVE = "nothing_to_approve"
    SAME_PERSON = "approver_is_the_proposer"
    SAME_SESSION = "approval_from_the_same_session"
    UNKNOWN_ENTRANCE = "unknown_entrance"
    UNKNOWN_ZONE = "unknown_zone"
    NO_GATES = "zone_has_no_gates"
    PEOPLE_MISSING = "people_missing"
    REASON_MISSING = "reason_missing"
    END_MISSING = "end_missing"
    RED_NOT_SHELVED = "red_cannot_be_shelved"
    ALREADY_SHELVED = "already_shelved"
    NOT_SHELVED = "not_shelved"
    NOT_MERGED = "not_merged"
    CANNOT_MERGE = "cannot_be_merged"
    LEVEL_MISSING = "level_missing"
    NOTHING_TOLD = "nothing_to_withdraw"
    MESSAGE_MISSING = "message_missing"
    NOBODY_ADDRESSED = "nobody_addressed"
    TOO_MANY_STAND = "too_many_messages_stand"
    NO_SUCH_ITEM = "no_such_checklist_item"
    ALREADY_CHECKED = "already_checked"
    NOT_ARMED = "not_armed_or_too_late"
    ALREADY_ON_DUTY = "already_on_duty"
    NOT_ON_DUTY = "not_on_duty"
    EXERCISE_RUNS = "exercise_already_runs"
    REAL_WARNING_STANDS = "real_warning_stands_there"


class EscalationClock:
    """The clock that calls the next one while nobody takes a warning on.

    It stands while the case is quiet: muted by a red one, shelved, or merged into another.
    """

    def __init__(self, at_s: tuple[float, float, float], whom: WhomToCall) -> None:
        self._at_s = at_s
        self._whom = whom

    def start(self, journal: Journal, file: CaseFile) -> None:
        """Start the clock of a zone case that nobody owns."""
        file.unowned_s = 0.0
        file.case = msgspec.structs.replace(file.case, escalation=0)
        self.show_next(journal, file)

    def escalate(self, journal: Journal, file: CaseFile, seconds: float) -> int | None:
        """Let time pass over an unowned zone case; the last step that was taken by it, if any."""
        if not _runs(file.case):
            return None
        file.unowned_s += seconds
        taken = None
        while (step := file.case.escalation) < len(self._at_s):
            if file.unowned_s < self._at_s[step] - 1e-6:
                break
            file.case = msgspec.structs.replace(file.case, escalation=step + 1)
            self.show_next(journal, file)
            people = self._whom(STEPS[step], file.case)
            journal.note(
                file,
                actor="clock",
                change=Change.ESCALATED,
                reason=Reason.UNOWNED,
                detail=wording.called(step, self._at_s[step], people),
            )
            journal.call(file, STEPS[step], people)
            taken = step
        return taken

    def due_s(self, file: CaseFile) -> float:
        """Seconds until the next step; how far a restart may let the clock run on at most."""
        step = file.case.escalation
        if not _runs(file.case) or step >= len(self._at_s):
            return 0.0
        return max(0.0, self._at_s[step] - file.unowned_s)

    def show_next(self, journal: Journal, file: CaseFile) -> None:
        """Write onto the case when the next step is due, if one is."""
        step, moment = file.case.escalation, None
        if _runs(file.case) and step < len(self._at_s):
            left_s = max(0.0, self._at_s[step] - file.unowned_s)
            moment = journal.now + timedelta(seconds=left_s)
        file.case = msgspec.structs.replace(file.case, next_escalation=moment)


def _runs(case: Case) -> bool:
    return case.subject_kind == "zone" and case.state is CaseState.OPEN and not case.quiet


def decide(
    journal: Journal, file: CaseFile, decision: Decision, clock: EscalationClock
) -> Refusal | None:
    """Carry out a person's decision about owning a case; returns why not, if not."""
    match decision.verb:
        case Verb.ACKNOWLEDGE:
            return _acknowledge(journal, file, decision)
        case Verb.UNACKNOWLEDGE:
            return _unacknowledge(journal, file, decision, clock)
        case Verb.ASSIGN:
            return _assign(journal, file, decision)
        case Verb.COMMENT:
            if not decision.comment:
                return Refusal.COMMENT_MISSING
            _note(journal, file, decision, Change.COMMENTED)
            return None
        case _:
            raise ValueError(f"{decision.verb} is no decision about owning a case")


def _acknowledge(journal: Journal, file: CaseFile, decision: Decision) -> Refusal | None:
    if file.case.state is CaseState.ACKNOWLEDGED:
        return Refusal.ALREADY_ACKNOWLEDGED
    file.case = msgspec.structs.replace(
        file.case,
        state=CaseState.ACKNOWLEDGED,
        owner=decision.person,
        next_escalation=None,
    )
    _note(journal, file, decision, Change.ACKNOWLEDGED)
    return None


def _unacknowledge(
    journal: Journal, file: CaseFile, decision: Decision, clock: EscalationClock
) -> Refusal | None:
    if file.case.state is not CaseState.ACKNOWLEDGED:
        return Refusal.NOT_ACKNOWLEDGED
    file.case = msgspec.structs.replace(file.case, state=CaseState.OPEN, owner=None)
    clock.start(journal, file)
    _note(journal, file, decision, Change.UNACKNOWLEDGED)
    return None


def _assign(journal: Journal, file: CaseFile, decision: Decision) -> Refusal | None:
    """Name an owner. The clock runs on until that person acknowledges."""
    if decision.assignee is None:
        return Refusal.ASSIGNEE_MISSING
    file.case = msgspec.structs.replace(file.case, owner=decision.assignee)
    _note(journal, file, decision, Change.ASSIGNED)
    return None


def _note(journal: Journal, file: CaseFile, decision: Decision, change: Change) -> None:
    journal.note(
        file,
        actor=decision.person,
        change=change,
        reason=Reason.PERSON,
        detail=wording.said(decision),
    )
