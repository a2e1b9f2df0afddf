"""Live view: a camera's own pictures for those who look, from one connection, and none else."""

from __future__ import annotations

import asyncio
import io
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
import cv2
import numpy as np
import pytest

from ingest.live.relay import LiveCamera, LiveRelay
from ingest.live.repacking import Beginning, Fragment, Repacker, parameter_sets
from ingest.live.viewing import WAITING_MOST, Lost, Viewing, Word
from ingest.rtsp.units import START_CODE, CodedPicture
from model.clock import SystemClock
from model.picture import SourceState
from simulators.rtsp.feed import CameraFeed, Clip, Fault
from simulators.rtsp.loop import encode_loop, split_annex_b
from simulators.rtsp.server import CameraServer
from tests.cameras import DEADLINES, GOP, PATIENCE, loop_of, pictures, server
from tests.waiting import eventually

Story = Callable[[CameraServer, LiveRelay], Awaitable[None]]


@asynccontextmanager
async def relaying(
    cameras: CameraServer, *, linger_s: float = 0.3, pool: Executor | None = None
) -> AsyncIterator[LiveRelay]:
    relay = LiveRelay(
        cameras.url, clock=SystemClock(), linger_s=linger_s, patience=PATIENCE, deadlines=DEADLINES, pool=pool
    )  # fmt: skip
    running = asyncio.create_task(relay.run())
    await asyncio.sleep(0)
    try:
        yield relay
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def live(story: Story, *, linger_s: float = 0.3) -> None:
    async def run() -> None:
        async with server("east", "west") as cameras, relaying(cameras, linger_s=linger_s) as relay:
            async with asyncio.timeout(60):
                await story(cameras, relay)

    asyncio.run(run())


async def heard(viewing: Viewing, enough: Callable[[list[Word]], bool]) -> list[Word]:
    words: list[Word] = []
    async for word in viewing:
        words.append(word)
        if enough(words):
            break
    return words


def fragments(words: list[Word]) -> list[Fragment]:
    return [word for word in words if isinstance(word, Fragment)]


def frames_of(words: list[Word]) -> list[av.VideoFrame]:
    """What a foreign player makes of it."""
    data = b"".join(word.data for word in words if not isinstance(word, Lost))
    with av.open(io.BytesIO(data), mode="r", format="mp4") as film:
        return list(film.decode(video=0))


def test_a_foreign_player_plays_what_comes_and_sees_the_cameras_own_pictures() -> None:
    async def story(cameras: CameraServer, relay: LiveRelay) -> None:
        async with relay.watch("east") as viewing:
            words = await heard(viewing, lambda words: len(fragments(words)) >= 12)
        start = words[0]
        assert isinstance(start, Beginning)
        assert (start.width, start.height) == (320, 180)
        assert start.mime == f'video/mp4; codecs="avc1.{loop_of(80).sps[1:4].hex()}"'
        frames = frames_of(words)
        assert len(frames) >= 10
        assert (frames[0].width, frames[0].height) == (320, 180)
        steps = {round((b.time or 0) - (a.time or 0), 3) for a, b in pairwise(frames)}
        assert steps == {0.1}, "ten pictures a second, none missing"
        shades = frames[0].to_ndarray(format="gray")
        assert abs(float(shades.mean()) - 80) < 6, "the calm stage is dark"

    live(story)


def test_two_viewers_share_one_connection_and_the_second_sees_a_picture_at_once() -> None:
    async def story(cameras: CameraServer, relay: LiveRelay) -> None:
        async with relay.watch("east") as first:
            await heard(first, lambda words: len(fragments(words)) >= GOP)
            async with relay.watch("east") as second:
                words = list(second._waiting)
                assert isinstance(words[0], Beginning), "the kept group is there already"
                assert fragments(words)[0].key
                assert cameras.watching == 1
                assert (relay.cameras, relay.viewers) == (1, 2)

    live(story)


