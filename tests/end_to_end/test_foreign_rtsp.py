"""Foreign programs at the other end: VLC's server is read, GStreamer and ffmpeg play our cameras.

Client and simulator are by the same hands; these are not, so that both do not share one mistake.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import av
import numpy as np
import pytest

from ingest.patience import Patience
from ingest.rtsp.address import Address
from ingest.rtsp.connection import Manner, Transport
from ingest.rtsp.failure import CameraError
from ingest.rtsp.session import CameraSession
from ingest.rtsp.units import CodedPicture, Tally
from model.clock import SystemClock
from model.level import Sight
from model.picture import SourceState
from service.probe import probe
from tests.cameras import Watcher, pictures, server
from tests.waiting import eventually

if TYPE_CHECKING:
    from av.video.stream import VideoStream

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
needs_vlc = pytest.mark.skipif(shutil.which("vlc") is None, reason="VLC is not installed")
needs_gst = pytest.mark.skipif(
    shutil.which("gst-launch-1.0") is None, reason="GStreamer's tools are not installed"
)
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
NOBODY = 65_534
WAIT = Patience(first_s=0.2, cap_s=0.5)


def write_film(path: Path, codec: str) -> None:
    """A minute of the known pictures in an MP4 file, key pictures every second, B-pictures between."""
    with av.open(str(path), "w") as container:
        stream = cast("VideoStream", container.add_stream(codec, rate=10))
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        stream.codec_context.gop_size = 10
        stream.codec_context.time_base = Fraction(1, 10)
        stream.options = {"preset": "ultrafast", "bf": "2", "x265-params": "log-level=none"}
        for pixels in pictures(120, 600):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="bgr24")
            container.mux(stream.encode(frame.reformat(format="yuv420p")))
        container.mux(stream.encode(None))


def free_port() -> int:
    with socket.socket() as probing:
        probing.bind(("127.0.0.1", 0))
        return int(probing.getsockname()[1])


@contextmanager
def vlc_serves(folder: Path, codec: str) -> Iterator[str]:
    """VLC's own RTSP server on a film; it refuses to run as root, so that it runs as nobody."""
    film, port = folder / "film.mp4", free_port()
    write_film(film, codec)
    film.chmod(0o644)
    address = f"rtsp://127.0.0.1:{port}/film"
    root = os.geteuid() == 0
    child = subprocess.Popen(
        ["vlc", "-I", "dummy", "--no-audio", "--loop", "-", "--rtsp-host=127.0.0.1", f"--rtsp-port={port}",
         "--sout", f"#rtp{{sdp={address}}}", "--sout-keep"],
        stdin=film.open("rb"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
        env={**os.environ, "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"},
        user=NOBODY if root else None, group=NOBODY if root else None, extra_groups=[] if root else None,
    )  # fmt: skip
    try:
        yield address
    finally:
        child.kill()
        child.wait()


async def opened(address: str, manner: Manner) -> CameraSession:
    """A session, as soon as the server is up."""
    async with asyncio.timeout(90):
        while True:
            session = CameraSession(Address.parse(address), clock=SystemClock(), manner=manner)
            try:
                await session.open()
            except CameraError:
                session.close()
                await asyncio.sleep(0.2)
            else:
                return session


async def read(address: str) -> tuple[list[CodedPicture], Tally]:
    """Some pictures of a foreign server; TCP is asked for first, and VLC gives only datagrams."""
    session = await opened(address, Manner())
    found: list[CodedPicture] = []
    try:
        assert session.transport is Transport.UDP
        assert session.gatherer is not None
        session.gatherer.every_picture = True

        def enough() -> bool:
            found.extend(session.drain())
            return len(found) >= 25 and any(each.key for each in found)

        await eventually(enough, within_s=60)
        return found, session.gatherer.tally
    finally:
        session.close()


@needs_vlc
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_vlcs_server_is_read_without_loss_and_its_pictures_decode(
    tmp_path: Path, codec: str
) -> None:
    async def run(address: str) -> None:
        found, tally = await read(address)
        assert (tally.lost_packets, tally.bad_packets, tally.broken_pictures) == (0, 0, 0)
        stamps = [each.stamp for each in found]
        assert len(set(stamps)) >= 20, "VLC gives pictures out of order now and then one stamp"
        watcher = Watcher()
        task = asyncio.create_task(watcher.tap(address, every_s=1.0, patience=WAIT).run())
        await eventually(lambda: len(watcher.pictures) >= 3, within_s=90)
        task.cancel()
        assert SourceState.LIVE in watcher.states
        for picture in watcher.pictures:
            assert picture.pixels.shape == (180, 320, 3)
            assert picture.pixels.mean() == pytest.approx(120, abs=15)

    with vlc_serves(tmp_path, codec) as address:
        asyncio.run(run(address))


@needs_vlc
def test_vlcs_server_is_probed(tmp_path: Path) -> None:
    async def run(address: str) -> None:
        (await opened(address, Manner())).close()
        async with asyncio.timeout(90):
            while True:
                report = await probe(Address.parse(address), seconds=3, clock=SystemClock())
                if report.state is SourceState.LIVE:
                    break
        assert (report.codec, report.width_px, report.height_px) == ("h264", 320, 180)
        assert report.sight is Sight.LIVE
        assert report.key_interval_s == pytest.approx(1.0, abs=0.05)
        assert report.frames_per_s == pytest.approx(10, abs=1)

    with vlc_serves(tmp_path, "libx264") as address:
        asyncio.run(run(address))


async def plays(*command: str) -> None:
    """Run a player to its end, or to the end of the time that it is given."""
    player = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(90):
            await player.wait()
    finally:
        if player.returncode is None:
            player.kill()
            await player.wait()
    assert player.returncode == 0


def pictures_in(path: Path) -> int:
    """How many pictures of an H.264 file decode."""
    with av.open(str(path), format="h264") as container:
        return sum(1 for _ in container.decode(video=0))


@needs_gst
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_gstreamer_plays_a_simulated_camera(tmp_path: Path, transport: str) -> None:
    film = tmp_path / "played.h264"

    async def run() -> None:
        async with server("east", udp=True) as cameras:
            await plays(
                "gst-launch-1.0", "-q", "rtspsrc", f"location={cameras.url('east', with_password=False)}",
                f"user-id={cameras.username}", f"user-pw={cameras.password}", f"protocols={transport}",
                "!", "rtph264depay", "!", "video/x-h264,stream-format=byte-stream,alignment=au",
                "!", "identity", "eos-after=20", "!", "filesink", f"location={film}",
            )  # fmt: skip

    asyncio.run(run())
    assert pictures_in(film) >= 12


@needs_ffmpeg
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_ffmpeg_plays_a_simulated_camera(tmp_path: Path, transport: str) -> None:
    film = tmp_path / "played.h264"

    async def run() -> None:
        async with server("east", udp=True) as cameras:
            await plays(
                "ffmpeg", "-v", "error", "-nostdin", "-rtsp_transport", transport, "-i", cameras.url("east"),
                "-frames:v", "16", "-c", "copy", "-f", "h264", str(film),
            )  # fmt: skip

    asyncio.run(run())
    assert pictures_in(film) >= 12
