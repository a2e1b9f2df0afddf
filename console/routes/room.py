"""Looking into the room: the site, zones, cameras, cases, orders, history, and the live feed."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response, WebSocket, WebSocketDisconnect

from console.context import context_of
from console.doors import Signed, same_origin, who_is
from console.live import TooManyConsolesError
from console.past import cards_of
from console.policy import LIVE as LIVE_POLICY
from console.policy import POLICIES, Admission, admit
from console.problems import Code, ProblemError
from console.stills import headers_of, look
from console.views import Section
from store.history import UnknownQuantityError
from store.timeline import replayed

router = APIRouter(prefix="/api/v1", tags=["room"])
live_router = APIRouter()

SEND_WITHIN_S = 10.0
SESSION_CHECK_S = 15.0
_SIGNED_OUT, _TRY_LATER, _FOREIGN = 4401, 1013, 4403

_encoder = msgspec.json.Encoder()
Minutes = Annotated[float, Query(gt=0, le=60 * 24 * 31)]
StepS = Annotated[float, Query(ge=1, le=86_400)]
Limit = Annotated[int, Query(ge=1, le=200)]
IdQuery = Annotated[str | None, Query(pattern=r"^[a-z0-9-]{1,64}$")]


def as_json(body: object) -> Response:
    """An answer from plain values and the house's own structs."""
    return Response(_encoder.encode(body), media_type="application/json")


@router.get("/site")
async def site(request: Request) -> Response:
    """What stands where: zones with their outlines, devices, people."""
    context = context_of(request.app)
    tag = f'"{context.site_version}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    return Response(context.site_document, media_type="application/json", headers={"ETag": tag})


@router.get("/zones")
async def zones(request: Request) -> Response:
    """Every zone's fused reading and level."""
    return as_json({"zones": context_of(request.app).live.room.cards[Section.ZONES]})


@router.get("/cameras")
async def cameras(request: Request) -> Response:
    """Every camera's last reading and health."""
    return as_json({"cameras": context_of(request.app).live.room.cards[Section.CAMERAS]})


@router.get("/cameras/{camera}/still.jpg")
async def still(camera: str, request: Request, who: Signed) -> Response:
    """A camera's newest picture; asking keeps it coming for ten seconds. 204: none yet.

    The look is written down before the picture is shown.
    """
    picture = await look(context_of(request.app), who, camera)
    if picture is None:
        return Response(status_code=204)
    headers = headers_of(picture)
    if picture.count is not None:
        headers["X-Still-Count"] = f"{picture.count:.2f}"
        headers["X-Still-Model"] = picture.model
    return Response(picture.jpeg, media_type="image/jpeg", headers=headers)


@router.get("/cases")
async def cases(
    request: Request,
    *,
    open_only: Annotated[bool, Query(alias="open")] = False,
    limit: Limit = 50,
    before: IdQuery = None,
) -> Response:
    """Cases, newest first; `next` is the `before` of the page after."""
    store = context_of(request.app).store
    found = await to_thread.run_sync(
        lambda: store.cases(open_only=open_only, limit=limit, before=before)
    )
    following = found[-1].id if len(found) == limit else None
    return as_json({"cases": found, "next": following})


@router.get("/cases/{case}")
async def case(case: str, request: Request) -> Response:
    """One case."""
    found = await to_thread.run_sync(context_of(request.app).store.case, case)
    if found is None:
        raise ProblemError(Code.NOT_FOUND)
    return as_json(found)


@router.get("/cases/{case}/transitions")
async def transitions(case: str, request: Request) -> Response:
    """A case's history, oldest first."""
    store = context_of(request.app).store
    if await to_thread.run_sync(store.case, case) is None:
        raise ProblemError(Code.NOT_FOUND)
    return as_json({"transitions": await to_thread.run_sync(store.transitions, case)})


@router.get("/cases/{case}/timeline")
async def case_timeline(case: str, request: Request) -> Response:
    """A case replayed: its steps, its orders and what devices answered, oldest first."""
    store = context_of(request.app).store
    if await to_thread.run_sync(store.case, case) is None:
        raise ProblemError(Code.NOT_FOUND)
    return as_json({"timeline": await to_thread.run_sync(replayed, store, case)})


