"""What needs no sign-in: the page itself, probes, figures for monitoring, the visitors' board."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Annotated, BinaryIO
from zoneinfo import ZoneInfo

import msgspec
from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from console.board import board_of, page_of
from console.catalogue_words import catalogue
from console.context import context_of
from console.headers import FOREVER
from console.problems import Code, ProblemError
from console.views import Section
from model.recordings import PUBLIC_PATH, hash_of_name

router = APIRouter(tags=["outside"])

BOARD_KEPT_S = 5
"""How long a cache may hold the board."""

PIECE_BYTES = 64 * 1024

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
async def public(
    request: Request, every_s: Annotated[int | None, Query(ge=10, le=3600)] = None
) -> Response:
    """The visitors' board, as a page for browsers and as JSON for everything else. No numbers.

    A screen at a gate asks for `?every_s=30` and is kept fresh; a visitor's own page stays still
    until asked, so that nobody is torn away from what they read.
    """
    context = context_of(request.app)
    live, site = context.live, context.site
    now = context.clock.now()
    board = board_of(site, live.room.cards[Section.ZONES], now, following=live.following)
    headers = {"Cache-Control": f"public, max-age={BOARD_KEPT_S}", "Vary": "Accept"}
    if "text/html" in request.headers.get("accept", ""):
        if every_s is not None:
            headers["Refresh"] = str(every_s)
        local = now.astimezone(ZoneInfo(site.site.timezone))
        return HTMLResponse(page_of(board, site, catalogue(), local=local), headers=headers)
    return Response(_encoder.encode(board), media_type="application/json", headers=headers)


@router.get(f"{PUBLIC_PATH}{{name}}")
async def recording(name: str, request: Request) -> Response:
    """A message as WAV, for terminals that only play; its name is the SHA-256 of its bytes."""
    recordings, sha256 = context_of(request.app).recordings, hash_of_name(name)
    if recordings is None or sha256 is None:
        raise ProblemError(Code.NOT_FOUND)
    try:
        file = await to_thread.run_sync(recordings.open_whole, sha256)
    except OSError:
        raise ProblemError(Code.BUSY) from None
    if file is None:
        raise ProblemError(Code.NOT_FOUND)
    # Streamed from what is open: an eviction cannot cut it off, and nobody holds it whole in memory.
    size = os.fstat(file.fileno()).st_size
    headers = {"Cache-Control": FOREVER, "Content-Length": str(size)}
    return StreamingResponse(_pieces_of(file), media_type="audio/wav", headers=headers)


def _pieces_of(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE_BYTES):
            yield piece


@router.get("/")
@router.get("/wall")
async def page(request: Request) -> Response:
    """The web page, for the desk and for the wall; it asks who looks before it shows anything."""
    return _page(request, "index.html")


@router.get("/phone")
async def phone(request: Request) -> Response:
    """The page for people outside, to be installed on a phone."""
    return _page(request, "phone.html")


def _page(request: Request, name: str) -> Response:
    index = context_of(request.app).static / name
    if not index.is_file():
        raise ProblemError(Code.NOT_READY)
    return FileResponse(index, headers={"Cache-Control": "no-cache"})
