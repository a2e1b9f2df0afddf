"""`yinding probe`: what it says about simulated cameras, and how it names each way to fail."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from ingest.cameras import Reader
from ingest.rtsp.address import Address
from model.clock import SystemClock
from model.level import Sight
from model.picture import SourceState
from service.commands.probe import register
from service.exits import BadResultError, OutsideError, WrongUseError
from service.probe import Advice, Report, probe
from simulators.onvif import OnvifDevice, SimulatedProfile
from simulators.rtsp.feed import CameraFeed, Clip, Fault
from simulators.rtsp.loop import encode_loop
from simulators.rtsp.server import CameraServer
from tests.cameras import DEADLINES, GOP, server
from tests.ingest.test_rtsp_client import answering, described
from tests.old_camera import old_camera
from tests.waiting import eventually

NO_VIDEO = described(b"v=0\r\nm=audio 0 RTP/AVP 0\r\n")
MJPEG = described(b"v=0\r\nm=video 0 RTP/AVP 26\r\na=rtpmap:26 JPEG/90000\r\n")


async def look(url: str, *, seconds: float = 1.2) -> Report:
    async with asyncio.timeout(60):
        return await probe(
            Address.parse(url),
            seconds=seconds,
            clock=SystemClock(),
            deadlines=DEADLINES,
            silent_s=2.5,
        )


def test_a_good_camera_is_described_and_can_be_used() -> None:
    async def story() -> None:
        async with server("east") as cameras:
            report = await look(cameras.url("east"), seconds=2.5)
        assert report.usable
        assert (report.codec, report.width_px, report.height_px) == ("h264", 320, 180)
        assert report.frames_per_s == pytest.approx(10, abs=0.3)
        assert report.key_interval_s == pytest.approx(0.4, abs=0.02)
        assert report.every_s == pytest.approx(0.4, abs=0.02)
        assert report.latency_s is not None
        assert 0 <= report.latency_s < 10
        assert report.sight is Sight.LIVE
        assert report.sharpness is not None
        assert report.count is not None
        assert report.count_low is not None
        assert report.count_high is not None
        assert report.count_low <= report.count <= report.count_high
        assert report.lost_packets == 0
        assert report.advice == []
        assert "se:cr@t" not in msgspec.json.encode(report).decode()

    asyncio.run(story())


def test_every_way_to_fail_has_its_name() -> None:
    async def story() -> None:
        async with server("east", "west", "south", "north") as cameras:
            cameras.set_fault("west", Fault.STALL)
            cameras.set_fault("south", Fault.GARBAGE)
            cameras.set_fault("north", Fault.DROP)
            good = cameras.url("east", with_password=False).removeprefix("rtsp://")
            seen = {
                url: (await look(url)).state
                for url in (
                    f"rtsp://viewer:wrong@{good}",
                    cameras.url("no-such"),
                    cameras.url("west"),
                    cameras.url("south"),
                    cameras.url("north"),
                    "rtsp://127.0.0.1:1/x",
                )
            }
        assert list(seen.values()) == [
            SourceState.WRONG_PASSWORD,
            SourceState.NOT_FOUND,
            SourceState.STALLED,
            SourceState.GARBLED,
            SourceState.UNREACHABLE,
            SourceState.UNREACHABLE,
        ]
        for answer, state in (
            (NO_VIDEO, SourceState.NO_VIDEO),
            (MJPEG, SourceState.UNSUPPORTED_CODEC),
        ):
            listening = await asyncio.start_server(answering(answer), "127.0.0.1", 0)
            port = listening.sockets[0].getsockname()[1]
            assert (await look(f"rtsp://127.0.0.1:{port}/x")).state is state
            listening.close()

    asyncio.run(story())


def test_a_camera_that_our_reader_does_not_know_is_looked_at_by_ffmpegs() -> None:
    async def look() -> None:
        async with old_camera() as url:
            report = await probe(Address.parse(url), seconds=1, clock=SystemClock())
        assert (report.usable, report.reader) == (True, Reader.FFMPEG)
        assert (report.width_px, report.height_px) == (320, 180)
        assert "MP4V-ES" in (report.detail or "")
        assert Advice.FOREIGN_READER in report.advice

    asyncio.run(look())


def test_a_black_and_a_frozen_camera_give_pictures_and_cannot_be_used() -> None:
    async def story() -> None:
        async with server("east", "west") as cameras:
            cameras.set_fault("east", Fault.BLACK)
            cameras.set_fault("west", Fault.FROZEN)
            feeds = cameras.feeds.values()
            groups = [each.number_now() // GOP for each in feeds]
            # Faults of the picture begin with the next key picture.
            await eventually(
                lambda: all(
                    each.number_now() // GOP > group
                    for each, group in zip(feeds, groups, strict=True)
                )
            )
            for camera, reason in (("east", "black"), ("west", "frozen")):
                report = await look(cameras.url(camera), seconds=2.5)
                assert report.state is SourceState.LIVE
                assert not report.usable
                assert (report.sight, report.sight_reason) == (Sight.BLIND, reason)
                assert report.count is None, "blind is never empty"

    asyncio.run(story())


def test_rare_key_pictures_are_named_with_what_they_cost() -> None:
    async def story() -> None:
        rng = np.random.default_rng(3)
        noise = [rng.integers(0, 255, (96, 160, 3), np.uint8) for _ in range(5)]
        rare = Clip(encode_loop(noise, fps=1, gop=5))
        clock = SystemClock()
        feeds = {"east": CameraFeed({"all": rare}, stage="all", clock=clock, phase_s=4.5)}
        async with CameraServer(feeds, username="u", password="p", clock=clock) as cameras:
            report = await look(cameras.url("east"), seconds=1)
        assert Advice.KEYS_RARE in report.advice
        assert report.key_interval_s == pytest.approx(5, abs=0.1)
        assert report.every_s == pytest.approx(1, abs=0.1)

    asyncio.run(story())


@pytest.fixture
def living() -> Iterator[tuple[CameraServer, OnvifDevice]]:
    """A simulated camera and its ONVIF side, on a loop of their own, for the command itself."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="simulated camera", daemon=True)
    thread.start()
    cameras = server("east")
    asyncio.run_coroutine_threadsafe(cameras.__aenter__(), loop).result(30)
    sub = SimulatedProfile(
        token="sub", name="sub", codec="H264", width_px=640, height_px=360, frames_per_s=10,
        key_every_pictures=4, kbit_per_s=400, url=cameras.url("east", with_password=False),
    )  # fmt: skip
    device = OnvifDevice([sub], username="viewer", password="se:cr@t", clock=SystemClock())
    asyncio.run_coroutine_threadsafe(device.__aenter__(), loop).result(30)
    yield cameras, device
    asyncio.run_coroutine_threadsafe(device.__aexit__(None, None, None), loop).result(30)
    asyncio.run_coroutine_threadsafe(cameras.close(), loop).result(30)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)


