"""Deciding about a case: who has it in hand, what is agreed to, what quiets it, how it ends."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from console.context import context_of
from console.decide import submit
from console.doors import Signed
from console.problems import Code, ProblemError
from console.views import Section
from model.facts import Verb

router = APIRouter(prefix="/api/v1", tags=["decisions"])

DecisionId = Annotated[str, Field(pattern=r"^[a-z0-9-]{8,64}$")]
CaseId = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
PersonId = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
Comment = Annotated[str, Field(min_length=1, max_length=500)]


class Form(BaseModel):
    """Any decision; `decision` makes a repeat over a bad line harmless."""

    model_config = ConfigDict(extra="forbid")
    decision: DecisionId | None = None


class CommentForm(Form):
    comment: Comment


class OptionalCommentForm(Form):
    comment: Comment | None = None


class AssignForm(Form):
    assignee: PersonId


class ShelveForm(Form):
    """For how long a case is put aside, and why."""

    minutes: Annotated[float, Field(gt=0, le=480)]
    comment: Comment


class MergeForm(Form):
    """The case that answers for this one from now on."""

    into: CaseId
    comment: Comment | None = None


class CheckForm(Form):
    """Which line of which plan's checklist is done."""

    plan: PersonId
    item: Annotated[int, Field(ge=0, le=99)]


class Taken(BaseModel):
    """The decision is on disk and in force."""

    decision: str


async def _case(
    request: Request,
    who: Signed,
    verb: Verb,
    case: str,
    form: Form,
    *,
    assignee: str | None = None,
    comment: str | None = None,
    minutes: float | None = None,
    into: str | None = None,
    plan: str | None = None,
    item: int | None = None,
) -> Taken:
    context = context_of(request.app)
    if case not in context.live.room.cards[Section.CASES]:
        raise ProblemError(Code.NOT_FOUND)
    taken = await submit(
        context,
        who,
        verb,
        case,
        decision=form.decision,
        assignee=assignee,
        comment=comment,
        minutes=minutes,
        into=into,
        plan=plan,
        item=item,
    )
    return Taken(decision=taken)


@router.post("/cases/{case}/acknowledge")
async def acknowledge(case: str, form: Form, request: Request, who: Signed) -> Taken:
    """Take a case on: its clock stops escalating."""
    return await _case(request, who, Verb.ACKNOWLEDGE, case, form)


@router.post("/cases/{case}/unacknowledge")
async def unacknowledge(case: str, form: Form, request: Request, who: Signed) -> Taken:
    """Give a case back: its clock escalates again."""
    return await _case(request, who, Verb.UNACKNOWLEDGE, case, form)


@router.post("/cases/{case}/assign")
async def assign(case: str, form: AssignForm, request: Request, who: Signed) -> Taken:
    """Make somebody the owner of a case."""
    if form.assignee not in context_of(request.app).people:
        raise ProblemError(Code.REFUSED, reason="unknown_person")
    return await _case(request, who, Verb.ASSIGN, case, form, assignee=form.assignee)


@router.post("/cases/{case}/comment")
async def comment(case: str, form: CommentForm, request: Request, who: Signed) -> Taken:
    """Write a remark into a case's history."""
    return await _case(request, who, Verb.COMMENT, case, form, comment=form.comment)


@router.post("/cases/{case}/approve")
async def approve(case: str, form: OptionalCommentForm, request: Request, who: Signed) -> Taken:
    """Agree to the plan that a case waits with."""
    return await _case(request, who, Verb.APPROVE, case, form, comment=form.comment)


@router.post("/cases/{case}/close")
async def close(case: str, form: OptionalCommentForm, request: Request, who: Signed) -> Taken:
    """End a case by hand, with a reason; refused while its value is still above."""
    return await _case(request, who, Verb.CLOSE, case, form, comment=form.comment)


@router.post("/cases/{case}/shelve")
async def shelve(case: str, form: ShelveForm, request: Request, who: Signed) -> Taken:
    """Put a case aside until an end: it calls nobody. Red cannot be shelved."""
    return await _case(
        request, who, Verb.SHELVE, case, form, minutes=form.minutes, comment=form.comment
    )


@router.post("/cases/{case}/unshelve")
async def unshelve(case: str, form: Form, request: Request, who: Signed) -> Taken:
    """Take a shelved case up again: its clock begins anew."""
    return await _case(request, who, Verb.UNSHELVE, case, form)


@router.post("/cases/{case}/merge")
async def merge(case: str, form: MergeForm, request: Request, who: Signed) -> Taken:
    """Let another case answer for this one; it still closes by its own signal."""
    return await _case(request, who, Verb.MERGE, case, form, into=form.into, comment=form.comment)


@router.post("/cases/{case}/separate")
async def separate(case: str, form: Form, request: Request, who: Signed) -> Taken:
    """Let a merged case stand for itself again."""
    return await _case(request, who, Verb.SEPARATE, case, form)


@router.post("/cases/{case}/check")
async def check(case: str, form: CheckForm, request: Request, who: Signed) -> Taken:
    """Tick a line of a plan's checklist, by name."""
    return await _case(request, who, Verb.CHECK, case, form, plan=form.plan, item=form.item)


@router.post("/cases/{case}/withdraw")
async def withdraw(case: str, form: OptionalCommentForm, request: Request, who: Signed) -> Taken:
    """Take back at once what a case told on terminals; one person is enough."""
    return await _case(request, who, Verb.WITHDRAW, case, form, comment=form.comment)
