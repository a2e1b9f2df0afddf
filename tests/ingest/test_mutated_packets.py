"""A hundred thousand mutated packets, headers and descriptions: no crash, no hang, no growing memory."""

from __future__ import annotations

import random
import struct
import tracemalloc
from collections.abc import Iterator

import pytest

from ingest.rtsp.address import Address
from ingest.rtsp.datagrams import Reordering
from ingest.rtsp.failure import CameraError
from ingest.rtsp.reports import Receiver, interleaved, read_reports
from ingest.rtsp.sdp import video_stream
from ingest.rtsp.session import CameraSession
from ingest.rtsp.stamps import PictureTime
from ingest.rtsp.transport import agreed
from ingest.rtsp.units import HEADER_BYTES, MAX_PICTURE_BYTES, CodedPicture, PictureGatherer
from model.clock import SystemClock
from model.picture import SourceState
from simulators.rtsp.packets import frame_packets
from tests.cameras import clip

PACKETS = 100_000
MESSAGES = 6_000
GROWTH_BYTES_MOST = 3_000_000
SDP = (
    b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\n"
    b"a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z2QAFqzZQKAv+WEAAAMAAQAAAwAyDxYtlg==,aOvjyyLA\r\n"
    b"a=control:video\r\n"
)
ANSWER = (
    b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: 12;timeout=60\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
    b"Content-Base: rtsp://127.0.0.1/x/\r\nContent-Length: %d\r\n\r\n" % len(SDP)
) + SDP
REPORT = struct.pack("!BBHIQIII", 0x80, 200, 6, 7, 0xE1234567_00000000, 900, 1, 1)


def h264() -> list[bytes]:
    found: list[bytes] = []
    for number, parts in enumerate(clip().parts):
        found += frame_packets(parts, sequence=len(found), stamp=number * 9000, source=7)
    return found


