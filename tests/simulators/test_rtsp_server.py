"""Simulated cameras: foreign players play them, their faults and stages do what they say."""

from __future__ import annotations

import asyncio
import json
import shutil
from datetime import timedelta
from pathlib import Path

import av
import numpy as np
import pytest

from model.clock import SystemClock
from model.picture import SourceState
from simulators.cameras import feeds_of
from simulators.rtsp.faults import FaultDesk
from simulators.rtsp.feed import CameraFeed, Clip, Fault
from simulators.rtsp.loop import (
    Loop,
    LoopError,
    encode_loop,
    first_picture,
    split_annex_b,
    video_loop,
)
from simulators.rtsp.packets import payloads
from tests.cameras import FPS, GOP, Watcher, clip, loop_of, pictures, server
from tests.waiting import eventually

needs_ffmpeg = pytest.mark.skipif(
    shutil.which("ffprobe") is None, reason="the ffmpeg programs are not installed"
)


async def output(*command: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(60):
        said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


@needs_ffmpeg
def test_ffprobe_and_ffmpeg_play_a_simulated_camera() -> None:
    async def play() -> None:
        async with server("east") as cameras:
            url = cameras.url("east")
            code, said = await output(
                "ffprobe",
                "-v",
                "error",
                "-rtsp_transport",
                "tcp",
                "-show_streams",
                "-of",
                "json",
                url,
            )
            assert code == 0
            stream = json.loads(said)["streams"][0]
            assert (stream["codec_name"], stream["width"], stream["height"]) == ("h264", 320, 180)
            count = ["-rtsp_transport", "tcp", "-i", url, "-frames:v", "12", "-f", "framemd5", "-"]
            code, said = await output("ffmpeg", "-v", "error", *count)
            assert code == 0
            assert len([line for line in said.splitlines() if not line.startswith("#")]) == 12

    asyncio.run(play())


def read_with_av(url: str, count: int) -> list[float]:
    times = []
    with av.open(url, options={"rtsp_transport": "tcp"}, timeout=30) as container:
        for frame in container.decode(video=0):
            if frame.time is not None:
                times.append(frame.time)
            if len(times) == count:
                break
    return times


def test_pyav_plays_across_the_seam_of_the_loop_with_continuous_stamps() -> None:
    async def play() -> None:
        async with server("east") as cameras:
            times = await asyncio.to_thread(read_with_av, cameras.url("east"), 5 * GOP)
        steps = np.diff(times)
        assert steps == pytest.approx(np.full(len(steps), 1 / FPS), abs=0.011)

    asyncio.run(play())


def test_a_camera_changes_its_stage_at_a_key_picture_and_knows_its_truth() -> None:
    async def change() -> None:
        clock = SystemClock()
        async with server("east", clock=clock) as cameras:
            watcher = Watcher()
            task = asyncio.create_task(watcher.tap(cameras.url("east")).run())
            await eventually(lambda: watcher.pictures)
            assert watcher.pictures[-1].pixels.mean() < 120
            feed = cameras.feeds["east"]
            assert feed.people_at(watcher.pictures[-1].at) == 7
            feed.show("crowded")
            await eventually(lambda: watcher.pictures[-1].pixels.mean() > 140)
            assert feed.people_at(watcher.pictures[-1].at + timedelta(seconds=0.05)) == 70
            assert feed.people_at(watcher.pictures[0].at) == 7
            task.cancel()

    asyncio.run(change())


def test_a_black_camera_sends_black_and_a_frozen_one_the_same_picture() -> None:
    async def spoil() -> None:
        async with server("east") as cameras:
            watcher = Watcher()
            task = asyncio.create_task(watcher.tap(cameras.url("east")).run())
            await eventually(lambda: watcher.pictures)
            cameras.set_fault("east", Fault.BLACK)
            await eventually(lambda: watcher.pictures[-1].pixels.mean() < 3)
            cameras.set_fault("east", Fault.FROZEN)
            await eventually(lambda: watcher.pictures[-1].pixels.mean() > 50)
            before = len(watcher.pictures)
            await eventually(lambda: len(watcher.pictures) >= before + 3)
            one, other = watcher.pictures[-1].pixels.astype(int), watcher.pictures[-2].pixels
            assert np.abs(one - other).mean() < 2
            task.cancel()

    asyncio.run(spoil())


def test_a_moved_camera_shows_another_view_that_is_as_alive() -> None:
    async def move() -> None:
        async with server("east") as cameras:
            watcher = Watcher()
            task = asyncio.create_task(watcher.tap(cameras.url("east")).run())
            await eventually(lambda: watcher.pictures, within_s=30)
            before = watcher.pictures[-1].pixels.astype(int)
            clip().spoiled(Fault.MOVED)
            cameras.set_fault("east", Fault.MOVED)

            def turned() -> bool:
                return bool(np.abs(watcher.pictures[-1].pixels - before).mean() > 10)

            await eventually(turned, within_s=30)
            assert watcher.pictures[-1].pixels.std() > 10
            task.cancel()

    asyncio.run(move())


def test_cameras_are_broken_and_rebooted_by_command(caplog: pytest.LogCaptureFixture) -> None:
    async def command() -> None:
        desk = FaultDesk()
        desk.say("east drop")
        async with server("east", "west") as cameras:
            desk.serve(cameras)
            desk.say("east stall\n")
            assert cameras.feeds["east"].fault is Fault.STALL
            assert cameras.feeds["west"].fault is Fault.NONE
            desk.say("all slow")
            assert {feed.fault for feed in cameras.feeds.values()} == {Fault.SLOW}
            for wrong in ("south drop", "east melt", "reboot soon", "reboot -1", ""):
                desk.say(wrong)
            assert {feed.fault for feed in cameras.feeds.values()} == {Fault.SLOW}
            desk.say("all none")
            watcher = Watcher()
            task = asyncio.create_task(watcher.tap(cameras.url("east")).run())
            await eventually(lambda: watcher.pictures, within_s=30)
            desk.say("reboot 0.2")
            desk.say("reboot 0.2")
            await eventually(lambda: SourceState.UNREACHABLE in watcher.states, within_s=30)
            await eventually(lambda: watcher.state is SourceState.LIVE, within_s=30)
            task.cancel()

    asyncio.run(command())
    said = [each.message for each in caplog.records if each.levelname == "ERROR"]
    assert len(said) == 6
    assert "one of none, drop" in caplog.text


def test_every_camera_has_a_phase_of_its_own() -> None:
    loop = loop_of()
    feeds = feeds_of(
        {f"c{n}": {"calm": loop} for n in range(20)}, begin="calm", clock=SystemClock()
    )
    assert len({feed.number_now() for feed in feeds.values()}) == 20
    assert len({id(feed.clip) for feed in feeds.values()}) == 1


def test_a_slow_reader_loses_pictures_and_no_other_camera_notices() -> None:
    async def dawdle() -> None:
        async with server("east", "west") as cameras:
            reader, writer = await asyncio.open_connection("127.0.0.1", cameras.port)
            writer.write(b"OPTIONS rtsp://x/east RTSP/1.0\r\nCSeq: 1\r\n\r\n")
            assert (await reader.readline()).startswith(b"RTSP/1.0 200")
            watcher = Watcher()
            task = asyncio.create_task(watcher.tap(cameras.url("west")).run())
            await eventually(lambda: len(watcher.pictures) > 3)
            task.cancel()
            writer.close()

    asyncio.run(dawdle())


def test_a_clip_survives_writing_and_reading(tmp_path: Path) -> None:
    loop = loop_of()
    loop.save(tmp_path / "calm.loop")
    assert Loop.load(tmp_path / "calm.loop") == loop
    (tmp_path / "bad.loop").write_bytes(b"\x93no")
    with pytest.raises(LoopError, match=r"bad\.loop"):
        Loop.load(tmp_path / "bad.loop")


def test_a_clip_has_the_shape_that_cameras_send() -> None:
    loop = loop_of()
    kinds = [[nal[0] & 0x1F for nal in unit] for unit in loop.units]
    assert kinds[0] == [7, 8, 5]
    assert kinds[GOP] == [7, 8, 5]
    assert all(kind == [1] for number, kind in enumerate(kinds) if number % GOP)
    assert loop.sps[1] == 100, "High profile"
    assert first_picture(loop).shape == (180, 320, 3)


def test_packets_keep_below_the_limit_and_carry_everything() -> None:
    unit = [b"\x67" + b"s" * 20, b"\x68" + b"p" * 5, b"\x65" + bytes(range(256)) * 20]
    parts = payloads(unit, limit=1000)
    assert all(len(part) <= 1000 for part in parts)
    assert parts[0][0] & 0x1F == 24
    assert b"".join(part[2:] for part in parts[1:]) == unit[2][1:]


def test_units_are_found_between_start_codes() -> None:
    assert split_annex_b(b"\0\0\0\1\x67a\0\0\1\x68b\0\0\0\1\x65c") == [b"\x67a", b"\x68b", b"\x65c"]


def test_any_video_file_becomes_a_camera(tmp_path: Path) -> None:
    path = tmp_path / "street.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 200, 200, "yuv420p"
        for picture in pictures(90, 10):
            frame = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(picture[:, :200][:180]), format="bgr24"
            )
            container.mux(stream.encode(frame.reformat(200, 200)))
        container.mux(stream.encode(None))
    loop = video_loop(path, width=320, height=180, fps=10)
    assert (loop.width, loop.height, loop.fps, loop.truth) == (320, 180, 10, None)
    assert len(loop.units) >= 10
    edge = first_picture(loop)[:, :40]
    assert edge.mean() < 30, "a square video gets black edges"
    with pytest.raises(LoopError, match=r"none\.mp4"):
        video_loop(tmp_path / "none.mp4")


def test_stages_of_another_pace_are_refused() -> None:
    other = Clip(encode_loop(pictures(90), fps=5, gop=GOP))
    with pytest.raises(LoopError, match="same rate"):
        CameraFeed({"calm": clip(), "fast": other}, stage="calm", clock=SystemClock())
