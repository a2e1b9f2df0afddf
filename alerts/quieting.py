"""Quieting: cases that call nobody for a time, since another case or a person answers for them.

A red warning mutes what is yellow or blue in its zone; a person shelves a case for some minutes, or
merges it into another. A quiet case stays open, keeps its plans and closes by its own signal. It is
loud again as soon as its reason is gone, when it steps up, and never stays quiet at red.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec

from alerts import wording
from alerts.cases import CaseBook, CaseFile, Journal
from alerts.ownership import EscalationClock, Refusal
from model.cases import Case, CaseState, Change, Reason
from model.facts import Decision
from model.level import Level

SHELF_MOST_MIN = 480.0
"""A case is shelved for a shift at most."""


def shelve(journal: Journal, file: CaseFile, decision: Decision) -> Refusal | None:
    """Put a case aside until an end that is given; returns why not, if not."""
    if file.case.level is Level.RED:
        return Refusal.RED_NOT_SHELVED
    if file.shelved_s is not None:
        return Refusal.ALREADY_SHELVED
    if decision.minutes is None:
        return Refusal.END_MISSING
    if not decision.comment:
        return Refusal.REASON_MISSING
    minutes = min(decision.minutes, SHELF_MOST_MIN)
    file.shelved_s = minutes * 60.0
    until = journal.now + timedelta(minutes=minutes)
    file.case = msgspec.structs.replace(file.case, shelved_until=until, next_escalation=None)
    journal.note(
        file,
        actor=decision.person,
        change=Change.SHELVED,
        reason=Reason.PERSON,
        detail=wording.shelved(minutes, decision),
    )
    return None


def unshelve(
    journal: Journal, file: CaseFile, decision: Decision, clock: EscalationClock
) -> Refusal | None:
    """Take a case up again before its end; returns why not, if not."""
    if file.shelved_s is None:
        return Refusal.NOT_SHELVED
    _off_the_shelf(journal, file, clock, actor=decision.person, reason=Reason.PERSON)
    return None


def let_time_pass(journal: Journal, file: CaseFile, seconds: float, clock: EscalationClock) -> None:
    """A shelved case comes back at its end."""
    if file.shelved_s is None:
        return
    file.shelved_s -= seconds
    if file.shelved_s <= 1e-6:
        _off_the_shelf(journal, file, clock, actor="clock", reason=Reason.SHELF_END)


def stepped_up(
    journal: Journal, file: CaseFile, clock: EscalationClock, *, actor: str, reason: Reason
) -> None:
    """A case that grew worse is on nobody's shelf and in nobody else's hands any more."""
    if file.shelved_s is not None:
        _off_the_shelf(journal, file, clock, actor=actor, reason=reason)
    if file.case.merged_into is not None and file.case.level is Level.RED:
        _separate(journal, file, clock, actor=actor, reason=reason)


def merge(journal: Journal, book: CaseBook, file: CaseFile, decision: Decision) -> Refusal | None:
    """Let another case answer for this one; returns why not, if not."""
    into = None if decision.into is None else book.by_id(decision.into)
    if into is None:
        return Refusal.CASE_NOT_OPEN
    if not _may_answer(into.case, file.case):
        return Refusal.CANNOT_MERGE
    if any(other.case.merged_into == file.case.id for other in book):
        return Refusal.CANNOT_MERGE
    file.case = msgspec.structs.replace(file.case, merged_into=into.case.id, next_escalation=None)
    journal.note(
        file,
        actor=decision.person,
        change=Change.MERGED,
        reason=Reason.PERSON,
        detail=wording.merged(into.case, decision),
    )
    return None


def _may_answer(into: Case, case: Case) -> bool:
    """A case answers for no red or redder one, for no real one if it is an exercise, and for no chain.

    Red is never quiet: two of them in one place, a fire and a crush, each need their own owner.
    """
    return (
        into.id != case.id
        and case.level is not Level.RED
        and into.merged_into is None
        and case.merged_into is None
        and into.subject_kind == case.subject_kind == "zone"
        and into.exercise == case.exercise
        and into.level.rank >= case.level.rank
    )


def separate(
    journal: Journal, file: CaseFile, decision: Decision, clock: EscalationClock
) -> Refusal | None:
    """Let a merged case stand for itself again; returns why not, if not."""
    if file.case.merged_into is None:
        return Refusal.NOT_MERGED
    _separate(journal, file, clock, actor=decision.person, reason=Reason.PERSON)
    return None


def review(journal: Journal, book: CaseBook, clock: EscalationClock) -> None:
    """Mute and unmute what red warnings answer for, and part what was merged into a closed case."""
    reds: dict[tuple[str, bool], str] = {}
    for file in book:
        if file.case.subject_kind == "zone" and file.case.level is Level.RED:
            reds.setdefault((file.case.subject, file.case.exercise), file.case.id)
    for file in book:
        case = file.case
        if case.subject_kind != "zone":
            continue
        if case.merged_into is not None and book.by_id(case.merged_into) is None:
            _separate(journal, file, clock, actor=case.merged_into, reason=Reason.MERGED_CLOSED)
        _review_mute(journal, file, clock, reds.get((case.subject, case.exercise)))


def _review_mute(journal: Journal, file: CaseFile, clock: EscalationClock, red: str | None) -> None:
    """An exercise mutes no real warning, and none of them an exercise: they are told apart above."""
    muted = file.case.level.rank <= Level.YELLOW.rank and red is not None
    if muted == (file.case.muted_by is not None):
        return
    by = red if muted else None
    actor = red or file.case.muted_by or "clock"
    file.case = msgspec.structs.replace(file.case, muted_by=by)
    if muted:
        file.case = msgspec.structs.replace(file.case, next_escalation=None)
    else:
        _loud(journal, file, clock)
    journal.note(
        file,
        actor=actor,
        change=Change.MUTED if muted else Change.UNMUTED,
        reason=Reason.RED_IN_ZONE if muted else Reason.RED_OVER,
        detail=wording.muted() if muted else wording.unmuted(),
    )


def _off_the_shelf(
    journal: Journal, file: CaseFile, clock: EscalationClock, *, actor: str, reason: Reason
) -> None:
    file.shelved_s = None
    file.case = msgspec.structs.replace(file.case, shelved_until=None)
    _loud(journal, file, clock)
    journal.note(
        file,
        actor=actor,
        change=Change.UNSHELVED,
        reason=reason,
        detail=wording.unshelved(reason),
    )


def _separate(
    journal: Journal, file: CaseFile, clock: EscalationClock, *, actor: str, reason: Reason
) -> None:
    file.case = msgspec.structs.replace(file.case, merged_into=None)
    _loud(journal, file, clock)
    journal.note(
        file,
        actor=actor,
        change=Change.SEPARATED,
        reason=reason,
        detail=wording.separated(reason),
    )


def _loud(journal: Journal, file: CaseFile, clock: EscalationClock) -> None:
    """A case that nobody took on begins its clock anew when nothing quiets it any more."""
    if file.case.state is CaseState.OPEN and not file.case.quiet:
        clock.start(journal, file)
