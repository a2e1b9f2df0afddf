"""A camera's coded pictures repacked for a browser's media source: fragments of MP4, not decoded."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.live.boxes import Sample, beginning, fragment
from ingest.rtsp.units import START_CODE, CodedPicture

LEAP_S = 10
SETS_MOST = 16
PIECE_BYTES_MOST = 500_000
_SPS, _PPS, _DELIMITER, _FILLER = 7, 8, 9, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """How to play what follows: type for the browser, size, and the first bytes."""

    mime: str
    width: int
    height: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """Some pictures; a key one can be played after the beginning alone."""

    data: bytes
    key: bool


def gathered(fragments: Sequence[Fragment]) -> list[Fragment]:
    """The same film in fewer pieces: neighbours together, up to half a megabyte."""
    pieces: list[Fragment] = []
    run: list[Fragment] = []
    size = 0
    for each in fragments:
        if run and size + len(each.data) > PIECE_BYTES_MOST:
            pieces.append(_joined(run))
            run, size = [], 0
        run.append(each)
        size += len(each.data)
    if run:
        pieces.append(_joined(run))
    return pieces


def _joined(run: list[Fragment]) -> Fragment:
    if len(run) == 1:
        return run[0]
    return Fragment(data=b"".join(each.data for each in run), key=run[0].key)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterSets:
    """What a decoder must know before a picture."""

    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]

    @property
    def mime(self) -> str:
        """The type that a browser is asked about: profile, constraints and level in hexadecimal."""
        return f'video/mp4; codecs="avc1.{self.sps[0][1:4].hex()}"'


def parameter_sets(picture: CodedPicture) -> ParameterSets | None:
    """The parameter sets that come with a picture; None where one kind is missing."""
    sps: list[bytes] = []
    pps: list[bytes] = []
    for unit in picture.data.split(START_CODE)[1:]:
        kind = unit[0] & 0x1F if unit else 0
        if kind == _SPS and len(unit) >= 4:
            sps.append(unit)
        elif kind == _PPS:
            pps.append(unit)
    if not sps or not pps:
        return None
    return ParameterSets(sps=tuple(sps[:SETS_MOST]), pps=tuple(pps[:SETS_MOST]))


class Repacker:
    """One connection's pictures with their times; starts at the first key picture given.

    A picture is held back until the next one tells how long it lasts. Where stamps go back (pictures
    to reorder), decoding times go on at the stream's pace, meet the stamps again at each key picture,
    and the stamps say when each is shown.
    """

    def __init__(
        self, sets: ParameterSets, *, width: int, height: int, ticks_per_s: int, serial: int = 1
    ) -> None:
        self.sets = sets
        self.beginning = Beginning(
            mime=sets.mime,
            width=width,
            height=height,
            data=beginning(
                sps=sets.sps, pps=sets.pps, width=width, height=height, ticks_per_s=ticks_per_s
            ),
        )
        self._ticks_per_s = ticks_per_s
        self._serial = serial
        self._stamp: int | None = None
        self._shown_at = 0
        self._pace = self._least_step = ticks_per_s // 25
        self._reorders = False
        self._held: tuple[bytes, int, int, bool] | None = None

    def take(self, pictures: Sequence[CodedPicture]) -> list[Fragment]:
        """Fragments of these pictures, split so that a key picture always begins one."""
        found: list[Fragment] = []
        run: list[Sample] = []
        for picture in pictures:
            shown_at = self._unwrap(picture.stamp, key=picture.key)
            decode_at = self._decode_time(shown_at, key=picture.key)
            sample = self._release(decode_at)
            self._held = (_with_lengths(picture.data), shown_at, decode_at, picture.key)
            if sample is None:
                continue
            if sample.key and run:
                found.append(self._fragment(run))
                run = []
            run.append(sample)
        if run:
            found.append(self._fragment(run))
        return found

    def _fragment(self, run: list[Sample]) -> Fragment:
        self._serial += 1
        return Fragment(data=fragment(self._serial, run), key=run[0].key)

    def _unwrap(self, stamp: int, *, key: bool) -> int:
        """The time to show a picture: stamps without their wrap; a leap of the camera's is left out."""
        if self._stamp is not None:
            step = (stamp - self._stamp + (1 << 31)) % (1 << 32) - (1 << 31)
            if abs(step) > LEAP_S * self._ticks_per_s:
                step = self._pace
            self._shown_at += step
            self._reorders = self._reorders or step < 0
            self._least_step = min(self._least_step, abs(step) or self._least_step)
        if key:
            self._pace, self._least_step = self._least_step, LEAP_S * self._ticks_per_s
        self._stamp = stamp
        return self._shown_at

    def _decode_time(self, shown_at: int, *, key: bool) -> int:
        if self._held is None:
            return shown_at
        before = self._held[2]
        if self._reorders and not key:
            return before + min(self._pace, self._least_step)
        return max(before + 1, shown_at)

    def _release(self, next_decode_at: int) -> Sample | None:
        if self._held is None:
            return None
        data, shown_at, decode_at, key = self._held
        return Sample(
            data=data,
            decode_at=decode_at,
            shown_after=shown_at - decode_at,
            lasts=next_decode_at - decode_at,
            key=key,
        )


def _with_lengths(data: bytes) -> bytes:
    """Units behind their lengths instead of start codes; parameter sets are in the beginning."""
    parts: list[bytes] = []
    for unit in data.split(START_CODE):
        if unit and unit[0] & 0x1F not in {_SPS, _PPS, _DELIMITER, _FILLER}:
            parts += (struct.pack("!I", len(unit)), unit)
    return b"".join(parts)
