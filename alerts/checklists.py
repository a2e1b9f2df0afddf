"""Checklists and calls: what a plan brings into the room when it begins."""

from __future__ import annotations

import msgspec

from alerts import wording
from alerts.cases import CaseFile, Journal
from alerts.ownership import Refusal
from config.plans import Plan
from model.calls import CallRole
from model.cases import Change, CheckItem, Reason
from model.facts import Decision
from model.text import Bilingual


def begin(journal: Journal, file: CaseFile, plan: Plan) -> None:
    """What a plan brings into the room when it acts for the first time in a case."""
    if plan.id in file.begun:
        return
    file.begun.append(plan.id)
    if plan.checklist:
        lines = tuple(
            CheckItem(plan=plan.id, item=number, text=Bilingual(zh=line.zh, en=line.en))
            for number, line in enumerate(plan.checklist)
        )
        journal.show(
            file, msgspec.structs.replace(file.case, checklist=file.case.checklist + lines)
        )
    if plan.call:
        journal.note(
            file,
            actor=plan.id,
            change=Change.PEOPLE_CALLED,
            reason=Reason.PLAN,
            detail=wording.calls(plan.id, plan.call),
        )
        journal.call(file, CallRole.PLAN, tuple(plan.call))


def check(journal: Journal, file: CaseFile, decision: Decision) -> Refusal | None:
    """Somebody has done a line of a checklist; returns why not, if not."""
    for number, line in enumerate(file.case.checklist):
        if (line.plan, line.item) != (decision.plan, decision.item):
            continue
        if line.done_by is not None:
            return Refusal.ALREADY_CHECKED
        lines = list(file.case.checklist)
        lines[number] = msgspec.structs.replace(line, done_by=decision.person)
        file.case = msgspec.structs.replace(file.case, checklist=tuple(lines))
        journal.note(
            file,
            actor=decision.person,
            change=Change.CHECKED,
            reason=Reason.PERSON,
            detail=line.text,
        )
        return None
    return Refusal.NO_SUCH_ITEM
