"""Recordings are given out in small pieces, so that slow listeners cannot fill the memory."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from console.context import context_of
from devices.speech.shelf import Shelf
from model.clock import ManualClock
from model.recordings import PUBLIC_PATH, name_of
from tests.config.test_cap import OPENED
from tests.console.stage import Stage

Message = MutableMapping[str, Any]


def test_a_recording_comes_whole_and_in_pieces(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "data", ManualClock(OPENED))
    shelf = Shelf(tmp_path / "recordings")
    shelf.open()
    wav = bytes(range(256)) * 4_000
    sha256 = shelf.put("a" * 64, wav, stays=True)
    context = context_of(stage.app)
    stage.app.state.context = dataclasses.replace(context, recordings=shelf)
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    path = f"{PUBLIC_PATH}{name_of(sha256)}"
    scope: Message = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"testserver")],
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
    }
    asyncio.run(stage.app(scope, receive, send))
    stage.close()
    pieces = [message["body"] for message in sent if message["type"] == "http.response.body"]
    assert sent[0]["status"] == 200
    assert (b"content-length", str(len(wav)).encode()) in sent[0]["headers"]
    assert b"".join(pieces) == wav
    assert max(map(len, pieces)) <= 64 * 1024
