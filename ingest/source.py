"""One try at one camera: pictures until it fails, by our reader or by FFmpeg's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ingest.patience import Patience
from ingest.rtsp.address import Address
from ingest.rtsp.connection import Manner, Transport
from ingest.rtsp.failure import CameraError, garbled
from ingest.rtsp.foreign import ForeignReader
from ingest.rtsp.picking import PicturePicker, Seen, Then, decoding_pool
from ingest.rtsp.session import CameraSession, Deadlines
from ingest.tallies import Tallies
from model.clock import Clock
from model.picture import Picture, SourceState

QUIET_DRAIN_S, BUSY_DRAIN_S, BUSY_BYTES = 0.4, 0.08, 60_000
# Sockets are emptied at these marks of the clock, many at one waking: waking is dearer than reading.
MARKS_S = 0.04
Study = Callable[[Picture], Then]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is wanted of a camera: a picture every so often, so wide at most, so many after each.

    `study` looks at a picture in the pool's thread; what it returns is called in the loop's. `pool`
    is this process's decoding thread unless given.
    """

    camera: str
    address: Address
    every_s: float
    study: Study
    max_width: int = 640
    burst: int = 0
    manner: Manner | None = None
    pool: Executor | None = None


class Source(Protocol):
    """One try: `run_once` always ends with a CameraError."""

    async def run_once(self) -> None:
        """Read pictures until the camera fails."""


class CameraSource:
    """A try with our own reader."""

    def __init__(
        self, wanted: Reading, *, clock: Clock, patience: Patience, deadlines: Deadlines, tallies: Tallies
    ) -> None:  # fmt: skip
        self._wanted, self._clock, self._patience, self._tallies = wanted, clock, patience, tallies
        self._session = CameraSession(
            wanted.address, clock=clock, deadlines=deadlines, manner=wanted.manner
        )
        self._behind_s = 0.0

    async def run_once(self) -> None:
        """Read pictures until the camera fails."""
        session, clock, wanted = self._session, self._clock, self._wanted
        picker: PicturePicker | None = None
        try:
            stream, gatherer = await session.open()
            heard_s = clock.monotonic()
            picker = PicturePicker(
                stream.codec, gatherer, camera=wanted.camera, every_s=wanted.every_s, max_width=wanted.max_width,
                rare_s=self._patience.rare_keys_s, started_s=heard_s, when=self._taken_at, see=self._see,
                tallies=self._tallies, pool=wanted.pool, burst=wanted.burst,
            )  # fmt: skip
            while True:
                before = session.received_bytes
                coded = session.drain()
                now_s = clock.monotonic()
                came = session.received_bytes - before
                self._tallies.received_bytes += came
                for picture in coded:
                    picker.offer(picture, now_s)
                if came:
                    heard_s = now_s
                    picker.look(now_s)
                self._give_up_if_late()
                self._give_up_if_silent(now_s - heard_s, picker.blind_s(now_s))
                pause_s = _pause_s(came, session.transport)
                await asyncio.sleep(_to_mark(now_s + pause_s) - clock.monotonic())
        finally:
            session.close()
            if picker is not None:
                picker.close()

    def _give_up_if_late(self) -> None:
        """By the newest of what came: after a standstill of ours older pictures wait before it."""
        if self._behind_s > self._patience.late_s:
            raise CameraError(SourceState.STALLED, f"its pictures come {self._behind_s:.0f} s late")

    def _give_up_if_silent(self, silent_s: float, blind_s: float) -> None:
        most_s = self._patience.silence_s(self._wanted.every_s)
        if silent_s > most_s:
            raise CameraError(SourceState.STALLED, f"nothing came for {most_s:g} s")
        if blind_s > max(self._patience.no_picture_s, 3 * self._wanted.every_s):
            raise garbled("packets come, and no picture can be made of them")

    def _taken_at(self, stamp: int, now_s: float) -> datetime:
        times, now = self._session.times, self._clock.now()
        if times is None:
            return now
        at = times.taken_at(stamp, now=now, monotonic_s=now_s)
        self._behind_s = (now - at).total_seconds()
        return at

    def _see(self, seen: Seen) -> Then:
        """In the pool's thread."""
        self._tallies.pictures += 1
        return self._wanted.study(_picture(self._wanted.camera, seen))


class ForeignSource:
    """A try with FFmpeg's reader, for cameras that ours does not understand.

    It costs a thread and several times the processor. A picture that comes while the one before it
    is still looked at replaces any other that waits.
    """

    def __init__(
        self, wanted: Reading, *, clock: Clock, patience: Patience, tallies: Tallies
    ) -> None:
        self._wanted, self._clock, self._patience, self._tallies = wanted, clock, patience, tallies
        self._waiting: Seen | None = None

    async def run_once(self) -> None:
        """Read pictures until the camera fails, or until ours shall be tried again."""
        wanted, loop = self._wanted, asyncio.get_running_loop()
        came, pool = asyncio.Event(), wanted.pool or decoding_pool()
        reader = ForeignReader(
            wanted.address, wanted.manner or Manner(), every_s=wanted.every_s, max_width=wanted.max_width,
            silent_s=max(self._patience.silent_s, 2 * wanted.every_s), clock=self._clock,
            on_seen=lambda seen: loop.call_soon_threadsafe(self._take, seen, came),
            on_end=lambda failure: loop.call_soon_threadsafe(self._end, failure, came),
        )  # fmt: skip
        self._failure: CameraError | None = None
        end_s = self._clock.monotonic() + self._patience.foreign_s
        reader.start()
        try:
            while True:
                await came.wait()
                came.clear()
                seen, self._waiting = self._waiting, None
                if seen is not None:
                    self._tallies.pictures += 1
                    picture = _picture(wanted.camera, seen)
                    (await loop.run_in_executor(pool, wanted.study, picture))()
                if self._failure is not None:
                    raise self._failure
                if self._clock.monotonic() > end_s:
                    raise CameraError(SourceState.CONNECTING, "trying our own reader again")
        finally:
            reader.stop()

    def _take(self, seen: Seen, came: asyncio.Event) -> None:
        self._tallies.dropped += self._waiting is not None
        self._waiting = seen
        came.set()

    def _end(self, failure: CameraError, came: asyncio.Event) -> None:
        self._failure = failure
        came.set()


def _pause_s(came: int, transport: Transport) -> float:
    """Until the socket is emptied again; datagrams have only the kernel's small buffer to wait in."""
    return BUSY_DRAIN_S if came > BUSY_BYTES or transport is Transport.UDP else QUIET_DRAIN_S


def _to_mark(at_s: float) -> float:
    """The mark nearest to then: who woke a little after one would else wait for one more each time."""
    return round(at_s / MARKS_S) * MARKS_S


def _picture(camera: str, seen: Seen) -> Picture:
    return Picture(
        camera=camera, at=seen.at, arrived_monotonic_s=seen.came_s, pixels=seen.pixels, burst=seen.burst
    )  # fmt: skip
