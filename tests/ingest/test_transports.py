"""How pictures come: as datagrams that are lost and overtake one another, encrypted, or by FFmpeg's reader."""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cameras import CameraTap, Reader
from ingest.patience import Patience
from ingest.rtsp.address import Address, AddressError
from ingest.rtsp.connection import Manner, Transport
from ingest.rtsp.datagrams import Reordering
from ingest.rtsp.failure import CameraError
from ingest.rtsp.foreign import ForeignReader
from ingest.rtsp.picking import Seen
from ingest.rtsp.reports import Receiver, Said, interleaved, read_reports
from ingest.rtsp.session import CameraSession
from ingest.rtsp.transport import agreed
from ingest.rtsp.units import Tally
from ingest.source import BUSY_DRAIN_S, MARKS_S, _to_mark
from model.clock import SystemClock
from model.picture import SourceState
from simulators.rtsp.feed import Fault
from tests.cameras import CALM, CALM_DEADLINES, Watcher, server
from tests.certificates import write_certificate
from tests.old_camera import old_camera
from tests.waiting import eventually

UDP = Manner(transport=Transport.UDP)


@asynccontextmanager
async def watching(
    url: str, *, manner: Manner | None = None, patience: Patience = CALM
) -> AsyncIterator[tuple[Watcher, CameraTap]]:
    watcher = Watcher()
    tap = watcher.tap(url, manner=manner, patience=patience, deadlines=CALM_DEADLINES)
    task = asyncio.create_task(tap.run())
    try:
        yield watcher, tap
    finally:
        task.cancel()


def test_pictures_come_as_datagrams_where_the_site_wants_it() -> None:
    async def run() -> None:
        async with server("east", udp=True) as cameras:
            async with watching(cameras.url("east"), manner=UDP) as (watcher, _):
                await eventually(lambda: len(watcher.pictures) >= 4, within_s=60)
                assert watcher.states == [SourceState.CONNECTING, SourceState.LIVE]
                assert cameras.datagrams is not None
            session = CameraSession(
                Address.parse(cameras.url("east")), clock=SystemClock(), manner=UDP
            )
            await session.open()
            assert session.transport is Transport.UDP
            session.close()

    asyncio.run(run())


def test_a_camera_that_refuses_datagrams_sends_within_its_connection() -> None:
    async def run() -> None:
        async with server("east") as cameras:
            session = CameraSession(
                Address.parse(cameras.url("east")), clock=SystemClock(), manner=UDP
            )
            await session.open()
            assert session.transport is Transport.TCP
            session.close()

    asyncio.run(run())


def test_lost_and_overtaking_datagrams_cost_single_pictures() -> None:
    async def run() -> None:
        async with server("east", udp=True) as cameras:
            cameras.set_fault("east", Fault.LOSSY)
            async with watching(cameras.url("east"), manner=UDP) as (watcher, _):
                await eventually(lambda: len(watcher.pictures) >= 5, within_s=60)
                assert watcher.states == [SourceState.CONNECTING, SourceState.LIVE]

    asyncio.run(run())


def packet(number: int) -> bytes:
    return struct.pack("!BBHII", 0x80, 96, number & 0xFFFF, 0, 1) + b"x"


def number(data: bytes) -> int:
    return data[2] << 8 | data[3]


@given(st.integers(0, 0xFFFF), st.integers(0, 2**32), st.integers(1, 40))
def test_datagrams_that_overtake_one_another_are_put_in_order(
    first: int, seed: int, drained: int
) -> None:
    rng, order = random.Random(seed), Reordering()
    order.take([packet(first)])
    stream = [packet(first + each) for each in range(1, 120)]
    for place in range(1, len(stream), 2):
        if rng.random() < 0.3:
            stream[place - 1], stream[place] = stream[place], stream[place - 1]
    given_back: list[int] = []
    for start in range(0, len(stream), drained):
        given_back += map(number, order.take(stream[start : start + drained]))
    given_back += map(number, order.take([]))
    wanted = [(first + each) & 0xFFFF for each in range(1, 120)]
    in_order = [(each - first) & 0xFFFF for each in given_back]
    assert in_order == sorted(in_order)
    if drained > 1:
        assert given_back == wanted


def test_a_lost_datagram_holds_back_the_rest_for_one_drain_only() -> None:
    order = Reordering()
    assert list(map(number, order.take([packet(1), packet(2), packet(4)]))) == [1, 2]
    assert list(map(number, order.take([packet(5)]))) == [4, 5]
    assert order.take([packet(3)]) == []
    assert order.late == 1
    for each in range(200):
        order.take([packet(40_000 + each)])
    assert list(map(number, order.take([packet(40_200)]))) == [40_200], "it counts anew"


def test_a_receiver_report_tells_what_was_lost_and_when_the_cameras_clock_was_heard() -> None:
    receiver = Receiver(ours=9)
    receiver.heard(Said(source=7, ntp=0x1234_5678_9ABC_DEF0), now_s=10.0)
    report = receiver.report(Tally(packets=75, lost_packets=25, highest=70_000), now_s=10.5)
    version, kind, _, ours, source, lost, highest, jitter, heard, since = struct.unpack_from(
        "!BBHIIIIIII", report
    )
    assert (version, kind, ours, source) == (0x81, 201, 9, 7)
    assert (lost >> 24, lost & 0xFFFFFF, highest, jitter) == (64, 25, 70_000, 0)
    assert (heard, since) == (0x5678_9ABC, 0x8000)
    assert report[33] == 202, "a description follows, as compound packets need one"
    assert len(report) % 4 == 0
    assert interleaved(1, report)[:4] == struct.pack("!BBH", 0x24, 1, len(report))
    again = receiver.report(Tally(packets=175, lost_packets=25, highest=70_100), now_s=11)
    assert again[12] == 0, "none was lost since the last one"


