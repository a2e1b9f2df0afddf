"""RTCP: what the camera says about its clock, and what we tell it about what arrived."""

from __future__ import annotations

import struct


def sender_report(data: bytes, start: int, stop: int) -> tuple[int, int, int] | None:
    """(source, 64-bit NTP time, RTP stamp) of a compound packet's sender report, if it has one."""
    position = start
    while position + 4 <= stop:
        length = 4 + 4 * (data[position + 2] << 8 | data[position + 3])
        if data[position + 1] == 200 and position + 20 <= stop:
            source, ntp, stamp = struct.unpack_from("!IQI", data, position + 4)
            return source, ntp, stamp
        position += length
    return None


def receiver_report(*, channel: int, ours: int, source: int, highest: int, lost: int) -> bytes:
    """An interleaved receiver report with one block, so that cameras that ask for them keep sending."""
    block = struct.pack("!IIIIII", source, lost & 0xFFFFFF, highest & 0xFFFFFFFF, 0, 0, 0)
    report = struct.pack("!BBHI", 0x81, 201, 7, ours) + block
    return struct.pack("!BBH", 0x24, channel, len(report)) + report
