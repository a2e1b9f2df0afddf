"""The boxes of a fragmented MP4 (ISO/IEC 14496-12 and -15) with one H.264 track.

Written by hand because a fragment per drain of the socket is all there is to it: a muxing library
wants a file of its own, an open codec, and a copy of each picture.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

TRACK = 1
_UNITY = struct.pack("!9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_BASE_IS_MOOF = 0x020000
_TRUN_FLAGS = 0x000001 | 0x000100 | 0x000200 | 0x000400 | 0x000800
_KEY_SAMPLE, _OTHER_SAMPLE = 0x02000000, 0x01010000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One coded picture, its units each behind four bytes of length; times in the track's ticks.

    `decode_at` only grows; `shown_after` (may be negative) leads from there to when it is shown.
    """

    data: bytes
    decode_at: int
    shown_after: int
    lasts: int
    key: bool


def box(name: bytes, *parts: bytes) -> bytes:
    """One box: its size, its name, its content."""
    size = 8 + sum(len(part) for part in parts)
    return b"".join((struct.pack("!I", size), name, *parts))


def full_box(name: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A box with version and flags."""
    return box(name, struct.pack("!I", version << 24 | flags), *parts)


def beginning(
    *, sps: Sequence[bytes], pps: Sequence[bytes], width: int, height: int, ticks_per_s: int
) -> bytes:
    """What every player needs first: one track, its size and its parameter sets, no pictures."""
    kinds = box(b"ftyp", b"iso5", struct.pack("!I", 512), b"iso5iso6mp41")
    movie = full_box(
        b"mvhd",
        0,
        0,
        struct.pack("!4I", 0, 0, ticks_per_s, 0),
        struct.pack("!IHHII", 0x10000, 0x0100, 0, 0, 0),
        _UNITY,
        bytes(24),
        struct.pack("!I", TRACK + 1),
    )
    extends = full_box(b"trex", 0, 0, struct.pack("!5I", TRACK, 1, 0, 0, 0))
    track = _track(_entry(sps, pps, width, height), width, height, ticks_per_s)
    return kinds + box(b"moov", movie, track, box(b"mvex", extends))


def _track(entry: bytes, width: int, height: int, ticks_per_s: int) -> bytes:
    header = full_box(
        b"tkhd",
        0,
        3,
        struct.pack("!5I", 0, 0, TRACK, 0, 0),
        bytes(16),
        _UNITY,
        struct.pack("!II", width << 16, height << 16),
    )
    tables = box(
        b"stbl",
        full_box(b"stsd", 0, 0, struct.pack("!I", 1), entry),
        full_box(b"stts", 0, 0, bytes(4)),
        full_box(b"stsc", 0, 0, bytes(4)),
        full_box(b"stsz", 0, 0, bytes(8)),
        full_box(b"stco", 0, 0, bytes(4)),
    )
    here = box(b"dinf", full_box(b"dref", 0, 0, struct.pack("!I", 1), full_box(b"url ", 0, 1)))
    undetermined = 0x55C4
    media = box(
        b"mdia",
        full_box(b"mdhd", 0, 0, struct.pack("!4IHH", 0, 0, ticks_per_s, 0, undetermined, 0)),
        full_box(b"hdlr", 0, 0, bytes(4), b"vide", bytes(12), b"camera\x00"),
        box(b"minf", full_box(b"vmhd", 0, 1, bytes(8)), here, tables),
    )
    return box(b"trak", header, media)


def _entry(sps: Sequence[bytes], pps: Sequence[bytes], width: int, height: int) -> bytes:
    """The sample entry `avc1` with its decoder configuration; lengths of units have four bytes."""
    sets = [
        bytes([1]) + sps[0][1:4] + bytes([0xFF, 0xE0 | len(sps)]),
        *(struct.pack("!H", len(unit)) + unit for unit in sps),
        bytes([len(pps)]),
        *(struct.pack("!H", len(unit)) + unit for unit in pps),
    ]
    return box(
        b"avc1",
        struct.pack("!6xH16xHHIIIH32sHh", 1, width, height, 0x480000, 0x480000, 0, 1, b"", 24, -1),
        box(b"avcC", *sets),
    )


def fragment(serial: int, samples: Sequence[Sample]) -> bytes:
    """Some pictures in their order of decoding, playable after all fragments before it."""
    runs = b"".join(
        struct.pack(
            "!IIIi",
            each.lasts,
            len(each.data),
            _KEY_SAMPLE if each.key else _OTHER_SAMPLE,
            each.shown_after,
        )
        for each in samples
    )
    # moof: 8, mfhd: 16, traf: 8, tfhd: 16, tfdt: 20, trun: 20 and 16 a sample; then mdat's own 8.
    head = 8 + 16 + 8 + 16 + 20 + 20 + len(runs)
    whole = box(
        b"moof",
        full_box(b"mfhd", 0, 0, struct.pack("!I", serial)),
        box(
            b"traf",
            full_box(b"tfhd", 0, _BASE_IS_MOOF, struct.pack("!I", TRACK)),
            full_box(b"tfdt", 1, 0, struct.pack("!Q", samples[0].decode_at)),
            full_box(b"trun", 1, _TRUN_FLAGS, struct.pack("!Ii", len(samples), head + 8), runs),
        ),
    )
    return whole + box(b"mdat", *(each.data for each in samples))
