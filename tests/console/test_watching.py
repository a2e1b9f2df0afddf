"""Live view over a real socket: who may look, what comes, and that every look is written down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from console.ports import LiveGone, LivePiece, LiveRefusedError, LiveStart, LiveWord
from model.clock import SystemClock
from model.facts import Verb
from tests.console.server import Served, served
from tests.console.stage import Stage, staged
from tests.console.test_socket import closed_with, cookie_of
from tests.waiting import wait_until

START = LiveStart(mime='video/mp4; codecs="avc1.640015"', width=640, height=360, data=b"start")


class PlayedVideo:
    """A film played by hand; counts who looks."""

    def __init__(self, *words: LiveWord, full: bool = False) -> None:
        self.words, self.full = words, full
        self.looking = 0

    @asynccontextmanager
    async def watch(self, camera: str) -> AsyncIterator[AsyncIterator[LiveWord]]:  # noqa: ARG002 - one film for all
        if self.full:
            raise LiveRefusedError
        self.looking += 1
        try:
            yield self._play()
        finally:
            self.looking -= 1

    async def _play(self) -> AsyncIterator[LiveWord]:
        for word in self.words:
            yield word
        await asyncio.get_running_loop().create_future()


@contextmanager
def showing(folder: Path, video: PlayedVideo | None) -> Iterator[tuple[Stage, Served]]:
    with staged(folder, SystemClock(), live_video=video) as stage:
        stage.enrol("viewer", "admin")
        with served(stage) as server:
            yield stage, server


def look(
    server: Served, cookie: str | None, camera: str = "gulou", origin: str | None = None
) -> Connection:
    headers = {} if cookie is None else {"Cookie": cookie}
    if origin is not None:
        headers["Origin"] = origin
    return connect(
        f"{server.url.replace('http', 'ws')}/api/v1/cameras/{camera}/live",
        additional_headers=headers,
        open_timeout=30,
        close_timeout=2,
        proxy=None,
    )


def take(connection: Connection, count: int) -> list[bytes | dict[str, object]]:
    said = [connection.recv(timeout=30) for _ in range(count)]
    return [one if isinstance(one, bytes) else json.loads(one) for one in said]


def test_a_film_comes_with_its_type_and_ends_when_the_viewer_goes(tmp_path: Path) -> None:
    video = PlayedVideo(START, LivePiece(data=b"one"), LiveGone(reason="stalled"))
    with showing(tmp_path, video) as (stage, server):
        with look(server, cookie_of(server, "viewer")) as connection:
            start, first, piece, gone = take(connection, 4)
            assert start == {"type": "start", "mime": START.mime, "width": 640, "height": 360}
            assert (first, piece) == (b"start", b"one")
            assert gone == {"type": "gone", "reason": "stalled"}
            assert video.looking == 1
        wait_until(lambda: video.looking == 0)
        looks = [(one.verb, one.subject, one.person) for one in stage.decisions]
        assert looks == [(Verb.LOOK, "gulou", "viewer")]


def test_the_overlay_comes_with_every_new_still(tmp_path: Path) -> None:
    with showing(tmp_path, PlayedVideo()) as (stage, server):
        stage.pictures.show("gulou", 12)
        with look(server, cookie_of(server, "viewer")) as connection:
            (first,) = take(connection, 1)
            assert isinstance(first, dict)
            assert (first["type"], first["count"], first["sight"]) == ("overlay", 12, "live")
            assert "gulou" in stage.pictures.watched
            stage.pictures.show("gulou", None)
            (second,) = take(connection, 1)
            assert isinstance(second, dict)
            assert second["sight"] == "blind"
            assert "count" not in second, "a blind picture has no number"


def test_who_may_not_look_sees_nothing_and_is_told_why(tmp_path: Path) -> None:
    video = PlayedVideo(START)
    with showing(tmp_path, video) as (stage, server):
        viewer = cookie_of(server, "viewer")
        for cookie, camera, origin, code in (
            (None, "gulou", None, 4401),
            (cookie_of(server, "admin"), "gulou", None, 4401),
            (viewer, "gulou", "http://elsewhere.test", 4403),
            (viewer, "no-such", None, 4404),
        ):
            with look(server, cookie, camera, origin) as connection:
                assert closed_with(connection) == code
        assert stage.decisions == []
        stage.refusal = "no"
        with look(server, viewer) as connection:
            assert closed_with(connection) == 4400, "a look that is not written does not happen"
        assert video.looking == 0


@pytest.mark.parametrize(("video", "code"), [(None, 4404), (PlayedVideo(full=True), 1013)])
def test_without_live_video_or_room_for_one_more_it_says_so(
    tmp_path: Path, video: PlayedVideo | None, code: int
) -> None:
    with showing(tmp_path, video) as (_, server), look(server, cookie_of(server, "viewer")) as told:
        assert closed_with(told) == code


def test_a_session_that_ends_ends_its_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.routes.watching.SESSION_CHECK_S", 0.05)
    with (
        showing(tmp_path, PlayedVideo(START)) as (stage, server),
        look(server, cookie_of(server, "viewer")) as connection,
    ):
        take(connection, 2)
        stage.accounts.set_password("viewer", "another-lantern-there")
        with pytest.raises(ConnectionClosed) as told:
            take(connection, 1)
        assert told.value.rcvd is not None
        assert told.value.rcvd.code == 4401