def test_the_command_speaks_json_ends_by_contract_and_never_shows_the_password(
    living: tuple[CameraServer, OnvifDevice], tmp_path: Path
) -> None:
    cameras, device = living
    (tmp_path / "password").write_text("se:cr@t\n", encoding="utf-8")
    (tmp_path / "wrong").write_text("wrong\n", encoding="utf-8")
    app = typer.Typer()
    register(app)
    who = ["--username", "viewer", "--password-file", str(tmp_path / "password"), "--seconds", "1"]
    url = cameras.url("east", with_password=False)

    good = CliRunner().invoke(app, [url, *who, "--json"])
    assert good.exception is None, good.output
    assert json.loads(good.stdout)["usable"] is True
    told = CliRunner().invoke(app, ["--onvif", device.service, *who])
    assert told.exception is None, told.output
    assert "can be used, a reading every 0.4 s" in told.stdout
    assert "→ sub" in told.stdout
    assert "se:cr@t" not in good.output + told.output

    found = CliRunner().invoke(app, ["--discover", "--at", f"127.0.0.1:{device.discovery_port}", "--seconds", "1", "--json"])  # fmt: skip
    assert json.loads(found.stdout)["addresses"] == [device.service]

    wrong = [*who[:3], str(tmp_path / "wrong"), *who[4:]]
    for arguments, error in (
        ([url, *wrong], BadResultError),
        (["--onvif", device.service, *wrong], BadResultError),
        (["rtsp://127.0.0.1:1/x"], OutsideError),
        (["http://127.0.0.1/x"], WrongUseError),
        ([], WrongUseError),
        ([url, "--discover"], WrongUseError),
    ):
        assert isinstance(CliRunner().invoke(app, arguments).exception, error), arguments