@router.get("/audit")
async def audit(
    request: Request, *, after: Annotated[int, Query(ge=0)] = 0, limit: Limit = 100
) -> Response:
    """The audit chain after a serial, oldest first, each record with its hash."""
    store = context_of(request.app).store
    return as_json(
        {"links": await to_thread.run_sync(lambda: store.audit(after=after, limit=limit))}
    )


@router.get("/orders")
async def orders(
    request: Request,
    *,
    case: IdQuery = None,
    device: IdQuery = None,
    unfinished: bool = False,
    limit: Limit = 100,
) -> Response:
    """Orders, newest first, of a case or a device, with how far each got."""
    store = context_of(request.app).store
    found = await to_thread.run_sync(
        lambda: store.orders(case=case, device=device, unfinished=unfinished, limit=limit)
    )
    # The signed bytes are for the device alone.
    return as_json({"orders": [_without_payload(msgspec.to_builtins(order)) for order in found]})


def _without_payload(order: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in order.items() if name != "payload"}


@router.get("/series/{kind}/{id}/{quantity}")
async def series(
    kind: str,
    id: str,  # noqa: A002 - the contract's own word
    quantity: str,
    request: Request,
    *,
    minutes: Minutes = 60.0,
    step_s: StepS = 10.0,
    until: datetime | None = None,
) -> Response:
    """One quantity of one source over the minutes before a moment (now), down-sampled.

    Gaps have no point.
    """
    context = context_of(request.app)
    end = context.clock.now()
    if until is not None and until.tzinfo is not None:
        end = min(until, end)
    start = end - timedelta(minutes=minutes)
    try:
        points = await to_thread.run_sync(
            lambda: context.store.series(kind, id, quantity, start, end, step_s=step_s)
        )
    except UnknownQuantityError as error:
        raise ProblemError(Code.NOT_FOUND) from error
    return as_json({"points": points})


@router.get("/past")
async def past(at: datetime, request: Request) -> Response:
    """The whole room as it was at a moment of the days that are kept, in the live feed's cards."""
    context = context_of(request.app)
    now = context.clock.now()
    if at.tzinfo is None or not now - timedelta(days=context.site.store.keep_days) <= at <= now:
        raise ProblemError(Code.NOT_FOUND)
    then = await to_thread.run_sync(context.store.moment, at)
    dispatches = await to_thread.run_sync(lambda: context.dispatches.listed(since=at))
    cards = await to_thread.run_sync(cards_of, context.site, then, dispatches)
    return as_json({"at": at, "room": cards})


@live_router.websocket(LIVE_POLICY[1])
async def live(socket: WebSocket, run: str | None = None, serial: int | None = None) -> None:
    """The room as it changes; see `console.live` for the messages."""
    await socket.accept()
    if not same_origin(socket):
        await socket.close(_FOREIGN)
        return
    if not await _may_watch(socket):
        await socket.close(_SIGNED_OUT)
        return
    try:
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(_until_gone(socket), name="console listens for its end")
            telling = tasks.create_task(_tell(socket, run, serial), name="console is told")
            await asyncio.wait({listening, telling}, return_when=asyncio.FIRST_COMPLETED)
            listening.cancel()
            telling.cancel()
    except* (WebSocketDisconnect, TimeoutError, OSError):
        # Gone, or too slow to be of use: the page comes back by itself.
        pass


async def _may_watch(socket: WebSocket) -> bool:
    who = await who_is(socket, context_of(socket.app))
    roles = None if who is None else who.roles
    return admit(POLICIES[LIVE_POLICY], roles) is Admission.ADMITTED


async def _until_gone(socket: WebSocket) -> None:
    while True:
        await socket.receive_text()


async def _tell(socket: WebSocket, run: str | None, serial: int | None) -> None:
    context = context_of(socket.app)
    checked = context.clock.monotonic()
    try:
        async with aclosing(context.live.messages(run, serial)) as messages:
            async for message in messages:
                if context.clock.monotonic() - checked > SESSION_CHECK_S:
                    checked = context.clock.monotonic()
                    if not await _may_watch(socket):
                        await socket.close(_SIGNED_OUT)
                        return
                async with asyncio.timeout(SEND_WITHIN_S):
                    await socket.send_text(message)
    except TooManyConsolesError:
        await socket.close(_TRY_LATER)