def h265() -> list[bytes]:
    """Aggregates, fragments and single units as H.265 has them."""
    sets = b"".join(
        struct.pack("!H", 40) + bytes([kind << 1, 1]) + b"s" * 38 for kind in (32, 33, 34)
    )
    payloads = [bytes([48 << 1, 1]) + sets]
    for kind in (19, 1, 1):
        payloads += [bytes([49 << 1, 1, kind | flag]) + b"p" * 900 for flag in (0x80, 0, 0x40)]
        payloads.append(bytes([kind << 1, 1]) + b"q" * 300)
    return [
        struct.pack("!BBHII", 0x80, 96 | (number % 4 == 3) << 7, number, number // 4, 7) + payload
        for number, payload in enumerate(payloads)
    ]


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Bytes changed, cut out, doubled or cut off."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        if not changed:
            break
        place = rng.randrange(min(len(changed), 24) if rng.random() < 0.6 else len(changed))
        kind = rng.randrange(4)
        if kind == 0:
            changed[place] = rng.randrange(256)
        elif kind == 1:
            changed[place] ^= 1 << rng.randrange(8)
        elif kind == 2:
            del changed[place : place + rng.randrange(1, 40)]
        else:
            changed[place:place] = changed[place : place + rng.randrange(1, 40)]
    return bytes(changed)


def stream(packets: list[bytes], rng: random.Random, count: int) -> Iterator[bytes]:
    """A stream played again and again until so many of its packets were mutated: runs of them and of whole ones."""
    number = done = 0
    while done < count:
        spoilt = rng.random() < 0.8
        for _ in range(rng.randrange(1, 60)):
            packet = bytearray(packets[number % len(packets)])
            packet[2:4] = struct.pack("!H", number & 0xFFFF)
            packet[4:8] = struct.pack("!I", number // 4 * 3600 & 0xFFFFFFFF)
            number += 1
            done += spoilt
            yield mutated(bytes(packet), rng) if spoilt else bytes(packet)


@pytest.mark.parametrize(("codec", "packets"), [("h264", h264()), ("hevc", h265())])
@pytest.mark.parametrize("after_key", [0, 2])
def test_packets_passed_over_in_rows_are_those_passed_over_one_by_one(
    codec: str, packets: list[bytes], after_key: int
) -> None:
    rng = random.Random(f"{codec} {after_key}")
    session = CameraSession(Address.parse("rtsp://h/x"), clock=SystemClock())
    one_by_one = PictureGatherer(codec)
    session.gatherer = in_rows = PictureGatherer(codec)
    one_by_one.after_key = in_rows.after_key = after_key
    coded, expected, found = bytearray(), list[CodedPicture](), list[CodedPicture]()
    for packet in stream(packets, rng, 6_000):
        coded += interleaved(0, packet)
        picture = one_by_one.packet(packet, 0, len(packet))
        expected += [] if picture is None else [picture]
    while coded:
        size = rng.choice((1, 7, 300, 5_000, 60_000))
        found += session._take(bytes(coded[:size]))
        del coded[:size]
    assert len(expected) >= 10
    assert found == expected
    assert in_rows.tally == one_by_one.tally


@pytest.mark.slow
@pytest.mark.parametrize(("codec", "packets"), [("h264", h264()), ("hevc", h265())])
@pytest.mark.parametrize("every_picture", [False, True])
def test_mutated_packets_give_pictures_or_nothing_and_leave_nothing_behind(
    codec: str, packets: list[bytes], every_picture: bool
) -> None:
    rng = random.Random(f"{codec} {every_picture}")
    gatherer = PictureGatherer(codec, every_picture=every_picture)
    gatherer.after_key = 3
    order, pictures = Reordering(), 0
    tracemalloc.start()
    before = 0
    for number, packet in enumerate(stream(packets, rng, PACKETS // 4)):
        if number == PACKETS // 8:
            before = tracemalloc.get_traced_memory()[0]
        given = order.take([packet]) if number < PACKETS // 8 else [packet]
        for one in given:
            picture = gatherer.packet(one, 0, len(one))
            if picture is not None:
                pictures += 1
                assert isinstance(picture, CodedPicture)
                assert len(picture.data) < MAX_PICTURE_BYTES
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < GROWTH_BYTES_MOST
    assert pictures > 50
    tally = gatherer.tally
    assert tally.bad_packets > 0
    assert tally.broken_pictures > 0


def test_a_session_takes_mutated_messages_and_packets_or_calls_them_garbled() -> None:
    rng, packets = random.Random(5), h264()
    refused = taken = 0
    tracemalloc.start()
    before = 0
    for number in range(MESSAGES):
        if number == MESSAGES // 2:
            before = tracemalloc.get_traced_memory()[0]
        session = CameraSession(Address.parse("rtsp://127.0.0.1/x"), clock=SystemClock())
        session.gatherer, session.times = PictureGatherer("h264"), PictureTime(90_000)
        whole = b"".join(
            interleaved(rng.randrange(3), rng.choice(packets))
            if rng.random() < 0.7
            else rng.choice((ANSWER, interleaved(1, REPORT)))
            for _ in range(6)
        )
        data = mutated(whole, rng)
        cuts = sorted(rng.sample(range(1, len(data)), 2))
        try:
            for start, stop in zip([0, *cuts], [*cuts, len(data)], strict=True):
                session._take(data[start:stop])
        except CameraError as error:
            assert error.state in {SourceState.GARBLED, SourceState.UNREACHABLE}
            refused += 1
        else:
            taken += 1
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < GROWTH_BYTES_MOST
    assert min(refused, taken) > MESSAGES // 20


def test_mutated_descriptions_answers_and_reports_are_read_or_refused_by_name() -> None:
    rng = random.Random(6)
    receiver, times = Receiver(1), PictureTime(90_000)
    named = {SourceState.NO_VIDEO, SourceState.UNSUPPORTED_CODEC}
    for _ in range(MESSAGES):
        try:
            found, _ = video_stream(
                mutated(SDP, rng).decode("utf-8", "replace"), base_url="rtsp://h/x"
            )
        except CameraError as error:
            assert error.state in named
        else:
            gatherer = PictureGatherer(found.codec, parameter_sets=found.parameter_sets)
            gatherer.packet(b"\x80\x60\0\1" + bytes(HEADER_BYTES), 0, 4 + HEADER_BYTES)
        agreed(mutated(b"RTP/AVP;unicast;client_port=5-6;server_port=7-8", rng).decode("latin-1"))
        report = mutated(REPORT, rng)
        said = read_reports(report, 0, len(report))
        receiver.heard(said, 1.0)
        if said.ntp is not None:
            times.report(said.ntp, said.stamp, SystemClock().now())
