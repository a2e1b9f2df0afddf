"""What needs no sign-in: the page itself, probes, figures for monitoring, the visitors' board."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from console.context import context_of
from console.problems import Code, ProblemError
from console.views import Section, ZoneCard
from model.level import Sight

router = APIRouter(tags=["outside"])

_encoder = msgspec.json.Encoder()


@router.get("/healthz")
async def healthz() -> JSONResponse:
    """The process answers."""
    return JSONResponse({"state": "alive"})


@router.get("/readyz")
async def readyz(request: Request) -> JSONResponse:
    """The house can do its work; 503 with the named reasons where it cannot."""
    context = context_of(request.app)
    reasons = context.readiness.unready()
    if not context.live.following:
        reasons = (*reasons, "live_feed_stopped")
    return JSONResponse(
        {"state": "not_ready" if reasons else "ready", "reasons": list(reasons)},
        status_code=503 if reasons else 200,
    )


@router.get("/api/v1/openapi.json")
async def openapi(request: Request) -> JSONResponse:
    """This interface, described."""
    return JSONResponse(request.app.openapi())


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Figures for Prometheus."""
    figures = generate_latest(context_of(request.app).registry)
    return Response(figures, media_type=CONTENT_TYPE_LATEST)


@router.get("/public")
async def public(request: Request) -> Response:
    """The visitors' board: each zone's name and level, and whether it is seen. No numbers."""
    context = context_of(request.app)
    cards = context.live.room.cards[Section.ZONES]
    shown = []
    for zone in context.site.zones:
        card = cards.get(zone.id)
        sight, level = (
            (card.sight, card.level) if isinstance(card, ZoneCard) else (Sight.BLIND, None)
        )
        name = {"zh": zone.name.zh, "en": zone.name.en}
        shown.append({"id": zone.id, "name": name, "sight": sight, "level": level})
    body = {"at": context.clock.now(), "zones": shown}
    return Response(
        _encoder.encode(body),
        media_type="application/json",
        headers={"Cache-Control": "public, max-age=5"},
    )


@router.get("/")
@router.get("/wall")
async def page(request: Request) -> Response:
    """The web page, for the desk and for the wall; it asks who looks before it shows anything."""
    index = context_of(request.app).static / "index.html"
    if not index.is_file():
        raise ProblemError(Code.NOT_READY)
    return FileResponse(index, headers={"Cache-Control": "no-cache"})
