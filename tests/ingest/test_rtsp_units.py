"""Packets to pictures, messages and descriptions: right ones exactly, wrong ones without harm."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.rtsp.address import Address
from ingest.rtsp.decode import PictureDecoder
from ingest.rtsp.failure import CameraError
from ingest.rtsp.login import Login
from ingest.rtsp.message import read_message
from ingest.rtsp.sdp import video_stream
from ingest.rtsp.session import CameraSession
from ingest.rtsp.stamps import UNIX_TO_NTP_S, PictureTime
from ingest.rtsp.units import START_CODE, CodedPicture, PictureGatherer
from model.clock import SystemClock
from model.picture import SourceState
from simulators.rtsp.packets import frame_packets, payloads
from simulators.rtsp.password import Gate
from tests.cameras import GOP, clip, loop_of

NOW = datetime(2026, 10, 1, 19, 0, tzinfo=UTC)


def packets(*, first_sequence: int = 65_530) -> list[bytes]:
    """The RTP packets of a whole clip, sequence numbers and stamps running over their ends."""
    found: list[bytes] = []
    sequence = first_sequence
    for number, parts in enumerate(clip().parts):
        stamp = (2**32 - 9000 + number * 9000) % 2**32
        found += frame_packets(parts, sequence=sequence, stamp=stamp, source=7)
        sequence = (sequence + len(parts)) & 0xFFFF
    return found


def gather(gatherer: PictureGatherer, stream: list[bytes]) -> list[CodedPicture]:
    taken = [gatherer.packet(packet, 0, len(packet)) for packet in stream]
    return [picture for picture in taken if picture is not None]


def test_only_key_pictures_are_gathered_and_they_decode() -> None:
    gatherer = PictureGatherer("h264")
    pictures = gather(gatherer, packets())
    assert [picture.key for picture in pictures] == [True, True]
    wanted = b"".join(START_CODE + nal for nal in loop_of().units[0])
    assert pictures[0].data == wanted
    pixels = PictureDecoder("h264").key_picture(pictures[1].data, max_width=640)
    assert pixels is not None
    assert pixels.shape == (180, 320, 3)
    assert pixels.mean() == pytest.approx(120, abs=12)


def test_every_picture_is_gathered_when_asked_for() -> None:
    pictures = gather(PictureGatherer("h264", every_picture=True), packets())
    assert len(pictures) == 2 * GOP
    assert len({picture.stamp for picture in pictures}) == 2 * GOP


def test_a_picture_with_a_lost_packet_is_left_out_and_the_next_one_is_whole() -> None:
    stream = packets()
    del stream[3]
    gatherer = PictureGatherer("h264")
    pictures = gather(gatherer, stream)
    assert len(pictures) == 1
    assert (gatherer.tally.lost_packets, gatherer.tally.broken_pictures) == (1, 1)


def test_parameter_sets_from_the_description_stand_in_for_missing_ones() -> None:
    loop = loop_of()
    stream = frame_packets(payloads([loop.units[0][2]]), sequence=1, stamp=5, source=1)
    (picture,) = gather(PictureGatherer("h264", parameter_sets=(loop.sps, loop.pps)), stream)
    assert PictureDecoder("h264").key_picture(picture.data, max_width=160) is not None


def test_padding_extension_and_sources_are_passed_over() -> None:
    plain = bytes([0x65]) + b"abc"
    head = struct.pack("!BBHII", 0x80 | 0x20 | 0x10 | 2, 0x80 | 96, 1, 5, 1)
    packet = head + b"\0" * 8 + b"\xbe\xde\0\1abcd" + plain + b"\0\0\3"
    picture = PictureGatherer("h264").packet(packet, 0, len(packet))
    assert picture is not None
    assert picture.data == START_CODE + plain


def test_h265_fragments_and_aggregates_are_put_together() -> None:
    sets = [bytes([kind << 1, 1]) + b"ps" for kind in (32, 33, 34)]
    aggregate = bytes([48 << 1, 1]) + b"".join(struct.pack("!H", len(each)) + each for each in sets)
    begin = bytes([49 << 1, 1, 0x80 | 19]) + b"one"
    end = bytes([49 << 1, 1, 0x40 | 19]) + b"two"
    gatherer = PictureGatherer("hevc")
    stream = [
        struct.pack("!BBHII", 0x80, 96 | (0x80 if number == 2 else 0), number, 9, 1) + part
        for number, part in enumerate([aggregate, begin, end])
    ]
    (picture,) = gather(gatherer, stream)
    assert (
        picture.data
        == b"".join(START_CODE + each for each in sets)
        + START_CODE
        + bytes([19 << 1, 1])
        + b"onetwo"
    )


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.binary(max_size=60), max_size=30), st.sampled_from(["h264", "hevc"]), st.booleans()
)
def test_random_packets_do_no_harm(stream: list[bytes], codec: str, every: bool) -> None:
    gatherer = PictureGatherer(codec, every_picture=every)
    gather(gatherer, stream)
    assert gatherer.tally.packets == len(stream)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_packets_do_no_harm_to_gathering_or_decoding(data: st.DataObject) -> None:
    stream = [bytearray(packet) for packet in packets()]
    for _ in range(data.draw(st.integers(1, 8))):
        packet = data.draw(st.sampled_from(stream))
        packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(st.integers(0, 255))
    decoder = PictureDecoder("h264")
    for picture in gather(PictureGatherer("h264"), [bytes(packet) for packet in stream]):
        pixels = decoder.key_picture(picture.data, max_width=320)
        assert pixels is None or pixels.ndim == 3


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.binary(max_size=200) | st.just(b"RTSP/1.0 200 OK\r\n\r\n") | st.just(b"$\0\0\2ab"),
        max_size=20,
    )
)
def test_a_session_takes_any_bytes_and_at_worst_calls_them_garbled(chunks: list[bytes]) -> None:
    session = CameraSession(Address.parse("rtsp://127.0.0.1/x"), clock=SystemClock())
    try:
        for chunk in chunks:
            if chunk:
                session._take(chunk)
    except CameraError as error:
        assert error.state is SourceState.GARBLED


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_message_is_read_or_refused(data: bytes) -> None:
    try:
        message, after = read_message(data, 0)
    except CameraError as error:
        assert error.state is SourceState.GARBLED
    else:
        assert (message is None) == (after == 0)


SDP_LINES = st.sampled_from(
    ["v=0", "m=video 0 RTP/AVP 96", "m=video x y z", "m=audio 0 RTP/AVP 0", "a=control:*", "a=control:track1",
     "a=control:rtsp://[bad/x", "a=rtpmap:96 H264/90000", "a=rtpmap:96 H265/x", "a=fmtp:96 sprop-parameter-sets=Z0,%%"]
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(SDP_LINES | st.text(max_size=40), max_size=25))
def test_any_description_gives_a_video_or_a_named_failure(lines: list[str]) -> None:
    try:
        stream, _ = video_stream("\r\n".join(lines), base_url="rtsp://127.0.0.1/x")
    except CameraError as error:
        assert error.state in {SourceState.NO_VIDEO, SourceState.UNSUPPORTED_CODEC}
    else:
        assert stream.clock_hz > 0


@pytest.mark.parametrize(
    ("control", "wanted"),
    [
        ("trackID=1", "rtsp://h/cam?channel=1&subtype=1/trackID=1"),
        ("rtsp://h/else", "rtsp://h/else"),
        ("*", "rtsp://h/cam?channel=1&subtype=1"),
        ("/abs", "rtsp://h/abs"),
    ],
)
def test_a_stream_is_found_below_an_address_with_a_query(control: str, wanted: str) -> None:
    text = f"v=0\nm=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=control:{control}\n"
    stream, _ = video_stream(text, base_url="rtsp://h/cam?channel=1&subtype=1")
    assert stream.control == wanted


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
def test_our_digest_is_the_one_that_the_camera_expects(algorithm: str) -> None:
    gate = Gate(username="viewer", password="pä:ss")
    offered = [each for each in gate.challenges() if f"algorithm={algorithm}" in each]
    right, wrong = Login("viewer", "pä:ss"), Login("viewer", "guess")
    assert right.challenged(offered)
    assert wrong.challenged(offered)
    assert gate.admits("PLAY", right.authorization("PLAY", "rtsp://h/x"))
    assert not gate.admits("PLAY", wrong.authorization("PLAY", "rtsp://h/x"))
    assert not gate.admits("SETUP", right.authorization("PLAY", "rtsp://h/x"))


def test_the_digest_of_the_standards_example() -> None:
    login = Login("Mufasa", "Circle Of Life")
    assert login.challenged(
        ['Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"']
    )
    said = login.authorization("GET", "/dir/index.html")
    assert said is not None
    assert 'response="670fd8c2df070c60b045671b8b24ff02"' in said


def test_basic_is_used_only_where_no_digest_is_offered() -> None:
    login = Login("u", "p")
    assert login.challenged(['Basic realm="x"', 'Digest realm="x", nonce="n"'])
    assert str(login.authorization("PLAY", "rtsp://h")).startswith("Digest")
    assert login.challenged(['Basic realm="x"'])
    assert login.authorization("PLAY", "rtsp://h") == "Basic dTpw"
    assert not Login("", "").challenged(['Basic realm="x"'])


def ntp(at: datetime) -> int:
    seconds = at.timestamp() + UNIX_TO_NTP_S
    return int(seconds * (1 << 32))


def test_a_picture_is_stamped_by_the_cameras_report_across_the_wrap_of_its_stamps() -> None:
    times = PictureTime(90_000)
    times.report(ntp(NOW), 2**32 - 45_000, NOW)
    at = times.taken_at(45_000, now=NOW + timedelta(seconds=3), monotonic_s=50.0)
    assert at.timestamp() == pytest.approx((NOW + timedelta(seconds=1)).timestamp(), abs=0.001)


def test_a_camera_whose_clock_is_an_hour_off_is_stamped_by_arrival() -> None:
    times = PictureTime(90_000)
    times.report(ntp(NOW - timedelta(hours=1)), 0, NOW)
    assert times.clock_off_s == pytest.approx(-3600, abs=1)
    assert times.taken_at(0, now=NOW, monotonic_s=10.0) == NOW
    late = times.taken_at(90_000, now=NOW + timedelta(seconds=4), monotonic_s=14.0)
    assert late.timestamp() == pytest.approx((NOW + timedelta(seconds=1)).timestamp(), abs=0.01)


@pytest.mark.parametrize("beside_s", [-40, 40, 4000])
def test_reports_whose_stamps_are_not_those_of_the_pictures_are_not_believed(beside_s: int) -> None:
    """Here they arrive later and later, so that neither report nor picture hides how late."""
    times = PictureTime(90_000)
    for second in range(0, 20, 2):
        now = NOW + timedelta(seconds=1.25 * second)
        times.report(ntp(now), (second + 4000 + beside_s) * 90_000, now)
        at = times.taken_at((second + 4000) * 90_000, now=now, monotonic_s=1.25 * second)
        assert (now - at).total_seconds() == pytest.approx(0.25 * second, abs=0.1)


def test_a_leap_of_the_stamps_starts_afresh() -> None:
    times = PictureTime(90_000)
    times.taken_at(0, now=NOW, monotonic_s=10.0)
    after = NOW + timedelta(seconds=1)
    assert times.taken_at(2_000_000_000, now=after, monotonic_s=11.0) == after
