"""Entrances: what cases want up, what agreed plans would raise, and what a person lowered."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from alerts import wording
from alerts.cases import CaseBook, CaseFile, Journal
from config.plans import Approval, Plan
from model.actions import MoveEntrance
from model.cases import Case, Change, Reason
from model.facts import Decision
from model.orders import Motion


def make_ready(journal: Journal, file: CaseFile, barriers: dict[str, Plan]) -> None:
    """Note which entrances agreed plans would raise, once somebody arms and confirms."""
    ready = {
        entrance: plan.id
        for entrance, plan in barriers.items()
        if plan.approval is not Approval.NONE
        and entrance not in file.raised
        and entrance not in file.hands_off
    }
    if ready == file.ready:
        return
    news = [entrance for entrance in ready if entrance not in file.ready]
    file.ready = ready
    _show_ready(journal, file)
    if news:
        journal.note(
            file,
            actor=ready[news[0]],
            change=Change.PLAN_WAITING,
            reason=Reason.PLAN,
            detail=wording.waits_for_arming(ready[news[0]], news),
        )


def raise_ready(journal: Journal, book: CaseBook, entrance: str, decision: Decision) -> bool:
    """Raise an entrance for the cases that agreed plans want it up for; False where none."""
    waiting = [file for file in book if entrance in file.ready]
    for file in waiting:
        already = claimed(book, file.case, entrance)
        plan_id = file.ready.pop(entrance)
        file.raised[entrance] = plan_id
        _show_ready(journal, file)
        journal.note(
            file,
            actor=decision.person,
            change=Change.PLAN_STARTED,
            reason=Reason.PERSON,
            detail=wording.acts(plan_id, told=0, entrances=[entrance]),
        )
        if not already:
            asked = move(file.case, entrance, Motion.RAISE, decision.person)
            journal.actions.append(msgspec.structs.replace(asked, decision=decision.id))
    return bool(waiting)


def lower(
    journal: Journal,
    book: CaseBook,
    file: CaseFile,
    *,
    keep: Iterable[str],
    over: Callable[[CaseFile, str], bool],
) -> None:
    """Lower what this case raised, unless another open case still wants it up."""
    kept = set(keep)
    for entrance, plan_id in list(file.raised.items()):
        if entrance in kept or not over(file, plan_id):
            continue
        del file.raised[entrance]
        if not claimed(book, file.case, entrance):
            journal.actions.append(move(file.case, entrance, Motion.LOWER, plan_id))


def lower_by_hand(journal: Journal, book: CaseBook, entrance: str, decision: Decision) -> None:
    """Lower or stop an entrance at once. One person is enough; no case holds it up after that."""
    motion = Motion.LOWER if decision.verb.value == Motion.LOWER.value else Motion.STOP
    journal.actions.append(
        MoveEntrance(entrance=entrance, motion=motion, actor=decision.person, decision=decision.id)
    )
    for file in book:
        if entrance not in file.raised and entrance not in file.ready:
            continue
        if motion is Motion.LOWER:
            file.raised.pop(entrance, None)
            file.ready.pop(entrance, None)
            _show_ready(journal, file)
            file.hands_off.append(entrance)
        file.held.pop(entrance, None)
        journal.note(
            file,
            actor=decision.person,
            change=Change.MOVED_BY_HAND,
            reason=Reason.PERSON,
            detail=wording.by_hand(entrance, motion),
        )


def move(case: Case, entrance: str, motion: Motion, actor: str) -> MoveEntrance:
    """What a case asks of an entrance."""
    return MoveEntrance(
        entrance=entrance, motion=motion, case=case.id, actor=actor, exercise=case.exercise
    )


def claimed(book: CaseBook, case: Case, entrance: str) -> bool:
    """Whether an open case of the same sort wants it up; an exercise moves nothing real."""
    return any(entrance in file.raised and file.case.exercise == case.exercise for file in book)


def _show_ready(journal: Journal, file: CaseFile) -> None:
    journal.show(file, msgspec.structs.replace(file.case, ready=tuple(file.ready)))
