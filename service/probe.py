"""`yinding probe`: one camera looked at for some seconds, and whether it can be used."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median

import msgspec
import numpy as np
from numpy.typing import NDArray

from crowd.estimator import Estimator
from crowd.sight import SightVerdict, SightWatch, judge, sharpness
from ingest.cameras import Reader
from ingest.rtsp.address import Address
from ingest.rtsp.connection import Manner
from ingest.rtsp.decode import PictureDecoder
from ingest.rtsp.failure import CameraError, garbled
from ingest.rtsp.picking import Seen
from ingest.rtsp.session import CameraSession, Deadlines
from ingest.rtsp.units import CodedPicture
from model.clock import Clock
from model.level import Sight
from model.picture import SourceState
from service.probe_foreign import WORTH_TRYING, first_picture

Image = NDArray[np.uint8]
DRAIN_S = 0.05
SILENT_S = 5.0
KEYS_WAITED_S = 12.0
KEYS_KEPT = 8
RARE_KEYS_S = 4.0
EVERY_LEAST_S = 0.2
FOREIGN_EVERY_S = 2.0
WIDE_PX = 1280
SLOW_S = 3.0
SIZE_MOST_PX = 4096


class Advice(StrEnum):
    """What would make a usable camera better."""

    KEYS_RARE = "keys_rare"
    MAIN_STREAM = "main_stream"
    NO_LIVE_VIEW = "no_live_view"
    PACKETS_LOST = "packets_lost"
    CLOCK_OFF = "clock_off"
    CLOCK_UNKNOWN = "clock_unknown"
    LATE = "late"
    FOREIGN_READER = "foreign_reader"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out; what could not be is null. `state` is why there are no pictures, or live.

    `every_s` is the shortest interval at which it can be read without decoding every picture (with
    `keys_rare`: with). `latency_s` is from the sensor to here, by the camera's own clock.
    """

    url: str
    usable: bool
    state: SourceState
    detail: str | None = None
    reader: Reader = Reader.OWN
    sight: Sight | None = None
    sight_reason: str | None = None
    codec: str | None = None
    width_px: int | None = None
    height_px: int | None = None
    frames_per_s: float | None = None
    key_interval_s: float | None = None
    every_s: float | None = None
    mbit_per_s: float | None = None
    open_s: float | None = None
    first_picture_s: float | None = None
    latency_s: float | None = None
    clock_off_s: float | None = None
    packets: int = 0
    lost_packets: int = 0
    sharpness: float | None = None
    count: float | None = None
    count_low: float | None = None
    count_high: float | None = None
    model: str | None = None
    advice: list[Advice] = []


@dataclass(slots=True)
class Measured:
    """What came in the time of a probe."""

    codec: str = ""
    clock_hz: int = 90_000
    open_s: float = 0.0
    first_picture_s: float | None = None
    seconds: float = 0.0
    received_bytes: int = 0
    packets: int = 0
    lost_packets: int = 0
    ticks: list[int] = field(default_factory=list)
    key_ticks: list[int] = field(default_factory=list)
    keys: list[tuple[CodedPicture, float]] = field(default_factory=list)
    ages_s: list[float] = field(default_factory=list)
    clock_off_s: float | None = None

    def take(self, picture: CodedPicture, since_s: float) -> None:
        """One more picture, in the order of the stream."""
        at = picture.stamp
        if self.ticks:
            at = self.ticks[-1] + (picture.stamp - self.ticks[-1] + (1 << 31)) % (1 << 32)
            at -= 1 << 31
        self.ticks.append(at)
        if picture.key:
            if self.first_picture_s is None:
                self.first_picture_s = since_s
            self.key_ticks.append(at)
            self.keys.append((picture, since_s))
            del self.keys[:-KEYS_KEPT]

    @property
    def frames_per_s(self) -> float | None:
        """Pictures a second, by the stream's own stamps."""
        if len(self.ticks) < 2:
            return None
        span = max(self.ticks) - min(self.ticks)
        return (len(self.ticks) - 1) * self.clock_hz / span if span > 0 else None

    @property
    def key_interval_s(self) -> float | None:
        """Seconds between key pictures: the longest seen; none where fewer than two came."""
        steps = [
            later - earlier
            for earlier, later in zip(self.key_ticks, self.key_ticks[1:], strict=False)
        ]
        return max(steps) / self.clock_hz if steps else None