@pytest.mark.parametrize(("pictures_after", "each_bytes"), [(600, 0), (200, 25_000)])
def test_who_joins_late_in_a_long_group_has_all_of_it_and_goes_on(
    pictures_after: int, each_bytes: int
) -> None:
    """A camera that makes a key picture once a minute, or a heavy one: nobody waits for the next."""
    plain = coded(320, 180, count=pictures_after + 2, gop=pictures_after + 2)
    more = START_CODE + b"\x06" + b"\x55" * each_bytes
    sent = [replace(each, data=each.data if each.key else more + each.data) for each in plain]

    async def story() -> None:
        camera = LiveCamera(
            "east", "rtsp://127.0.0.1/east", clock=SystemClock(), pool=ThreadPoolExecutor(1), linger_s=1,
            patience=PATIENCE, deadlines=DEADLINES, manner=None,
        )  # fmt: skip
        for picture in sent[:-1]:
            await camera._carry([picture], 90_000)
        viewing = Viewing()
        camera.join(viewing)
        await camera._carry(sent[-1:], 90_000)
        words = list(viewing._waiting)
        assert fragments(words)[0].key
        assert len(frames_of(words)) == len(sent) - 1, "the newest waits for the one after it"
        assert viewing.skipped == 0
        assert len(fragments(words)) < WAITING_MOST / 4, "few pieces: a page has its bounds too"

    asyncio.run(story())


def test_nobody_looks_and_after_a_while_the_connection_is_closed() -> None:
    async def story(cameras: CameraServer, relay: LiveRelay) -> None:
        assert cameras.watching == 0
        async with relay.watch("east") as viewing:
            await heard(viewing, lambda words: bool(fragments(words)))
        async with relay.watch("east") as viewing:
            await heard(viewing, lambda words: bool(fragments(words)))
        assert cameras.watching == 1, "who comes back soon finds the same connection"
        await eventually(lambda: cameras.watching == 0)
        await eventually(lambda: relay.cameras == 0)

    live(story, linger_s=2.0)


def test_a_slow_viewer_goes_on_at_a_key_picture_and_holds_nobody_up() -> None:
    beginning = Beginning(mime="m", width=2, height=2, data=b"b")
    viewing = Viewing()
    viewing.tell(beginning)
    for number in range(WAITING_MOST):
        viewing.tell(Fragment(data=b"%d" % number, key=number % 50 == 0))
    viewing.tell(Fragment(data=b"late", key=False))
    viewing.tell(Fragment(data=b"key", key=True))
    viewing.tell(Fragment(data=b"after", key=False))

    async def read() -> list[Word]:
        return await heard(viewing, lambda words: len(words) == 3)

    words = asyncio.run(read())
    assert words[0] == beginning, "how to play is never dropped"
    assert [word.data for word in fragments(words)] == [b"key", b"after"]
    assert viewing.skipped == WAITING_MOST + 1


def test_a_camera_that_dies_is_named_and_its_return_starts_a_new_film() -> None:
    async def story(cameras: CameraServer, relay: LiveRelay) -> None:
        async with relay.watch("east") as viewing:
            await heard(viewing, lambda words: bool(fragments(words)))
            cameras.set_fault("east", Fault.DROP)
            words = await heard(viewing, lambda words: isinstance(words[-1], Lost))
            assert words[-1] == Lost(state=SourceState.UNREACHABLE)
            async with relay.watch("east") as other:
                assert await heard(other, bool) == [Lost(state=SourceState.UNREACHABLE)]
            cameras.set_fault("east", Fault.NONE)
            words = await heard(viewing, lambda words: bool(fragments(words)))
            assert any(isinstance(word, Beginning) for word in words)
            assert fragments(words)[0].key

    live(story)


def test_silence_a_wrong_path_and_nothing_there_have_their_names() -> None:
    async def story(cameras: CameraServer, relay: LiveRelay) -> None:
        cameras.set_fault("west", Fault.STALL)
        for camera, state in (
            ("west", SourceState.STALLED),
            ("no-such", SourceState.NOT_FOUND),
        ):
            async with relay.watch(camera) as viewing:
                assert await heard(viewing, bool) == [Lost(state=state)]

    live(story)


class FailingThread(ThreadPoolExecutor):
    """A thread that takes no work while it fails."""

    fails = True

    def submit(self, *args: Any, **kwargs: Any) -> Future[Any]:
        if self.fails:
            raise RuntimeError("out of order")
        return super().submit(*args, **kwargs)


def test_who_looks_at_a_view_that_failed_by_our_own_error_sees_it_again_when_it_is_over() -> None:
    async def story() -> None:
        pool = FailingThread(1)
        async with (
            asyncio.timeout(60),
            server("east") as cameras,
            relaying(cameras, pool=pool) as relay,
            relay.watch("east") as viewing,
        ):
            assert await heard(viewing, bool) == [Lost(state=SourceState.GARBLED)]
            pool.fails = False
            await heard(viewing, lambda words: bool(fragments(words)))

    asyncio.run(story())


