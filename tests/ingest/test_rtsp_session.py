"""One connection to a camera: found by its address, let in, and kept alive for as long as it plays."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from ingest.rtsp.address import Address
from ingest.rtsp.connection import Connection, Manner
from ingest.rtsp.session import CameraSession
from model.clock import ManualClock
from simulators.rtsp.password import Gate
from tests.waiting import eventually

SDP = b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:video\r\n"
KEPT_ALIVE_EVERY_S = 30.0
ANSWERS = {
    "DESCRIBE": b"Content-Length: %d\r\n\r\n" % len(SDP) + SDP,
    "SETUP": b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1;timeout=60\r\n\r\n",
}


class RenewingCamera:
    """Lets in who answers its newest challenge, which it renews on command."""

    def __init__(self) -> None:
        self.gate = self._new_gate()
        self.kept_alive = self.refused = self.refused_passwords = 0
        self.has_another_password = False

    def _new_gate(self) -> Gate:
        return Gate(username="u", password="p")

    def renew(self) -> None:
        """What was answered until now is answered wrongly from now on."""
        self.gate = self._new_gate()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                first = await reader.readexactly(1)
                if first == b"$":
                    (size,) = struct.unpack("!xH", await reader.readexactly(3))
                    await reader.readexactly(size)
                    continue
                head = (first + await reader.readuntil(b"\r\n\r\n")).decode()
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.close()
                return
            fields = dict(line.split(": ", 1) for line in head.strip().split("\r\n")[1:])
            writer.write(self._answer(head.split(" ")[0], fields))

    def _answer(self, method: str, fields: dict[str, str]) -> bytes:
        begin = f"CSeq: {fields['CSeq']}\r\n".encode()
        if self.has_another_password or not self.gate.admits(method, fields.get("Authorization")):
            self.refused += 1
            self.refused_passwords += "Authorization" in fields
            asked = "".join(f"WWW-Authenticate: {each}\r\n" for each in self.gate.challenges())
            return b"RTSP/1.0 401 Unauthorized\r\n" + begin + asked.encode() + b"\r\n"
        self.kept_alive += method == "GET_PARAMETER"
        return b"RTSP/1.0 200 OK\r\n" + begin + ANSWERS.get(method, b"\r\n")


@asynccontextmanager
async def played(camera: RenewingCamera, clock: ManualClock) -> AsyncIterator[CameraSession]:
    """A session that plays this camera."""
    listening = await asyncio.start_server(camera.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    session = CameraSession(Address.parse(f"rtsp://u:p@127.0.0.1:{port}/x"), clock=clock)
    try:
        await session.open()
        yield session
    finally:
        session.close()
        listening.close()


def test_a_camera_that_renews_its_challenge_while_it_plays_is_kept_alive_by_the_new_one() -> None:
    async def run() -> None:
        camera, clock = RenewingCamera(), ManualClock(datetime(2026, 2, 12, tzinfo=UTC))
        async with played(camera, clock) as session:

            def is_kept_alive(times: int) -> bool:
                assert session.drain() == []
                return camera.kept_alive >= times

            clock.advance(KEPT_ALIVE_EVERY_S)
            await eventually(lambda: is_kept_alive(1))
            camera.renew()
            clock.advance(KEPT_ALIVE_EVERY_S)
            await eventually(lambda: is_kept_alive(2))

    asyncio.run(run())


def test_a_camera_that_got_another_password_while_it_plays_is_sent_the_old_one_twice_and_no_more() -> (
    None
):
    async def run() -> None:
        camera, clock = RenewingCamera(), ManualClock(datetime(2026, 2, 12, tzinfo=UTC))
        async with played(camera, clock) as session:
            camera.has_another_password, camera.refused, camera.refused_passwords = True, 0, 0

            def is_refused(times: int) -> bool:
                session.drain()
                return camera.refused >= times

            for times in (2, 3, 4):
                clock.advance(KEPT_ALIVE_EVERY_S)
                await eventually(partial(is_refused, times))
            assert camera.refused_passwords == 2

    asyncio.run(run())


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


def test_a_dead_name_server_holds_up_no_camera_that_is_known_by_its_number() -> None:
    async def run() -> None:
        released = threading.Event()
        with ThreadPoolExecutor(1) as resolver:
            asyncio.get_running_loop().set_default_executor(resolver)
            resolver.submit(released.wait)
            listening = await asyncio.start_server(silent, "127.0.0.1", 0)
            port = listening.sockets[0].getsockname()[1]
            try:
                address = Address.parse(f"rtsp://127.0.0.1:{port}/x")
                (await Connection.open(address, Manner(), within_s=2.0)).close()
            finally:
                released.set()
                listening.close()

    asyncio.run(run())


def test_a_camera_whose_name_stands_for_two_places_is_found_at_the_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = {"camera.example": ["127.0.0.2", "127.0.0.1"]}
    ask = socket.getaddrinfo

    def resolved(host: str, *rest: Any, **options: Any) -> list[Any]:
        if host in known and options.get("flags"):
            raise socket.gaierror(socket.EAI_NONAME, "not numeric")
        return [each for place in known.get(host, [host]) for each in ask(place, *rest, **options)]

    async def run() -> None:
        listening = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        monkeypatch.setattr(socket, "getaddrinfo", resolved)
        address = Address.parse(f"rtsp://camera.example:{port}/x")
        connection = await Connection.open(address, Manner(), within_s=20.0)
        assert connection.peer == "127.0.0.1"
        connection.close()
        listening.close()

    asyncio.run(run())
