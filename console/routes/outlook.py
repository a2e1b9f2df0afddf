"""What is and what will be: capacity, the forecast, and the events that operators announce."""

from __future__ import annotations

from datetime import date

import msgspec
from anyio import to_thread
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict

from config.visits import Event
from console.context import Context, context_of
from console.diary import Act, Noted
from console.doors import Signed
from console.ports import Prospects
from console.problems import Code, ProblemError

router = APIRouter(prefix="/api/v1", tags=["outlook"])

_encoder = msgspec.json.Encoder()


class Announced(BaseModel):
    """Events that operators announced, and those of the site file, which only its editor changes."""

    model_config = ConfigDict(extra="forbid")
    announced: list[Event]
    site_file: list[Event]
    today: date


def _prospects(context: Context) -> Prospects:
    if context.prospects is None:
        raise ProblemError(Code.NOT_READY)
    return context.prospects


@router.get("/capacity")
async def capacity(request: Request) -> Response:
    """Site and zones against their capacity by LB/T 034: instantaneous and of the day, turnover, mean stay."""
    found = _prospects(context_of(request.app)).capacity()
    return Response(_encoder.encode(found), media_type="application/json")


@router.get("/forecast")
async def forecast(request: Request) -> Response:
    """The day's visitors and peak with 80 % bounds, each zone's next hour, and past errors.

    204: none yet; the first comes within a minute or so of the start.
    """
    found = _prospects(context_of(request.app)).outlook()
    if found is None:
        return Response(status_code=204)
    return Response(_encoder.encode(found), media_type="application/json")


@router.get("/events")
async def events(request: Request) -> Announced:
    """Announced events, which the forecast reckons with."""
    context = context_of(request.app)
    return Announced(
        announced=await to_thread.run_sync(_prospects(context).events),
        site_file=context.site.visits.events,
        today=context.clock.now().date(),
    )


@router.put("/events/{event}")
async def announce(event: str, form: Event, request: Request, who: Signed) -> Event:
    """Announce an event, or change it; `more_visitors` is a share, 0.5 for half as many again."""
    if event != form.id:
        raise ProblemError(Code.BAD_REQUEST)
    context = context_of(request.app)
    await to_thread.run_sync(_prospects(context).announce, form)
    _note(context, who.person, Act.EVENT_ANNOUNCED, event)
    return form


@router.delete("/events/{event}", status_code=204)
async def withdraw(event: str, request: Request, who: Signed) -> None:
    """Take an announced event back."""
    context = context_of(request.app)
    if not await to_thread.run_sync(_prospects(context).withdraw, event):
        raise ProblemError(Code.NOT_FOUND)
    _note(context, who.person, Act.EVENT_WITHDRAWN, event)


def _note(context: Context, person: str, act: Act, event: str) -> None:
    context.desk.note(
        Noted(at=context.clock.now(), actor=person, act=act, address="", subject=event)
    )
