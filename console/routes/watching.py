"""Watching one camera as it films: its own pictures over one connection, with what was counted.

Text messages are JSON: `start` (a film begins: `mime`, `width`, `height`), `gone` (no live pictures
now, and why), `overlay` (what the last analysed picture showed: `at`, `sight`, `count`, and `cells`
as base64, `columns` × `rows`, 255 standing for `people_per_cell`). Binary messages are the film, in
order, for the browser's media source. A slow viewer is spared old pictures by the source; one that
takes nothing for ten seconds is let go.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode

import msgspec
from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from console.context import Context, context_of
from console.doors import Who, same_origin, who_is
from console.policy import POLICIES, WATCHING, Admission, admit
from console.ports import LiveGone, LiveRefusedError, LiveStart, LiveVideo, LiveWord, Still
from console.problems import ProblemError
from console.stills import write_down

router = APIRouter()

SEND_WITHIN_S = 10.0
SESSION_CHECK_S = 15.0
OVERLAY_EVERY_S = 0.4
NOT_WRITTEN, SIGNED_OUT, FOREIGN, NOT_FOUND, TRY_LATER = 4400, 4401, 4403, 4404, 1013

_encoder = msgspec.json.Encoder()


@router.websocket(WATCHING[1])
async def watch(socket: WebSocket, camera: str, *, film: bool = True) -> None:
    """A camera's own pictures while the connection lasts; the look is written down first.

    A browser that cannot play them asks with `film=false` for the overlay alone.
    """
    await socket.accept()
    context = context_of(socket.app)
    who = await _admitted(socket)
    if not same_origin(socket):
        await socket.close(FOREIGN)
    elif who is None:
        await socket.close(SIGNED_OUT)
    elif context.live_video is None or camera not in {one.id for one in context.site.cameras}:
        await socket.close(NOT_FOUND)
    elif not await _written(context, who, camera):
        await socket.close(NOT_WRITTEN)
    else:
        await _show(socket, camera, context.live_video if film else None)


async def _admitted(socket: WebSocket) -> Who | None:
    who = await who_is(socket, context_of(socket.app))
    roles = None if who is None else who.roles
    return who if admit(POLICIES[WATCHING], roles) is Admission.ADMITTED else None


async def _written(context: Context, who: Who, camera: str) -> bool:
    """Whether this look stands in the audit."""
    try:
        await write_down(context, who, camera)
    except ProblemError:
        return False
    return True


async def _show(socket: WebSocket, camera: str, video: LiveVideo | None) -> None:
    """Send until the browser goes, falls silent, or may no longer look."""
    speaking = asyncio.Lock()
    code: int | None = None
    try:
        async with asyncio.TaskGroup() as tasks:
            parts = [
                tasks.create_task(_until_gone(socket), name=f"viewer of {camera} listens"),
                tasks.create_task(_overlay(socket, camera, speaking), name=f"overlay {camera}"),
                tasks.create_task(_until_signed_out(socket), name=f"session of {camera}'s viewer"),
            ]
            if video is not None:
                film = _film(socket, camera, video, speaking)
                parts.append(tasks.create_task(film, name=f"film {camera}"))
            ended, others = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for task in others:
                task.cancel()
            code = next((task.result() for task in ended), None)
    except* (WebSocketDisconnect, TimeoutError, OSError):
        # Gone, or too slow to be of use: the page comes back by itself.
        code = None
    if code is not None:
        await socket.close(code)


async def _until_gone(socket: WebSocket) -> int:
    while True:
        await socket.receive_text()


async def _until_signed_out(socket: WebSocket) -> int:
    while True:
        await asyncio.sleep(SESSION_CHECK_S)
        if await _admitted(socket) is None:
            return SIGNED_OUT


async def _film(socket: WebSocket, camera: str, video: LiveVideo, speaking: asyncio.Lock) -> int:
    try:
        async with video.watch(camera) as words:
            async for word in words:
                async with asyncio.timeout(SEND_WITHIN_S), speaking:
                    await _say(socket, word)
    except LiveRefusedError:
        pass
    return TRY_LATER


async def _say(socket: WebSocket, word: LiveWord) -> None:
    if isinstance(word, LiveGone):
        await _text(socket, {"type": "gone", "reason": word.reason})
        return
    if isinstance(word, LiveStart):
        start = {
            "type": "start",
            "mime": word.mime,
            "width": word.width,
            "height": word.height,
        }
        await _text(socket, start)
    await socket.send_bytes(word.data)


async def _text(socket: WebSocket, body: dict[str, object]) -> None:
    await socket.send_text(_encoder.encode(body).decode())


async def _overlay(socket: WebSocket, camera: str, speaking: asyncio.Lock) -> int:
    """What is counted, whenever it is counted anew."""
    pictures = context_of(socket.app).pictures
    shown: Still | None = None
    while True:
        pictures.watch(camera)
        still = pictures.latest(camera)
        if still is not None and (shown is None or still.at != shown.at):
            shown = still
            async with asyncio.timeout(SEND_WITHIN_S), speaking:
                await _text(socket, _overlay_of(still))
        await asyncio.sleep(OVERLAY_EVERY_S)


def _overlay_of(still: Still) -> dict[str, object]:
    body: dict[str, object] = {"type": "overlay", "at": still.at, "sight": still.sight}
    if still.count is not None:
        body["count"] = still.count
    if still.cells:
        body |= {
            "columns": still.columns,
            "rows": still.rows,
            "cells": b64encode(still.cells).decode(),
            "people_per_cell": still.people_per_cell,
        }
    return body
