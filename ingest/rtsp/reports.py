"""RTCP: what the camera says about its clock, and what we tell it about what arrived."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ingest.rtsp.units import Tally

SENDER, RECEIVER, DESCRIPTION, GOODBYE = 200, 201, 202, 203
CNAME = b"yinding"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a camera's compound packet says: its source, its clock at a stamp, or that it ends."""

    source: int = 0
    ntp: int | None = None
    stamp: int = 0
    goodbye: bool = False


def read_reports(data: bytes, start: int, stop: int) -> Said:
    """A compound packet's first sender report, and whether it says goodbye."""
    position = start
    source, ntp, stamp, goodbye = 0, None, 0, False
    while position + 4 <= stop:
        length = 4 + 4 * (data[position + 2] << 8 | data[position + 3])
        if data[position + 1] == SENDER and position + 20 <= stop and ntp is None:
            source, ntp, stamp = struct.unpack_from("!IQI", data, position + 4)
        goodbye = goodbye or data[position + 1] == GOODBYE
        position += length
    return Said(source=source, ntp=ntp, stamp=stamp, goodbye=goodbye)


def interleaved(channel: int, packet: bytes) -> bytes:
    """A packet as it goes within the RTSP connection."""
    return struct.pack("!BBH", 0x24, channel, len(packet)) + packet


class Receiver:
    """Our side of a stream's reports, so that cameras that ask for them keep sending.

    Jitter is told as none: the socket is emptied a few times a second, and when a packet came in
    between is not known.
    """

    def __init__(self, ours: int) -> None:
        self._ours = ours
        self._source = 0
        self._middle_ntp, self._heard_s = 0, 0.0
        self._before = (0, 0)

    def heard(self, said: Said, now_s: float) -> None:
        """Take in a sender report."""
        if said.ntp is not None:
            self._source = said.source
            self._middle_ntp, self._heard_s = said.ntp >> 16 & 0xFFFFFFFF, now_s

    def report(self, tally: Tally, now_s: float) -> bytes:
        """A compound packet: what came since the last one and altogether, and who says so."""
        came, lost = tally.packets - self._before[0], tally.lost_packets - self._before[1]
        self._before = (tally.packets, tally.lost_packets)
        share = min(255, 256 * lost // (came + lost)) if came + lost > 0 else 0
        since = int((now_s - self._heard_s) * 65_536) if self._middle_ntp else 0
        block = struct.pack(
            "!IIIIII", self._source, share << 24 | min(tally.lost_packets, 0x7FFFFF), tally.highest & 0xFFFFFFFF, 0,
            self._middle_ntp, min(since, 0xFFFFFFFF),
        )  # fmt: skip
        report = struct.pack("!BBHI", 0x81, RECEIVER, 7, self._ours) + block
        text = struct.pack("!BB", 1, len(CNAME)) + CNAME
        text += bytes(4 - len(text) % 4)
        return (
            report + struct.pack("!BBHI", 0x81, DESCRIPTION, 1 + len(text) // 4, self._ours) + text
        )
