"""For people outside: problems with photographs, dispatches, own warnings, a look at a camera."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from console.context import Context, context_of
from console.decide import submit
from console.dispatching import card_of, found, save, sees, step, unit_of
from console.doors import Signed, Who
from console.layout import units_of
from console.photographs import PictureError, clean
from console.pixelated import pixelate
from console.policy import DECIDE, PHOTOS
from console.problems import Code, ProblemError
from console.routes.room import as_json
from console.stills import headers_of, look
from console.views import CaseCard, Section
from model.cases import CaseState
from model.dispatch import Act, Dispatch, DispatchState, Grade, Step
from model.facts import Verb
from store.dispatches import TooManyPhotosError

router = APIRouter(prefix="/api/v1", tags=["field"])
photos = APIRouter(tags=["field"])

AHEAD_AT_MOST = timedelta(seconds=60)
PHOTOS_AT_MOST = 6

OwnId = Annotated[str, Field(pattern=r"^[a-z0-9-]{8,64}$")]
DeviceId = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
Metres = Annotated[float, Field(ge=-100_000, le=100_000)]
Photos = Annotated[tuple[OwnId, ...], Field(max_length=PHOTOS_AT_MOST)]
_ACTS = {
    "take": Act.TAKEN,
    "transfer": Act.TRANSFERRED,
    "solve": Act.SOLVED,
    "return": Act.RETURNED,
    "remark": Act.REMARKED,
    "close": Act.CLOSED,
}


class ReportForm(BaseModel):
    """A problem as reported. Its own `id` makes a repeat over a bad line harmless."""

    model_config = ConfigDict(extra="forbid")
    id: OwnId
    kind: DeviceId
    grade: Grade
    made: datetime | None = None
    """When it was written, if that was before it could be sent."""
    zone: DeviceId | None = None
    place: tuple[Metres, Metres] | None = None
    case: DeviceId | None = None
    text: Annotated[str, Field(max_length=500)] = ""
    photos: Photos = ()


class StepForm(BaseModel):
    """One step of a dispatch; a transfer names the unit and gives a reason in `note`."""

    model_config = ConfigDict(extra="forbid")
    note: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    photos: Photos = ()
    unit: Annotated[str, Field(min_length=1, max_length=100)] | None = None


class Taken(BaseModel):
    """The decision is on disk and in force."""

    decision: str


def _card(context: Context, dispatch: Dispatch) -> Response:
    return as_json(card_of(dispatch, context.site))


@photos.post(PHOTOS)
async def add_photo(request: Request, who: Signed, id: OwnId) -> Response:  # noqa: A002 - as in reports
    """Take a photograph in: decoded, written anew without metadata, made small."""
    context = context_of(request.app)
    data = await request.body()
    try:
        jpeg = await to_thread.run_sync(clean, data)
    except PictureError as error:
        raise ProblemError(Code(error.fault.value)) from error
    try:
        await to_thread.run_sync(
            lambda: context.dispatches.add_photo(
                id, at=context.clock.now(), person=who.person, jpeg=jpeg
            )
        )
    except TooManyPhotosError as error:
        raise ProblemError(Code.ALBUM_FULL) from error
    return as_json({"photo": id, "bytes": len(jpeg)})


@router.get("/photos/{photo}.jpg")
async def photo(photo: str, request: Request, who: Signed) -> Response:
    """A photograph of a problem that the person may see."""
    context = context_of(request.app)
    listed = await to_thread.run_sync(context.dispatches.with_photo, photo)
    if not any(sees(context, who, one) for one in listed):
        raise ProblemError(Code.NOT_FOUND)
    jpeg = await to_thread.run_sync(context.dispatches.photo, photo)
    if jpeg is None:
        raise ProblemError(Code.NOT_FOUND)
    return Response(jpeg, media_type="image/jpeg")


@router.get("/dispatches")
async def dispatches(request: Request, who: Signed, days: int = 1) -> Response:
    """Every open problem that the person may see, and those closed within the last days."""
    context = context_of(request.app)
    since = context.clock.now() - timedelta(days=min(max(days, 0), 31))
    listed = await to_thread.run_sync(lambda: context.dispatches.listed(since=since))
    cards = [card_of(one, context.site) for one in listed if sees(context, who, one)]
    return as_json({"dispatches": cards})


@router.post("/dispatches")
async def report(form: ReportForm, request: Request, who: Signed) -> Response:
    """Report a problem: it goes at once to the unit that owns its kind, with its deadline."""
    context = context_of(request.app)
    known = await to_thread.run_sync(context.dispatches.one, form.id)
    if known is not None:
        if known.reporter != who.person:
            raise ProblemError(Code.NOT_FOUND)
        return _card(context, known)
    dispatch = _dispatch_of(context, who, form)
    if not await save(context, who, dispatch, expected_steps=0):
        raise ProblemError(Code.BUSY)
    return _card(context, dispatch)


def _dispatch_of(context: Context, who: Who, form: ReportForm) -> Dispatch:
    kind = next((one for one in context.site.catalogue if one.id == form.kind), None)
    if kind is None:
        raise ProblemError(Code.REFUSED, reason="unknown_kind")
    if form.zone is not None and form.zone not in {zone.id for zone in context.site.zones}:
        raise ProblemError(Code.REFUSED, reason="unknown_zone")
    now = context.clock.now()
    made = form.made if form.made is not None and form.made.tzinfo is not None else now
    minutes = getattr(kind.within_min, form.grade.value)
    reported = Step(
        at=now,
        actor=who.person,
        act=Act.REPORTED,
        unit=kind.unit,
        note=form.text or None,
        photos=form.photos,
    )
    return Dispatch(
        id=form.id,
        kind=form.kind,
        grade=form.grade,
        unit=kind.unit,
        state=DispatchState.SENT,
        made=made if made <= now + AHEAD_AT_MOST else now,
        reported=now,
        due=now + timedelta(minutes=minutes),
        changed=now,
        reporter=who.person,
        zone=form.zone,
        place=form.place,
        case=form.case,
        text=form.text,
        steps=(reported,),
    )


@router.get("/dispatches/{dispatch}")
async def dispatch(dispatch: str, request: Request, who: Signed) -> Response:
    """One problem with its history."""
    context = context_of(request.app)
    return _card(context, await found(context, who, dispatch))


@router.post("/dispatches/{dispatch}/{act}")
async def act(dispatch: str, act: str, form: StepForm, request: Request, who: Signed) -> Response:
    """Take over, transfer with a reason, solve with words and photographs, return, remark, close."""
    context = context_of(request.app)
    wanted = _ACTS.get(act)
    if wanted is None:
        raise ProblemError(Code.NOT_FOUND)
    unit = form.unit if wanted is Act.TRANSFERRED else None
    if wanted is Act.TRANSFERRED and unit not in {one.unit for one in context.site.catalogue}:
        raise ProblemError(Code.REFUSED, reason="unknown_unit")
    done = await step(context, who, dispatch, wanted, note=form.note, photos=form.photos, unit=unit)
    return _card(context, done)


@router.get("/mine")
async def mine(request: Request, who: Signed) -> Response:
    """What a person outside works with: own warnings, own dispatches, the catalogue, the zones."""
    context = context_of(request.app)
    since = context.clock.now() - timedelta(days=1)
    listed = await to_thread.run_sync(lambda: context.dispatches.listed(since=since))
    site = context.site
    return as_json(
        {
            "at": context.clock.now(),
            "unit": unit_of(context, who),
            "site": {"name": site.site.name.model_dump(), "timezone": site.site.timezone},
            "origin": site.site.origin.model_dump(),
            "cases": [card.case for card in _own_cases(context, who)],
            "dispatches": [card_of(one, site) for one in listed if sees(context, who, one)],
            "catalogue": [
                {"id": one.id, "name": one.name.model_dump(), "owner": one.unit}
                for one in site.catalogue
            ],
            "units": units_of(site),
            "zones": [
                {"id": one.id, "name": one.name.model_dump(), "outline": one.outline}
                for one in site.zones
            ],
            "cameras": [
                {"id": one.id, "name": one.name.model_dump(), "zones": one.zones}
                for one in site.cameras
            ],
        }
    )


def _own_cases(context: Context, who: Who) -> list[CaseCard]:
    """Open cases that the person owns; the desk's people see every open case of a zone."""
    desk = not who.roles.isdisjoint(DECIDE)
    cards = context.live.room.cards[Section.CASES].values()
    return [
        card
        for card in cards
        if isinstance(card, CaseCard)
        and card.case.state is not CaseState.CLOSED
        and (card.case.owner == who.person or (desk and card.case.subject_kind == "zone"))
    ]


@router.post("/mine/cases/{case}/confirm")
async def confirm(case: str, request: Request, who: Signed) -> Taken:
    """Confirm one's own warning with one tap."""
    context = context_of(request.app)
    if case not in {card.case.id for card in _own_cases(context, who)}:
        raise ProblemError(Code.NOT_FOUND)
    return Taken(decision=await submit(context, who, Verb.ACKNOWLEDGE, case))


@router.get("/cameras/{camera}/shared.jpg")
async def shared(camera: str, request: Request, who: Signed) -> Response:
    """A camera's newest picture as it may leave the room: coarse wherever people were counted."""
    still = await look(context_of(request.app), who, camera)
    if still is None:
        return Response(status_code=204)
    try:
        jpeg = await to_thread.run_sync(pixelate, still)
    except PictureError as error:
        raise ProblemError(Code.NOT_A_PICTURE) from error
    return Response(jpeg, media_type="image/jpeg", headers=headers_of(still))
