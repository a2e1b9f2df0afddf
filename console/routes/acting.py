"""Acting beside cases: an operator's own call, exercises, entrances' bollards, and duty."""

from __future__ import annotations

from typing import Annotated

import msgspec
from anyio import to_thread
from fastapi import APIRouter, Request, Response
from pydantic import Field

from console.context import context_of
from console.decide import submit
from console.doors import Signed
from console.problems import Code, ProblemError
from console.routes.decisions import Comment, Form, PersonId, Taken
from model.facts import Verb
from model.level import Level

router = APIRouter(prefix="/api/v1", tags=["decisions"])

_NOBODY = b"[]"
_encoder = msgspec.json.Encoder()


class CallForm(Form):
    """What an operator saw that no rule sees: how bad it is, and in words what it is."""

    level: Level
    comment: Comment
    hazard: PersonId | None = None


class ExerciseForm(CallForm):
    """What is practised, and for how many minutes at most."""

    minutes: Annotated[float, Field(gt=0, le=480)] = 30.0


class CountForm(Form):
    """How many people somebody counted inside."""

    people: Annotated[int, Field(ge=0, le=1_000_000)]


async def _zone(
    request: Request,
    who: Signed,
    verb: Verb,
    zone: str,
    form: CallForm,
    *,
    minutes: float | None = None,
) -> Taken:
    context = context_of(request.app)
    if zone not in {known.id for known in context.site.zones}:
        raise ProblemError(Code.NOT_FOUND)
    taken = await submit(
        context,
        who,
        verb,
        zone,
        decision=form.decision,
        comment=form.comment,
        hazard=form.hazard,
        level=form.level,
        minutes=minutes,
    )
    return Taken(decision=taken)


@router.post("/zones/{zone}/call")
async def call(zone: str, form: CallForm, request: Request, who: Signed) -> Taken:
    """Call a warning by one's own judgement, or lift one that is open."""
    return await _zone(request, who, Verb.CALL, zone, form)


@router.post("/zones/{zone}/exercise")
async def exercise(zone: str, form: ExerciseForm, request: Request, who: Signed) -> Taken:
    """Begin an exercise: the same chain, marked as an exercise everywhere."""
    return await _zone(request, who, Verb.EXERCISE, zone, form, minutes=form.minutes)


@router.post("/zones/{zone}/count")
async def count(zone: str, form: CountForm, request: Request, who: Signed) -> Taken:
    """Say how many people are inside a zone that gates count: they go on from there."""
    context = context_of(request.app)
    if zone not in {known.id for known in context.site.zones}:
        raise ProblemError(Code.NOT_FOUND)
    taken = await submit(context, who, Verb.COUNT, zone, decision=form.decision, people=form.people)
    return Taken(decision=taken)


async def _entrance(request: Request, who: Signed, verb: Verb, entrance: str, form: Form) -> Taken:
    context = context_of(request.app)
    if entrance not in {bollard.entrance for bollard in context.site.bollards}:
        raise ProblemError(Code.NOT_FOUND)
    taken = await submit(context, who, verb, entrance, decision=form.decision)
    return Taken(decision=taken)


@router.post("/entrances/{entrance}/arm")
async def arm(entrance: str, form: Form, request: Request, who: Signed) -> Taken:
    """The first of two acts that raise an entrance; it holds for 30 s."""
    return await _entrance(request, who, Verb.ARM, entrance, form)


@router.post("/entrances/{entrance}/confirm")
async def confirm(entrance: str, form: Form, request: Request, who: Signed) -> Taken:
    """The second act: raise. Refused with a reason where no lane may rise now.

    It takes another person at another session than the one who armed, unless people agreed to a
    plan for this entrance, or a plan that needs nobody names it.
    """
    return await _entrance(request, who, Verb.CONFIRM, entrance, form)


@router.post("/entrances/{entrance}/lower")
async def lower(entrance: str, form: Form, request: Request, who: Signed) -> Taken:
    """Lower every lane of an entrance."""
    return await _entrance(request, who, Verb.LOWER, entrance, form)


@router.post("/entrances/{entrance}/stop")
async def stop(entrance: str, form: Form, request: Request, who: Signed) -> Taken:
    """Stop every lane of an entrance at once; this is never refused for its state."""
    return await _entrance(request, who, Verb.STOP, entrance, form)


@router.get("/duty")
async def duty(request: Request) -> Response:
    """Who is on duty, and the roster's shifts by the site's own time."""
    context = context_of(request.app)
    standing = await to_thread.run_sync(context.store.state, "duty")
    body = {
        "on_duty": msgspec.Raw(standing or _NOBODY),
        "shifts": [
            {
                "start": shift.start.isoformat("minutes"),
                "end": shift.end.isoformat("minutes"),
                "people": shift.people,
            }
            for shift in context.site.roster
        ],
    }
    return Response(_encoder.encode(body), media_type="application/json")


async def _duty(request: Request, who: Signed, verb: Verb, form: Form) -> Taken:
    context = context_of(request.app)
    taken = await submit(context, who, verb, who.person, decision=form.decision)
    return Taken(decision=taken)


@router.post("/duty/on")
async def sign_on(form: Form, request: Request, who: Signed) -> Taken:
    """Sign on for duty: the escalation clock calls those on duty first."""
    return await _duty(request, who, Verb.SIGN_ON, form)


@router.post("/duty/off")
async def sign_off(form: Form, request: Request, who: Signed) -> Taken:
    """Sign off."""
    return await _duty(request, who, Verb.SIGN_OFF, form)