def test_a_goodbye_ends_the_stream() -> None:
    goodbye = struct.pack("!BBHI", 0x81, 203, 1, 7)
    assert read_reports(goodbye, 0, len(goodbye)).goodbye


@pytest.mark.parametrize(
    "text",
    ["", "RTP/AVP/TCP;interleaved=x-y", "interleaved=999-1000", "server_port=-", "source=evil;;=;"],
)
def test_a_transport_answer_that_cannot_be_read_agrees_on_nothing(text: str) -> None:
    terms = agreed(text)
    assert (terms.channels, terms.ports, terms.source) == (None, None, None)


def trusted(folder: Path) -> tuple[ssl.SSLContext, Path]:
    certificate, key = write_certificate(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context, certificate


def test_an_encrypted_camera_is_read_where_its_certificate_is_known(tmp_path: Path) -> None:
    context, certificate = trusted(tmp_path)

    async def run() -> None:
        async with server("east", tls=context) as cameras:
            assert cameras.url("east").startswith("rtsps://")
            known = Manner(certificates=certificate)
            async with watching(cameras.url("east"), manner=known) as (watcher, _):
                await eventually(lambda: len(watcher.pictures) >= 4, within_s=60)
            async with watching(cameras.url("east")) as (watcher, _):
                await eventually(lambda: watcher.state is SourceState.UNTRUSTED, within_s=60)
            gone = Manner(certificates=tmp_path / "gone.pem")
            async with watching(cameras.url("east"), manner=gone) as (watcher, _):
                await eventually(lambda: watcher.state is SourceState.UNTRUSTED, within_s=60)

    asyncio.run(run())


def test_an_encrypted_camera_cannot_send_us_to_an_open_address() -> None:
    there = Address.parse("rtsps://u:p@camera.example/a/b")
    assert there.port == 322
    assert there.redirected("/c").url == "rtsps://camera.example/c"
    assert there.redirected("rtsps://other.example/d").host == "other.example"
    with pytest.raises(AddressError, match="encrypted"):
        there.redirected("rtsp://camera.example/c")


def test_a_camera_that_our_reader_does_not_know_is_read_by_ffmpegs_which_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def run() -> None:
        patience = Patience(first_s=0.05, cap_s=0.2)
        async with old_camera() as url, watching(url, patience=patience) as (watcher, tap):
            await eventually(lambda: len(watcher.pictures) >= 2, within_s=60)
            assert watcher.states[:3] == [
                SourceState.CONNECTING,
                SourceState.UNSUPPORTED_CODEC,
                SourceState.LIVE,
            ]
            assert (tap.reader, tap.foreign) == (Reader.FFMPEG, True)
            assert watcher.pictures[-1].pixels.shape == (180, 320, 3)
            assert watcher.pictures[-1].pixels.mean() == pytest.approx(120, abs=15)

    with caplog.at_level(logging.INFO, "ingest.cameras"):
        asyncio.run(run())
    said = [record.message for record in caplog.records if "FFmpeg's reader" in record.message]
    assert len(said) == 1


def test_ffmpegs_reader_reads_a_camera_that_names_itself_in_another_coding() -> None:
    async def run() -> None:
        patience = Patience(first_s=0.05, cap_s=0.2)
        name = "银锭桥".encode("gbk")
        async with old_camera(name=name) as url, watching(url, patience=patience) as (watcher, _):
            await eventually(lambda: watcher.pictures, within_s=60)

    asyncio.run(run())


def test_an_oddity_within_ffmpegs_reader_ends_it_by_name() -> None:
    async def run() -> None:
        ended: asyncio.Queue[CameraError] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def stumble(_: Seen) -> None:
            raise ValueError("a picture of a kind that nobody thought of")

        async with old_camera() as url:
            ForeignReader(
                Address.parse(url), Manner(), every_s=1.0, max_width=640, silent_s=30, clock=SystemClock(),
                on_seen=stumble, on_end=lambda failure: loop.call_soon_threadsafe(ended.put_nowait, failure),
            ).start()  # fmt: skip
            async with asyncio.timeout(60):
                assert (await ended.get()).state is SourceState.GARBLED

    asyncio.run(run())


def test_where_neither_reader_helps_ours_goes_on_trying() -> None:
    async def nonsense(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(random.Random(1).randbytes(5000))
        writer.close()

    async def run() -> None:
        listening = await asyncio.start_server(nonsense, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        patience = Patience(first_s=0.02, cap_s=0.05, garbled_most=2)
        async with watching(f"rtsp://127.0.0.1:{port}/x", patience=patience) as (watcher, tap):
            seen: set[Reader] = set()

            def both_again() -> bool:
                seen.add(tap.reader)
                return seen == {Reader.OWN, Reader.FFMPEG} and tap.tallies.failures > 5

            await eventually(both_again, within_s=60)
            assert SourceState.LIVE not in watcher.states
        listening.close()

    asyncio.run(run())


def test_a_socket_whose_buffer_is_small_is_emptied_as_often_as_its_pause_says() -> None:
    """Who wakes at a mark wakes a little after it; a pause longer by half would lose datagrams."""
    woke_s = 250 * MARKS_S + 0.003
    for _ in range(50):
        next_s = _to_mark(woke_s + BUSY_DRAIN_S) + 0.003
        assert next_s - woke_s == pytest.approx(BUSY_DRAIN_S, abs=0.001)
        woke_s = next_s
