"""Every kind of bad camera at once beside a good one, in one process: each is named, the good one is in time."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from itertools import pairwise
from statistics import median

import numpy as np
import pytest

from ingest.rtsp.session import Deadlines
from model.clock import SystemClock
from model.picture import SourceState
from simulators.rtsp.feed import CameraFeed, Clip, Fault
from simulators.rtsp.loop import encode_loop
from simulators.rtsp.server import CameraServer
from tests.cameras import CALM, CALM_DEADLINES, Watcher, clip, pictures
from tests.ingest.test_troublesome_cameras import large, other_size, read_on
from tests.waiting import eventually

WAIT_S = 60.0
EVERY_S = 0.4
LATE_S = 3 * EVERY_S
"""Readings of the good camera may be so far apart on a busy machine."""
BAD_DEADLINES = Deadlines(connect_s=8, answer_s=8)
HELD_S = 6.0
"""A bad camera that holds the loop until its deadline holds it longer, even if only once."""

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Takes the connection and says nothing."""
    await reader.read()


async def nonsense(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Sends noise for as long as somebody reads."""
    noise = random.Random(1)
    while not writer.is_closing():
        writer.write(noise.randbytes(5000))
        await writer.drain()


async def endless_header(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Sends a header that never ends, as fast as it is read."""
    while not writer.is_closing():
        writer.write(b"X-Padding: " + b"a" * 1000 + b"\r\n")
        await writer.drain()


async def dribble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Sends a header letter by letter."""
    while not writer.is_closing():
        writer.write(b"R")
        await writer.drain()
        await asyncio.sleep(0.05)


BAD = {
    silent: SourceState.STALLED,
    nonsense: SourceState.GARBLED,
    endless_header: SourceState.GARBLED,
    dribble: SourceState.STALLED,
}


async def listening(stack: AsyncExitStack, serve: Serve) -> str:
    """The address of a camera that behaves like `serve`."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stack.callback(writer.transport.abort)
        try:
            await serve(reader, writer)
        except ConnectionError:
            return

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    stack.callback(server.close)
    return f"rtsp://u:p@127.0.0.1:{server.sockets[0].getsockname()[1]}/x"


def street(clock: SystemClock) -> CameraServer:
    """A good camera and those whose pictures are odd."""
    slow = Clip(encode_loop(pictures(100, 1), fps=1, gop=1))
    stages = {
        "good": {"calm": clip()},
        "large": {"calm": large()},
        "changing": {"calm": clip(), "small": other_size()},
        "rare": {"calm": slow},
        "noisy": {"calm": clip(90)},
    }
    feeds = {
        name: CameraFeed(each, stage="calm", clock=clock, phase_s=0.13 * number)
        for number, (name, each) in enumerate(stages.items())
    }
    return CameraServer(feeds, username="viewer", password="se:cr@t", clock=clock)


def test_every_kind_of_bad_camera_at_once_leaves_the_good_one_in_time() -> None:
    async def run() -> None:
        clock = SystemClock()
        good, odd = Watcher(), {name: Watcher() for name in ("large", "changing", "rare", "noisy")}
        bad = {serve: Watcher() for serve in BAD}
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
            cameras = await stack.enter_async_context(street(clock))
            addresses = {serve: await listening(stack, serve) for serve in BAD}
            taps = [
                good.tap(
                    cameras.url("good"), every_s=EVERY_S, patience=CALM, deadlines=CALM_DEADLINES
                ),
                *(each.tap(cameras.url(name), every_s=1.0) for name, each in odd.items()),
                *(
                    each.tap(addresses[serve], deadlines=BAD_DEADLINES)
                    for serve, each in bad.items()
                ),
            ]
            tasks = [group.create_task(tap.run()) for tap in taps]
            cameras.set_fault("noisy", Fault.GARBAGE)
            await eventually(
                lambda: all(BAD[serve] in each.states for serve, each in bad.items()),
                within_s=WAIT_S,
            )
            await eventually(lambda: SourceState.GARBLED in odd["noisy"].states, within_s=WAIT_S)
            for stage in ("small", "calm", "small", "calm"):
                cameras.feeds["changing"].show(stage)
                await read_on(good, 3)
            await eventually(lambda: len(odd["large"].pictures) >= 2, within_s=WAIT_S)
            for task in tasks:
                task.cancel()
        gaps = [
            (later.at - earlier.at).total_seconds() for earlier, later in pairwise(good.pictures)
        ]
        assert median(gaps) < LATE_S
        assert max(gaps) < HELD_S
        assert good.states == [SourceState.CONNECTING, SourceState.LIVE]
        assert all(np.shape(each.pixels) == (180, 320, 3) for each in good.pictures)

    asyncio.run(run())


@contextmanager
def answering_nobody() -> Iterator[int]:
    """A port whose queue of connections is full: further ones are not refused, nothing comes back."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        try:
            for _ in range(8):
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(full.getsockname())
                waiting.append(one)
            yield full.getsockname()[1]
        finally:
            for one in waiting:
                one.close()


def test_a_camera_that_does_not_answer_the_call_is_unreachable_within_its_deadline(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def run(port: int) -> None:
        watcher = Watcher()
        hasty = Deadlines(connect_s=0.3, answer_s=30)
        url = f"rtsp://u:p@127.0.0.1:{port}/x"
        task = asyncio.create_task(watcher.tap(url, deadlines=hasty).run())
        await eventually(lambda: watcher.state is SourceState.UNREACHABLE, within_s=20)
        task.cancel()

    with answering_nobody() as port, caplog.at_level(logging.WARNING, "ingest.cameras"):
        asyncio.run(run(port))
    assert "within 0.3 s" in caplog.text
