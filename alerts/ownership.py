"""Ownership: who has a case in hand, and the clock that calls the next one while nobody has."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

import msgspec

from alerts import wording
from alerts.cases import CaseFile, Journal
from model.cases import CaseState, Change, Reason
from model.facts import Decision, Verb

ESCALATE_AT_S = (30.0, 60.0, 120.0)
"""Seconds without acknowledgement after which the next one is called."""


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


def start_clock(journal: Journal, file: CaseFile) -> None:
    """Start the escalation clock of a zone case that nobody owns."""
    file.unowned_s = 0.0
    file.case = msgspec.structs.replace(file.case, escalation=0)
    _show_next(journal, file)


def escalate(journal: Journal, file: CaseFile, seconds: float) -> None:
    """Let time pass over an unowned zone case; each step of the clock is taken once."""
    case = file.case
    if case.subject_kind != "zone" or case.state is not CaseState.OPEN:
        return
    file.unowned_s += seconds
    while (step := file.case.escalation) < len(ESCALATE_AT_S):
        if file.unowned_s < ESCALATE_AT_S[step] - 1e-6:
            return
        file.case = msgspec.structs.replace(file.case, escalation=step + 1)
        _show_next(journal, file)
        journal.note(
            file,
            actor="clock",
            change=Change.ESCALATED,
            reason=Reason.UNOWNED,
            detail=wording.called(step, ESCALATE_AT_S[step]),
        )


def escalation_due_s(file: CaseFile) -> float:
    """Seconds until the next escalation; how far a restart may let the clock run on at most."""
    step = file.case.escalation
    if file.case.state is not CaseState.OPEN or step >= len(ESCALATE_AT_S):
        return 0.0
    return max(0.0, ESCALATE_AT_S[step] - file.unowned_s)


def decide(journal: Journal, file: CaseFile, decision: Decision) -> Refusal | None:
    """Carry out a person's decision about owning a case; returns why not, if not."""
    match decision.verb:
        case Verb.ACKNOWLEDGE:
            return _acknowledge(journal, file, decision)
        case Verb.UNACKNOWLEDGE:
            return _unacknowledge(journal, file, decision)
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


def _unacknowledge(journal: Journal, file: CaseFile, decision: Decision) -> Refusal | None:
    if file.case.state is not CaseState.ACKNOWLEDGED:
        return Refusal.NOT_ACKNOWLEDGED
    file.case = msgspec.structs.replace(file.case, state=CaseState.OPEN, owner=None)
    start_clock(journal, file)
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


def _show_next(journal: Journal, file: CaseFile) -> None:
    step = file.case.escalation
    moment = None
    if file.case.subject_kind == "zone" and step < len(ESCALATE_AT_S):
        left_s = max(0.0, ESCALATE_AT_S[step] - file.unowned_s)
        moment = journal.now + timedelta(seconds=left_s)
    file.case = msgspec.structs.replace(file.case, next_escalation=moment)
