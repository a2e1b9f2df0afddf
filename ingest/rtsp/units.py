"""Gathers coded pictures from RTP packets: H.264 (RFC 6184) and H.265 (RFC 7798).

Only key pictures are put together unless asked for all; other packets are passed over after a look
at their first bytes, which is what makes a camera cheap.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from dataclasses import dataclass

START_CODE = b"\x00\x00\x00\x01"
MAX_PICTURE_BYTES = 8_000_000
HEADER_BYTES = 12
MAX_SETS = 16
TAKE, PASS_OVER, LOOK_INTO = range(3)
MARK = 0x2400
LOOKED_AT = {1: struct.Struct("!HHBxH8xBB"), 2: struct.Struct("!HHBxH8xBxB")}
"""Of a packet within a connection, by the size of a unit's header: mark and channel, size; version,
number, the payload's first byte and a fragment's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodedPicture:
    """One picture as it came: Annex B bytes with parameter sets, RTP time stamp, whether it is key."""

    data: bytes
    stamp: int
    key: bool


@dataclass(slots=True)
class Tally:
    """What came and what could not be used; `highest` is the last packet's number without its wraps."""

    packets: int = 0
    highest: int = 0
    lost_packets: int = 0
    bad_packets: int = 0
    broken_pictures: int = 0
    pictures: int = 0


class _Coding(ABC):
    """How one coding lays its units into packets."""

    header_bytes: int
    fragment: int
    aggregate: int

    def __init__(self) -> None:
        """Tables by a payload's first byte, and by a fragment's own: whether it is passed over."""
        kinds = [self.kind(first) for first in range(256)]
        self.passed = bytes(self._passed(kind) for kind in kinds)
        mask = 0x1F if self.header_bytes == 1 else 0x3F
        self.passed_fragment = bytes(self._passed(flags & mask) for flags in range(256))

    def _passed(self, kind: int) -> int:
        if kind == self.fragment:
            return LOOK_INTO
        return PASS_OVER if self.is_slice(kind) and not self.is_key(kind) else TAKE

    @abstractmethod
    def kind(self, first: int) -> int: ...

    @abstractmethod
    def is_key(self, kind: int) -> bool: ...

    @abstractmethod
    def is_set(self, kind: int) -> bool: ...

    @abstractmethod
    def is_slice(self, kind: int) -> bool: ...

    @abstractmethod
    def fragment_header(self, payload: bytes, kind: int) -> bytes: ...


class _H264(_Coding):
    header_bytes, fragment, aggregate = 1, 28, 24

    def kind(self, first: int) -> int:
        return first & 0x1F

    def is_key(self, kind: int) -> bool:
        return kind == 5

    def is_set(self, kind: int) -> bool:
        return kind in {7, 8}

    def is_slice(self, kind: int) -> bool:
        return 1 <= kind <= 5

    def fragment_header(self, payload: bytes, kind: int) -> bytes:
        return bytes([payload[0] & 0xE0 | kind])


class _H265(_Coding):
    header_bytes, fragment, aggregate = 2, 49, 48

    def kind(self, first: int) -> int:
        return first >> 1 & 0x3F

    def is_key(self, kind: int) -> bool:
        return 16 <= kind <= 21

    def is_set(self, kind: int) -> bool:
        return kind in {32, 33, 34}

    def is_slice(self, kind: int) -> bool:
        return kind < 32

    def fragment_header(self, payload: bytes, kind: int) -> bytes:
        return bytes([payload[0] & 0x81 | kind << 1, payload[1]])


_CODINGS: dict[str, type[_Coding]] = {"h264": _H264, "hevc": _H265}