async def measure(
    address: Address, *, seconds: float, clock: Clock, deadlines: Deadlines | None = None,
    silent_s: float = SILENT_S, manner: Manner | None = None,
) -> Measured:  # fmt: skip
    """Read the stream for so long, longer where key pictures are rare; raises CameraError."""
    session = CameraSession(address, clock=clock, deadlines=deadlines, manner=manner)
    found = Measured()
    try:
        began_s = clock.monotonic()
        stream, gatherer = await session.open()
        found.codec, found.clock_hz = stream.codec, stream.clock_hz
        found.open_s = clock.monotonic() - began_s
        gatherer.every_picture = True
        start_s = heard_s = clock.monotonic()
        start_bytes = session.received_bytes
        while not _enough(found, clock.monotonic() - start_s, seconds):
            before = session.received_bytes
            pictures = session.drain()
            now_s = clock.monotonic()
            if session.received_bytes > before:
                heard_s = now_s
            if now_s - heard_s > silent_s:
                raise CameraError(SourceState.STALLED, f"nothing came for {silent_s} s")
            for picture in pictures:
                found.take(picture, now_s - began_s)
                _note_age(found, session, picture, clock)
            await asyncio.sleep(DRAIN_S)
        found.seconds = clock.monotonic() - start_s
        found.received_bytes = session.received_bytes - start_bytes
        found.packets, found.lost_packets = gatherer.tally.packets, gatherer.tally.lost_packets
        if session.times is not None:
            found.clock_off_s = session.times.clock_off_s
    finally:
        session.close()
    if not found.keys:
        raise garbled(f"no key picture came in {found.seconds:.0f} s")
    return found


def _enough(found: Measured, passed_s: float, seconds: float) -> bool:
    return passed_s >= seconds and (len(found.keys) >= 2 or passed_s >= seconds + KEYS_WAITED_S)


def _note_age(found: Measured, session: CameraSession, picture: CodedPicture, clock: Clock) -> None:
    if session.times is None:
        return
    now = clock.now()
    taken = session.times.taken_at(picture.stamp, now=now, monotonic_s=clock.monotonic())
    if session.times.from_reports:
        found.ages_s.append((now - taken).total_seconds())


def read(found: Measured) -> tuple[Image, SightVerdict]:
    """The newest key picture whole, and what several of them tell about the camera's sight.

    A picture that stays the same over all of them is frozen. Raises CameraError where none of them
    can be decoded.
    """
    decoder = PictureDecoder(found.codec)
    pictures: list[tuple[Image, float]] = []
    for coded, at_s in found.keys:
        pixels = decoder.key_picture(coded.data, max_width=SIZE_MOST_PX)
        if pixels is not None:
            pictures.append((pixels, at_s))
    if not pictures:
        raise garbled("its key pictures cannot be decoded")
    first_s, last_s = pictures[0][1], pictures[-1][1]
    watch = SightWatch(frozen_s=max(last_s - first_s, 1.0), started_s=first_s)
    verdict = watch.now(first_s)
    for pixels, at_s in pictures:
        verdict = watch.look(pixels, at_s)
    return pictures[-1][0], verdict


def _advice(found: Measured, width_px: int) -> list[Advice]:
    keys_s = found.key_interval_s
    late = bool(found.ages_s) and median(found.ages_s) > SLOW_S
    hints = {
        Advice.KEYS_RARE: keys_s is None or keys_s > RARE_KEYS_S,
        Advice.MAIN_STREAM: width_px > WIDE_PX,
        Advice.NO_LIVE_VIEW: found.codec != "h264",
        Advice.PACKETS_LOST: found.lost_packets * 1000 > found.packets,
        Advice.CLOCK_OFF: found.clock_off_s is not None,
        Advice.CLOCK_UNKNOWN: found.clock_off_s is None and not found.ages_s,
        Advice.LATE: late,
    }
    return [hint for hint, holds in hints.items() if holds]


