"""A camera that floods with tiny packets: its turn is short, and its deadline does not wait for an end."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from ingest.rtsp.address import Address
from ingest.rtsp.connection import READ_BYTES
from ingest.rtsp.session import CameraSession, Deadlines
from model.clock import SystemClock
from model.picture import SourceState
from tests.cameras import Watcher
from tests.waiting import eventually

SDP = b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:video\r\n"
ANSWERS = {
    b"DESCRIBE": b"Content-Length: %d\r\n\r\n%s" % (len(SDP), SDP),
    b"SETUP": b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1;timeout=60\r\n\r\n",
}
FLOOD = b"$\x05\x00\x00" * 250_000
"""Packets of nothing on a channel that nobody asked for: the dearest bytes there are."""


def _flood(listening: socket.socket, answered: int) -> None:
    """Answer so many requests, then send for as long as anybody reads; from a thread, as fast as it goes."""
    with suppress(OSError):
        while True:
            camera, _ = listening.accept()
            with camera, suppress(OSError):
                heads = camera.makefile("rb")
                for _ in range(answered):
                    head = b"".join(iter(heads.readline, b"\r\n"))
                    serial = next(line for line in head.split(b"\r\n") if line.startswith(b"CSeq"))
                    answer = ANSWERS.get(head.split(b" ")[0], b"\r\n")
                    camera.sendall(b"RTSP/1.0 200 OK\r\n" + serial + b"\r\n" + answer)
                while True:
                    camera.sendall(FLOOD)


@contextmanager
def flooding(*, answered: int) -> Iterator[str]:
    """The address of a camera that answers so many requests and then floods."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_flood, args=(listening, answered), daemon=True)
        thread.start()
        yield f"rtsp://127.0.0.1:{listening.getsockname()[1]}/x"
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(20)


def waiting_bytes(here: socket.socket) -> int:
    """How much has come and was not read yet."""
    (count,) = struct.unpack("i", fcntl.ioctl(here, termios.FIONREAD, bytes(4)))
    return int(count)


class PassingClock(SystemClock):
    """Ten milliseconds pass at each look, as on a machine for which every packet is dear."""

    def __init__(self) -> None:
        super().__init__()
        self._s = 0.0

    def monotonic(self) -> float:
        self._s += 0.01
        return self._s


def test_one_turn_at_the_socket_is_short_however_much_waits_there() -> None:
    async def run(url: str) -> None:
        session = CameraSession(Address.parse(url), clock=PassingClock())
        await session.open()
        here = session._open_connection()._socket
        here.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        for _ in range(20):
            await eventually(lambda: waiting_bytes(here) >= READ_BYTES)
            before = session.received_bytes
            assert session.drain() == []
            assert session.received_bytes - before <= 4 * READ_BYTES
        session.close()

    with flooding(answered=3) as url:
        asyncio.run(run(url))


@pytest.mark.parametrize("answered", [0, 2])
def test_a_flood_in_place_of_an_answer_runs_into_the_deadline(answered: int) -> None:
    """It comes faster than it is read, so that nothing is ever waited for."""

    async def run(url: str) -> None:
        watcher = Watcher()
        tap = watcher.tap(url, deadlines=Deadlines(connect_s=20, answer_s=0.5))
        task = asyncio.create_task(tap.run())
        await eventually(lambda: watcher.state is SourceState.STALLED)
        task.cancel()

    with flooding(answered=answered) as url:
        asyncio.run(run(url))
