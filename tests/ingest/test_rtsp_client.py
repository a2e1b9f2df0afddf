"""The RTSP client and its supervision: each way to fail has its name, and what returns is read again."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from ingest.patience import Patience
from ingest.rtsp.address import Address, AddressError
from model.clock import SystemClock
from model.picture import SourceState
from simulators.rtsp.feed import CameraFeed, Clip, Fault
from simulators.rtsp.loop import encode_loop
from simulators.rtsp.server import CameraServer
from tests.cameras import CALM, CALM_DEADLINES, Watcher, pictures, server
from tests.waiting import eventually

HALF_AN_HOUR_S, LOCKED_AFTER = 1800.0, 7
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def ends_as(url: str, state: SourceState) -> Watcher:
    """Watch the address until it is in that state."""
    watcher = Watcher()
    task = asyncio.create_task(watcher.tap(url).run())
    try:
        await eventually(lambda: watcher.state is state)
    except AssertionError:
        raise AssertionError(f"wanted {state}, saw {watcher.states}") from None
    finally:
        task.cancel()
    return watcher


def against(serve: Serve, state: SourceState) -> None:
    """Expect this state from a camera that behaves like `serve`."""

    async def run() -> None:
        done: list[asyncio.StreamWriter] = []

        async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            done.append(writer)
            try:
                await serve(reader, writer)
            except ConnectionError:
                return

        listening = await asyncio.start_server(one, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        await ends_as(f"rtsp://u:p@127.0.0.1:{port}/x", state)
        for writer in done:
            writer.transport.abort()
        listening.close()

    asyncio.run(run())


def answering(*answers: bytes) -> Serve:
    """A camera that answers requests in turn with these texts."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            head = await reader.readuntil(b"\r\n\r\n")
            serial = next(line for line in head.split(b"\r\n") if line.startswith(b"CSeq"))
            writer.write(answer.replace(b"CSEQ", serial))
        await reader.read()

    return serve


def described(sdp: bytes) -> bytes:
    return b"RTSP/1.0 200 OK\r\nCSEQ\r\nContent-Length: %d\r\n\r\n%s" % (len(sdp), sdp)


def test_pictures_come_at_their_interval_with_the_time_when_they_were_taken() -> None:
    async def watch() -> None:
        async with server("east") as cameras:
            watcher, began = Watcher(), SystemClock().now()
            task = asyncio.create_task(watcher.tap(cameras.url("east"), every_s=0.4).run())
            await eventually(lambda: len(watcher.pictures) >= 4)
            task.cancel()
            for picture in watcher.pictures:
                assert began - timedelta(seconds=1) < picture.at <= SystemClock().now()
                assert picture.pixels.shape == (180, 320, 3)
            gaps = [
                (later.at - earlier.at).total_seconds()
                for earlier, later in zip(watcher.pictures, watcher.pictures[1:], strict=False)
            ]
            # A busy machine leaves some out, and each of the others keeps the time of its picture.
            assert all(gap / 0.4 == pytest.approx(round(gap / 0.4), abs=0.12) for gap in gaps)
            assert min(gaps) > 0.3
            assert watcher.states == [SourceState.CONNECTING, SourceState.LIVE]

    asyncio.run(watch())


def test_a_camera_with_rare_key_pictures_still_gives_its_readings_in_time() -> None:
    async def watch() -> None:
        clock = SystemClock()
        rare = Clip(encode_loop(pictures(100, 30), fps=10, gop=30))
        feeds = {"east": CameraFeed({"all": rare}, stage="all", clock=clock)}
        async with CameraServer(feeds, username="u", password="p", clock=clock) as cameras:
            watcher = Watcher()
            patience = Patience(silent_s=5.0, no_picture_s=8.0, rare_keys_s=0.9)
            tap = watcher.tap(cameras.url("east"), every_s=0.4, patience=patience)
            task = asyncio.create_task(tap.run())
            await eventually(lambda: len(watcher.pictures) >= 6)
            task.cancel()
        followed = watcher.pictures[-4:]
        gaps = [(later.at - earlier.at).total_seconds() for earlier, later in pairwise(followed)]
        assert min(gaps) < 0.9, "key pictures alone would come every 3 s"

    asyncio.run(watch())