def test_a_change_of_size_in_mid_stream_begins_a_new_film() -> None:
    async def story(cameras: CameraServer, relay: LiveRelay) -> None:
        async with relay.watch("east") as viewing:
            await heard(viewing, lambda words: bool(fragments(words)))
            camera = relay._cameras["east"]
            await camera._carry(coded(160, 96), 90_000)
            words = await heard(
                viewing,
                lambda words: (
                    isinstance(words[-1], Fragment)
                    and any(isinstance(word, Beginning) for word in words)
                ),
            )
        start = next(word for word in words if isinstance(word, Beginning))
        assert (start.width, start.height) == (160, 96)
        assert frames_of(words[words.index(start) :])[0].width == 160

    live(story)


def test_pictures_that_are_shown_in_another_order_keep_their_times() -> None:
    reordered = coded(320, 180, b_pictures=2)
    stamps = [each.stamp for each in reordered]
    assert stamps != sorted(stamps)
    sets = parameter_sets(reordered[0])
    assert sets is not None
    repacker = Repacker(sets, width=320, height=180, ticks_per_s=90_000)
    words: list[Word] = [repacker.beginning]
    for number in range(0, len(reordered), 3):
        words += repacker.take(reordered[number : number + 3])
    times = [frame.time for frame in frames_of(words)]
    assert times == sorted(times)
    assert len(times) == len(reordered) - 1


def test_stamps_may_wrap_and_leap_and_time_goes_on() -> None:
    plain = coded(320, 180)
    sets = parameter_sets(plain[0])
    assert sets is not None
    repacker = Repacker(sets, width=320, height=180, ticks_per_s=90_000)
    moved = [
        CodedPicture(
            data=each.data,
            stamp=(each.stamp - 3600 * 4 + (5_000_000 if number > 5 else 0)) % (1 << 32),
            key=each.key,
        )
        for number, each in enumerate(plain)
    ]
    words: list[Word] = [repacker.beginning, *repacker.take(moved)]
    times = [frame.time or 0.0 for frame in frames_of(words)]
    steps = np.diff(times)
    assert float(steps.min()) > 0
    assert float(steps.max()) < 0.2


def test_every_fragment_tells_its_true_length() -> None:
    plain = coded(320, 180)
    sets = parameter_sets(plain[0])
    assert sets is not None
    repacker = Repacker(sets, width=320, height=180, ticks_per_s=90_000)
    words: list[Beginning | Fragment] = [repacker.beginning, *repacker.take(plain)]
    for word in words:
        position = 0
        while position < len(word.data):
            (size,) = struct.unpack_from("!I", word.data, position)
            assert size >= 8
            position += size
        assert position == len(word.data)


def coded(
    width: int, height: int, *, b_pictures: int = 0, count: int = 16, gop: int = 8
) -> list[CodedPicture]:
    """Pictures as a camera would send them, in their order of decoding."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 10), Fraction(10)
    encoder.max_b_frames, encoder.gop_size = b_pictures, gop
    encoder.options = {"preset": "ultrafast", "x264-params": f"repeat-headers=1:bframes={b_pictures}:b-adapt=0"}  # fmt: skip
    found: list[CodedPicture] = []
    packets = []
    for number, picture in enumerate(pictures(120, count)):
        small = cv2.resize(picture, (width, height))
        frame = av.VideoFrame.from_ndarray(np.asarray(small, np.uint8), format="bgr24").reformat(
            format="yuv420p"
        )
        frame.pts, frame.time_base = number, Fraction(1, 10)
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    for packet in packets:
        units = split_annex_b(bytes(packet))
        assert packet.pts is not None
        found.append(
            CodedPicture(
                data=b"".join(START_CODE + unit for unit in units),
                stamp=packet.pts * 9000,
                key=any(unit[0] & 0x1F == 5 for unit in units),
            )
        )
    return found


def test_a_camera_that_begins_with_a_key_picture_is_seen_without_waiting_for_the_next() -> None:
    async def story() -> None:
        clock = SystemClock()
        slow = Clip(encode_loop(pictures(100, 90), fps=1, gop=90))
        feeds = {"east": CameraFeed({"all": slow}, stage="all", clock=clock, phase_s=5.0)}
        cameras = CameraServer(feeds, username="u", password="p", clock=clock, prompt=True)
        async with cameras, relaying(cameras) as relay, relay.watch("east") as viewing:
            async with asyncio.timeout(60):  # the next key picture is 85 s away
                words = await heard(viewing, lambda words: bool(fragments(words)))
            assert fragments(words)[0].key

    asyncio.run(story())
