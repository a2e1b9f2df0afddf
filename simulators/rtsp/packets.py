"""Cuts access units into RTP payloads (RFC 6184, packetisation mode 1) and writes RTCP reports."""

from __future__ import annotations

import struct
from datetime import datetime

PAYLOAD_BYTES = 1400
PAYLOAD_TYPE = 96
CLOCK_HZ = 90_000
FRAGMENT, AGGREGATE = 28, 24
UNIX_TO_NTP_S = 2_208_988_800


def payloads(unit: list[bytes], *, limit: int = PAYLOAD_BYTES) -> list[bytes]:
    """RTP payloads of one access unit: parameter sets aggregated, large units fragmented."""
    small = [nal for nal in unit if nal[0] & 0x1F in {7, 8}]
    parts: list[bytes] = []
    if len(small) > 1 and sum(len(nal) + 2 for nal in small) < limit:
        body = b"".join(struct.pack("!H", len(nal)) + nal for nal in small)
        parts.append(bytes([max(nal[0] & 0x60 for nal in small) | AGGREGATE]) + body)
        unit = [nal for nal in unit if nal not in small]
    for nal in unit:
        if len(nal) <= limit:
            parts.append(nal)
            continue
        room = limit - 2
        indicator, kind = nal[0] & 0x60 | FRAGMENT, nal[0] & 0x1F
        for start in range(1, len(nal), room):
            first, last = start == 1, start + room >= len(nal)
            parts.append(
                bytes([indicator, kind | first << 7 | last << 6]) + nal[start : start + room]
            )
    return parts


def frame_packets(parts: list[bytes], *, sequence: int, stamp: int, source: int) -> list[bytes]:
    """RTP packets of one picture, the marker set on its last."""
    last = len(parts) - 1
    return [
        struct.pack(
            "!BBHII",
            0x80,
            PAYLOAD_TYPE | (0x80 if index == last else 0),
            (sequence + index) & 0xFFFF,
            stamp & 0xFFFFFFFF,
            source,
        )
        + part
        for index, part in enumerate(parts)
    ]


def interleaved(packets: list[bytes], *, channel: int) -> bytes:
    """Packets as they go within the RTSP connection."""
    pieces: list[bytes] = []
    for packet in packets:
        pieces += (struct.pack("!BBH", 0x24, channel, len(packet)), packet)
    return b"".join(pieces)


def sender_report(*, source: int, at: datetime, stamp: int, packets: int, octets: int) -> bytes:
    """An RTCP sender report: this RTP stamp was taken at that time."""
    seconds = at.timestamp() + UNIX_TO_NTP_S
    whole = int(seconds)
    fraction = int((seconds - whole) * (1 << 32))
    return struct.pack(
        "!BBHIIIIII", 0x80, 200, 6, source, whole & 0xFFFFFFFF, fraction & 0xFFFFFFFF, stamp & 0xFFFFFFFF,
        packets & 0xFFFFFFFF, octets & 0xFFFFFFFF,
    )  # fmt: skip