def test_a_wrong_password_an_unknown_stream_and_a_dead_address_have_different_names() -> None:
    async def try_all() -> None:
        async with server("east") as cameras:
            wrong = cameras.url("east").replace("se%3Acr%40t", "guess")
            await ends_as(wrong, SourceState.WRONG_PASSWORD)
            await ends_as(cameras.url("east", with_password=False), SourceState.WRONG_PASSWORD)
            await ends_as(cameras.url("nowhere"), SourceState.NOT_FOUND)
            dead = cameras.url("east")
        await ends_as(dead, SourceState.UNREACHABLE)
        await ends_as("rtsp://[broken", SourceState.NOT_FOUND)

    asyncio.run(try_all())


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (Fault.STALL, SourceState.STALLED),
        (Fault.DROP, SourceState.UNREACHABLE),
        (Fault.GARBAGE, SourceState.GARBLED),
    ],
)
def test_a_failing_camera_is_named_within_its_deadline_and_comes_back_alone(
    fault: Fault, state: SourceState, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        async with server("east", "west") as cameras, asyncio.TaskGroup() as group:
            east, west = Watcher(), Watcher()
            tasks = [
                group.create_task(east.tap(cameras.url("east")).run()),
                group.create_task(west.tap(cameras.url("west"), camera="west").run()),
            ]
            await eventually(lambda: east.pictures and west.pictures)
            cameras.set_fault("east", fault)
            await eventually(lambda: east.state is state)
            before, others = len(east.pictures), len(west.pictures)
            await eventually(lambda: len(west.pictures) > others + 2)
            assert len(east.pictures) == before
            cameras.set_fault("east", Fault.NONE)
            await eventually(lambda: east.state is SourceState.LIVE)
            assert west.states == [SourceState.CONNECTING, SourceState.LIVE]
            for task in tasks:
                task.cancel()

    with caplog.at_level(logging.INFO, "ingest.cameras"):
        asyncio.run(fail())
    told = [
        record.message for record in caplog.records if record.message.startswith("camera east is")
    ]
    assert ["lost" in told[0], "back" in told[-1], len(told)] == [True, True, 2], told
    assert "se:cr@t" not in caplog.text
    assert "se%3Acr%40t" not in caplog.text


def test_after_a_reboot_all_cameras_are_back() -> None:
    async def reboot() -> None:
        names = [f"c{number}" for number in range(12)]
        async with server(*names) as cameras:
            watchers = {name: Watcher() for name in names}
            tasks = [
                asyncio.create_task(watcher.tap(cameras.url(name), camera=name).run())
                for name, watcher in watchers.items()
            ]
            await eventually(lambda: all(watcher.pictures for watcher in watchers.values()))
            await cameras.reboot(down_s=0.3)

            def back() -> bool:
                states = [watcher.states for watcher in watchers.values()]
                return all(len(each) >= 4 and each[-1] is SourceState.LIVE for each in states)

            await eventually(back)
            for task in tasks:
                task.cancel()

    asyncio.run(reboot())


def test_a_server_that_says_nothing_is_stalled() -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    against(silent, SourceState.STALLED)


def test_a_server_that_talks_nonsense_is_garbled() -> None:
    async def nonsense(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(random.Random(1).randbytes(5000))

    against(nonsense, SourceState.GARBLED)


def test_a_header_without_an_end_is_cut_off() -> None:
    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b"X-Padding: " + b"a" * 1000 + b"\r\n")
            await writer.drain()

    against(endless, SourceState.GARBLED)


def test_a_header_that_dribbles_runs_into_the_deadline() -> None:
    async def dribble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b"R")
            await writer.drain()
            await asyncio.sleep(0.05)

    against(dribble, SourceState.STALLED)


def test_a_stream_without_video_and_one_of_another_coding_are_named() -> None:
    audio = b"v=0\r\nm=audio 0 RTP/AVP 8\r\na=control:a\r\n"
    against(answering(described(audio)), SourceState.NO_VIDEO)
    motion = b"v=0\r\nm=video 0 RTP/AVP 26\r\na=rtpmap:26 JPEG/90000\r\na=control:v\r\n"
    against(answering(described(motion)), SourceState.UNSUPPORTED_CODEC)


def test_a_camera_without_bandwidth_for_one_more_stream_is_busy() -> None:
    video = b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:v\r\n"
    full = b"RTSP/1.0 453 Not Enough Bandwidth\r\nCSEQ\r\n\r\n"
    against(answering(full), SourceState.BUSY)
    against(answering(described(video), full), SourceState.BUSY)