class PictureGatherer:
    """Takes the RTP packets of one stream in order, gives whole pictures.

    Key pictures, or all with `every_picture`; with `after_key`, so many after each key picture too,
    as long as none of them is broken.
    """

    def __init__(
        self, codec: str, *, parameter_sets: tuple[bytes, ...] = (), every_picture: bool = False
    ) -> None:
        self.coding = _CODINGS[codec]()
        self.every_picture = every_picture
        self.after_key = 0
        self._after_left = 0
        self.tally = Tally()
        self._sets: dict[int, list[bytes]] = {}
        self._sets_stamp: dict[int, int] = {}
        self._sets_said = False
        self._parts: list[bytes] = []
        self._size = 0
        self._stamp = -1
        self._key = self._broken = self._in_fragment = self._slices = False
        self._sequence = -1
        for unit in parameter_sets:
            self._keep_set(unit)

    def _keep_set(self, unit: bytes) -> None:
        """Keep a parameter set; those of one picture stand together, those of a later one replace them."""
        kind = self.coding.kind(unit[0])
        if not self.coding.is_set(kind):
            return
        if self._sets_stamp.get(kind) != self._stamp:
            self._sets[kind], self._sets_stamp[kind] = [], self._stamp
            self._sets_said = False
        if unit not in self._sets[kind] and len(self._sets[kind]) < MAX_SETS:
            self._sets[kind].append(unit)

    def pass_over(self, data: bytes, position: int, channel: int) -> int:
        """Where, from this position of a connection's bytes, the first packet begins that is to be taken.

        What `_passes` tells of one packet, for a row of whole ones that came within the connection:
        nine in ten are passed over, in one step each.
        """
        number, coding = self._sequence, self.coding
        if self._parts or self.every_picture or self._after_left > 0 or number < 0:
            return position
        passed, passed_fragment = coding.passed, coding.passed_fragment
        look, begins, end = LOOKED_AT[coding.header_bytes], MARK | channel, len(data)
        last = end - look.size
        while position <= last:
            begin, size, version, its_number, first, flags = look.unpack_from(data, position)
            what = passed[first]
            if what == LOOK_INTO:
                what = passed_fragment[flags]
            after = position + 4 + size
            if (
                what != PASS_OVER or its_number != (number + 1) & 0xFFFF or begin != begins
                or version != 0x80 or after > end or size <= HEADER_BYTES + 3
            ):  # fmt: skip
                break
            number, position = its_number, after
        came = (number - self._sequence) & 0xFFFF
        self._sequence = number
        self.tally.packets += came
        self.tally.highest += came
        return position

    def packet(self, data: bytes, start: int, stop: int) -> CodedPicture | None:
        """Take the packet data[start:stop]; a picture where this packet completes one."""
        if not self._parts and self._passes(data, start, stop):
            return None
        tally = self.tally
        tally.packets += 1
        if stop - start <= HEADER_BYTES or data[start] >> 6 != 2:
            tally.bad_packets += 1
            return None
        sequence = data[start + 2] << 8 | data[start + 3]
        gap = (sequence - self._sequence - 1) & 0xFFFF if self._sequence >= 0 else 0
        if gap == 0 and self._sequence >= 0:
            tally.highest += 1
        else:
            self._count_gap(sequence, gap)
        self._sequence = sequence
        first = start + HEADER_BYTES
        if data[start] != 0x80:
            first, stop = self._payload(data, start, stop)
            if stop - first < 1:
                tally.bad_packets += 1
                return None
        stamp = int.from_bytes(data[start + 4 : start + 8], "big")
        finished = self._finish() if self._parts and stamp != self._stamp else None
        if stamp != self._stamp:
            self._stamp = stamp
            self._broken = bool(gap)
        if self._wanted(data, first, stop):
            self._take(data[first:stop])
        # Some senders mark the end after information that only goes before a picture.
        if data[start + 1] & 0x80 and self._slices and finished is None:
            return self._finish()
        return finished

    def _passes(self, data: bytes, start: int, stop: int) -> bool:
        """The commonest packet, told by its first bytes: the next one, of a picture not wanted."""
        number = data[start + 2] << 8 | data[start + 3] if stop - start > HEADER_BYTES + 3 else -1
        if number != (self._sequence + 1) & 0xFFFF or data[start] != 0x80 or self._sequence < 0:
            return False
        if self.every_picture or self._after_left > 0:
            return False
        first, coding = start + HEADER_BYTES, self.coding
        what = coding.passed[data[first]]
        if what == LOOK_INTO:
            what = coding.passed_fragment[data[first + coding.header_bytes]]
        if what != PASS_OVER:
            return False
        self._sequence = number
        self.tally.packets += 1
        self.tally.highest += 1
        return True

    def _count_gap(self, sequence: int, gap: int) -> None:
        """Count what is missing; a number that goes back breaks the picture and loses nothing more."""
        tally = self.tally
        if self._sequence < 0:
            tally.highest = sequence
            return
        if gap < 0x8000:
            tally.highest += gap + 1
            tally.lost_packets += gap
        else:
            tally.lost_packets += 1
        self._broken = True

    def _payload(self, data: bytes, start: int, stop: int) -> tuple[int, int]:
        """Where the payload lies behind contributing sources and an extension, before padding."""
        first = start + HEADER_BYTES + 4 * (data[start] & 0x0F)
        if data[start] & 0x10:
            if first + 4 > stop:
                return first, first
            first += 4 + 4 * int.from_bytes(data[first + 2 : first + 4], "big")
        if data[start] & 0x20 and stop > first:
            stop -= data[stop - 1]
        return first, stop

    def _wanted(self, data: bytes, first: int, stop: int) -> bool:
        """Whether this payload belongs to a picture that we want."""
        if self.every_picture or self._after_left > 0:
            return True
        coding = self.coding
        what = coding.passed[data[first]]
        if what == LOOK_INTO and stop - first > coding.header_bytes:
            what = coding.passed_fragment[data[first + coding.header_bytes]]
        return what != PASS_OVER

    def _take(self, payload: bytes) -> None:
        coding = self.coding
        kind = coding.kind(payload[0])
        if kind == coding.fragment:
            self._take_fragment(payload)
        elif kind == coding.aggregate:
            position = coding.header_bytes
            while position + 2 < len(payload):
                size = int.from_bytes(payload[position : position + 2], "big")
                unit = payload[position + 2 : position + 2 + size]
                if len(unit) != size or size <= coding.header_bytes:
                    self.tally.bad_packets += 1
                    self._broken = True
                    return
                self._take_unit(unit)
                position += 2 + size
        elif kind < coding.aggregate and len(payload) > coding.header_bytes:
            self._take_unit(payload)
        else:
            self.tally.bad_packets += 1

    def _take_unit(self, unit: bytes) -> None:
        kind = self.coding.kind(unit[0])
        self._in_fragment = False
        if self.coding.is_set(kind):
            self._keep_set(unit)
        elif self.coding.is_slice(kind) or self.every_picture:
            self._key = self._key or self.coding.is_key(kind)
            self._slices = self._slices or self.coding.is_slice(kind)
            self._add(START_CODE + unit)

    def _take_fragment(self, payload: bytes) -> None:
        coding = self.coding
        if len(payload) < coding.header_bytes + 2:
            self.tally.bad_packets += 1
            return
        flags = payload[coding.header_bytes]
        kind = flags & (0x1F if coding.header_bytes == 1 else 0x3F)
        if not coding.is_slice(kind):
            return
        body = payload[coding.header_bytes + 1 :]
        if flags & 0x80:
            self._key = self._key or coding.is_key(kind)
            self._in_fragment = self._slices = True
            self._add(START_CODE + coding.fragment_header(payload, kind) + body)
        elif self._in_fragment:
            self._add(body)
        else:
            self._broken = True
        if flags & 0x40:
            self._in_fragment = False

    def _add(self, part: bytes) -> None:
        self._parts.append(part)
        self._size += len(part)
        if self._size > MAX_PICTURE_BYTES:
            self._drop()
            self._broken = True

    def _drop(self) -> None:
        self._parts, self._size = [], 0
        self._key = self._in_fragment = self._slices = False

    def _still_wanted(self, *, key: bool, broken: bool) -> int:
        """How many pictures after this one belong to its key picture's burst."""
        if broken:
            return 0
        return self.after_key if key else max(self._after_left - 1, 0)

    def _finish(self) -> CodedPicture | None:
        """The picture gathered so far, unless something of it is missing."""
        parts, key, broken, stamp = self._parts, self._key, self._broken, self._stamp
        if self._in_fragment:
            broken = True
        self._drop()
        self._after_left = self._still_wanted(key=key, broken=broken)
        if broken:
            self.tally.broken_pictures += 1
            return None
        self.tally.pictures += 1
        head = b""
        if key or not self._sets_said:
            # Where key pictures never come, a decoder can start at a picture that announces recovery.
            head = b"".join(
                START_CODE + unit for kind in sorted(self._sets) for unit in self._sets[kind]
            )
            self._sets_said = True
        return CodedPicture(data=head + b"".join(parts), stamp=stamp, key=key)
