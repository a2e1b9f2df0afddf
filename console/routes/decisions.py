"""Deciding: what an operator does with a case, and with an entrance's bollards."""

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
) -> Taken:
    context = context_of(request.app)
    if case not in context.live.room.cards[Section.CASES]:
        raise ProblemError(Code.NOT_FOUND)
    taken = await submit(
        context, who, verb, case, decision=form.decision, assignee=assignee, comment=comment
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
    """End a case by hand; refused while its value is still above."""
    return await _case(request, who, Verb.CLOSE, case, form, comment=form.comment)


async def _entrance(request: Request, who: Signed, verb: Verb, entrance: str, form: Form) -> Taken:
    context = context_of(request.app)
    if entrance not in {bollard.entrance for bollard in context.site.bollards}:
        raise ProblemError(Code.NOT_FOUND)
    taken = await submit(context, who, verb, entrance, decision=form.decision)
    return Taken(decision=taken)


@router.post("/entrances/{entrance}/lower")
async def lower(entrance: str, form: Form, request: Request, who: Signed) -> Taken:
    """Lower every lane of an entrance."""
    return await _entrance(request, who, Verb.LOWER, entrance, form)


@router.post("/entrances/{entrance}/stop")
async def stop(entrance: str, form: Form, request: Request, who: Signed) -> Taken:
    """Stop every lane of an entrance at once; this is never refused for its state."""
    return await _entrance(request, who, Verb.STOP, entrance, form)