def test_redirects_are_followed_but_not_for_ever() -> None:
    async def follow() -> None:
        async with server("east") as cameras:
            there = cameras.url("east", with_password=False).encode()

            async def send_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await answering(b"RTSP/1.0 302 Moved\r\nCSEQ\r\nLocation: " + there + b"\r\n\r\n")(
                    reader, writer
                )
                writer.close()

            first = await asyncio.start_server(send_on, "127.0.0.1", 0)
            port = first.sockets[0].getsockname()[1]
            await ends_as(f"rtsp://viewer:se%3Acr%40t@127.0.0.1:{port}/x", SourceState.LIVE)
            first.close()

    asyncio.run(follow())

    async def circle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = writer.get_extra_info("sockname")[1]
        again = b"RTSP/1.0 302 Moved\r\nCSEQ\r\nLocation: rtsp://127.0.0.1:%d/x\r\n\r\n" % port
        await answering(again)(reader, writer)

    against(circle, SourceState.GARBLED)


def test_pictures_that_pile_up_on_a_slow_link_show_their_age() -> None:
    async def slow() -> None:
        async with server("east") as cameras:
            watcher = Watcher()
            task = asyncio.create_task(watcher.tap(cameras.url("east")).run())
            await eventually(lambda: watcher.pictures)
            cameras.set_fault("east", Fault.SLOW)

            def age_s() -> float:
                newest = watcher.pictures[-1]
                arrived_ago_s = SystemClock().monotonic() - newest.arrived_monotonic_s
                return (SystemClock().now() - newest.at).total_seconds() - arrived_ago_s

            await eventually(lambda: age_s() > 1.0)
            task.cancel()

    asyncio.run(slow())


def test_a_camera_whose_pictures_come_too_late_is_asked_anew_since_they_show_what_is_past() -> None:
    async def slow() -> None:
        async with server("east") as cameras:
            watcher = Watcher()
            patience = replace(CALM, late_s=1.5)
            tap = watcher.tap(cameras.url("east"), patience=patience, deadlines=CALM_DEADLINES)
            task = asyncio.create_task(tap.run())
            await eventually(lambda: watcher.pictures)
            cameras.set_fault("east", Fault.SLOW)
            await eventually(lambda: SourceState.STALLED in watcher.states)
            before = len(watcher.pictures)
            await eventually(lambda: len(watcher.pictures) > before)
            fresh = watcher.pictures[before]
            arrived_ago_s = SystemClock().monotonic() - fresh.arrived_monotonic_s
            assert (SystemClock().now() - fresh.at).total_seconds() - arrived_ago_s < 1.5
            task.cancel()

    asyncio.run(slow())


def test_returning_cameras_do_not_come_in_step_and_never_later_than_the_cap() -> None:
    patience, rng = Patience(), random.Random(4)
    waits = [patience.wait_s(9, SourceState.UNREACHABLE, rng) for _ in range(300)]
    assert max(waits) <= 8.0
    assert min(waits) >= 4.0
    assert len({round(wait, 2) for wait in waits}) > 150
    assert patience.wait_s(0, SourceState.STALLED, rng) <= 0.5
    assert patience.wait_s(9, SourceState.NOT_FOUND, rng) > 8.0


def test_a_wrong_password_is_tried_so_seldom_that_the_camera_does_not_lock_the_account() -> None:
    patience = Patience()
    for seed in range(50):
        rng, at_s, tried = random.Random(seed), 0.0, 0
        while at_s < HALF_AN_HOUR_S:
            at_s += patience.wait_s(tried, SourceState.WRONG_PASSWORD, rng)
            tried += 1
        assert tried <= LOCKED_AFTER


def test_a_camera_that_did_not_answer_and_then_refuses_the_password_is_soon_asked_again() -> None:
    """Some refuse everybody while they start: what failed before counts as no wrong password."""

    async def run() -> None:
        asked = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal asked
            asked += 1
            if asked > 5:
                await answering(b"RTSP/1.0 401 Unauthorized\r\nCSEQ\r\n\r\n")(reader, writer)
            writer.close()

        listening = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        watcher = Watcher()
        patience = Patience(first_s=0.01, cap_s=0.02, refused_first_s=0.1, refused_cap_s=1000)
        tap = watcher.tap(f"rtsp://u:p@127.0.0.1:{port}/x", patience=patience)
        task = asyncio.create_task(tap.run())
        await eventually(lambda: asked >= 7, within_s=20)
        assert watcher.state is SourceState.WRONG_PASSWORD
        task.cancel()
        listening.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    "text", ["", "http://x/y", "rtsp://", "rtsp://h:99999/x", "rtsp://h/a b", "rtsp://[::1/x"]
)
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        Address.parse(text)


def test_the_password_never_goes_into_the_address_that_is_sent_or_shown() -> None:
    address = Address.parse("rtsp://admin:a%40b%2Fc@cam.example:8554/ch?x=1")
    assert (address.username, address.password) == ("admin", "a@b/c")
    assert address.url == "rtsp://cam.example:8554/ch?x=1"
    assert "a@b" not in repr(address)