def _every_s(found: Measured) -> float:
    keys_s, rate = found.key_interval_s, found.frames_per_s
    if keys_s is not None and keys_s <= RARE_KEYS_S:
        return max(round(keys_s, 2), EVERY_LEAST_S)
    return max(round(1 / rate, 2), EVERY_LEAST_S) if rate else RARE_KEYS_S


def judged(url: str, found: Measured, estimator: Estimator) -> Report:
    """The whole report on a camera that gave pictures; raises CameraError."""
    picture, verdict = read(found)
    live = verdict.sight is Sight.LIVE
    estimate = estimator.estimate(picture) if live else None
    height_px, width_px = picture.shape[:2]
    return Report(
        url=url,
        usable=live,
        state=SourceState.LIVE,
        sight=verdict.sight,
        sight_reason=None if verdict.reason is None else verdict.reason.value,
        codec=found.codec,
        width_px=width_px,
        height_px=height_px,
        frames_per_s=_rounded(found.frames_per_s, 2),
        key_interval_s=_rounded(found.key_interval_s, 2),
        every_s=_every_s(found),
        mbit_per_s=_rounded(found.received_bytes * 8e-6 / found.seconds, 3),
        open_s=_rounded(found.open_s, 3),
        first_picture_s=_rounded(found.first_picture_s, 3),
        latency_s=_rounded(median(found.ages_s), 3) if found.ages_s else None,
        clock_off_s=_rounded(found.clock_off_s, 1),
        packets=found.packets,
        lost_packets=found.lost_packets,
        sharpness=_rounded(sharpness(picture), 3),
        count=None if estimate is None else _rounded(estimate.count, 1),
        count_low=None if estimate is None else _rounded(estimate.count_low, 1),
        count_high=None if estimate is None else _rounded(estimate.count_high, 1),
        model=None if estimate is None else estimate.model,
        advice=_advice(found, width_px),
    )


def _rounded(value: float | None, decimals: int) -> float | None:
    return None if value is None else round(float(value), decimals)


async def probe(
    address: Address, *, seconds: float, clock: Clock, deadlines: Deadlines | None = None,
    silent_s: float = SILENT_S, manner: Manner | None = None,
) -> Report:  # fmt: skip
    """Look at one camera; never raises for what is wrong with it, but names it."""
    try:
        found = await measure(
            address, seconds=seconds, clock=clock, deadlines=deadlines, silent_s=silent_s, manner=manner
        )  # fmt: skip
        return judged(address.url, found, Estimator("small"))
    except CameraError as failure:
        if failure.state in WORTH_TRYING:
            seen = await first_picture(address, manner or Manner(), silent_s=silent_s, clock=clock)
            if seen is not None:
                return _by_ffmpeg(address.url, seen, failure)
        return Report(url=address.url, usable=False, state=failure.state, detail=failure.detail)


def _by_ffmpeg(url: str, seen: Seen, failure: CameraError) -> Report:
    """What one picture of FFmpeg's reader tells of a camera that ours does not understand."""
    verdict = judge(seen.pixels)
    live = verdict.sight is Sight.LIVE
    estimate = Estimator("small").estimate(seen.pixels) if live else None
    return Report(
        url=url,
        usable=live,
        state=SourceState.LIVE,
        detail=failure.detail,
        reader=Reader.FFMPEG,
        sight=verdict.sight,
        sight_reason=None if verdict.reason is None else verdict.reason.value,
        width_px=seen.pixels.shape[1],
        height_px=seen.pixels.shape[0],
        every_s=FOREIGN_EVERY_S,
        sharpness=_rounded(sharpness(seen.pixels), 3),
        count=None if estimate is None else _rounded(estimate.count, 1),
        count_low=None if estimate is None else _rounded(estimate.count_low, 1),
        count_high=None if estimate is None else _rounded(estimate.count_high, 1),
        model=None if estimate is None else estimate.model,
        advice=[Advice.FOREIGN_READER, Advice.NO_LIVE_VIEW],
    )
