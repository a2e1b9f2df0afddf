"""Cameras in: reads each one's pictures at its interval, and comes back to it when it fails."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.rtsp.address import Address, AddressError
from ingest.rtsp.failure import CameraError, garbled
from ingest.rtsp.picking import PicturePicker
from ingest.rtsp.session import CameraSession, Deadlines
from ingest.rtsp.units import CodedPicture
from model.clock import Clock
from model.picture import Following, Picture, SourceState

_LOG = logging.getLogger(__name__)
Image = NDArray[np.uint8]
QUIET_DRAIN_S, BUSY_DRAIN_S, BUSY_BYTES = 0.3, 0.08, 48_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds until a silent camera counts as stalled, and between attempts to get it back.

    Where key pictures are further apart than rare_keys_s, all pictures are decoded.

    After the n-th failure in a row the wait is drawn between half and the whole of first_s · 2ⁿ, at
    most cap_s: cameras behind one switch do not return in step. A camera that refuses our password
    or knows no such stream is asked less often, so that it does not lock our account.
    """

    silent_s: float = 5.0
    no_picture_s: float = 12.0
    rare_keys_s: float = 4.0
    first_s: float = 0.5
    cap_s: float = 8.0
    refused_cap_s: float = 30.0

    def wait_s(self, failures: int, state: SourceState, rng: random.Random) -> float:
        """How long to wait before the next attempt."""
        refused = state in {SourceState.WRONG_PASSWORD, SourceState.NOT_FOUND}
        cap = self.refused_cap_s if refused else self.cap_s
        return min(self.first_s * 2.0 ** min(failures, 16), cap) * rng.uniform(0.5, 1.0)


class LatestPictures:
    """Hands pictures from many cameras to one analyser: one slot a camera, the newest wins.

    Full means that the camera's older picture is dropped; `dropped` counts. The camera that has
    waited longest is taken first. Safe between threads.
    """

    def __init__(self) -> None:
        self._slots: OrderedDict[str, Picture] = OrderedDict()
        self._filled = threading.Condition()
        self.dropped = 0

    def put(self, picture: Picture) -> None:
        """Leave a picture; an older one of the same camera gives way and keeps its turn."""
        with self._filled:
            self.dropped += picture.camera in self._slots
            self._slots[picture.camera] = picture
            self._filled.notify()

    def take(self, *, timeout_s: float) -> Picture | None:
        """The next picture; None when none came in time."""
        with self._filled:
            if not self._filled.wait_for(lambda: bool(self._slots), timeout_s):
                return None
            return self._slots.popitem(last=False)[1]


@dataclass(slots=True)
class Tallies:
    """What one camera has given and cost."""

    pictures: int = 0
    undecodable: int = 0
    dropped: int = 0
    failures: int = 0
    received_bytes: int = 0


class CameraSource:
    """One try at one camera: pictures until it fails, and it always ends with a CameraError."""

    def __init__(
        self, camera: str, address: Address, *, every_s: float, max_width: int, clock: Clock, patience: Patience,
        deadlines: Deadlines, tallies: Tallies, on_picture: Callable[[Picture], None],
        pool: Executor | None, burst: int = 0,
    ) -> None:  # fmt: skip
        self._camera, self._every_s, self._max_width = camera, every_s, max_width
        self._clock, self._patience, self._tallies = clock, patience, tallies
        self._on_picture = on_picture
        self._session = CameraSession(address, clock=clock, deadlines=deadlines)
        self._pool, self._burst = pool, burst

    async def run_once(self) -> None:
        """Read pictures until the camera fails."""
        session, clock = self._session, self._clock
        picker: PicturePicker | None = None
        try:
            stream, gatherer = await session.open()
            heard_s = clock.monotonic()
            picker = PicturePicker(
                stream.codec, gatherer, camera=self._camera, every_s=self._every_s, max_width=self._max_width,
                rare_s=self._patience.rare_keys_s, started_s=heard_s, on_pixels=self._give, pool=self._pool,
                burst=self._burst,
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
                self._give_up_if_silent(now_s - heard_s, picker.blind_s(now_s))
                await asyncio.sleep(BUSY_DRAIN_S if came > BUSY_BYTES else QUIET_DRAIN_S)
        finally:
            session.close()
            if picker is not None:
                picker.close()
                self._tallies.undecodable += picker.undecodable
                self._tallies.dropped += picker.dropped

    def _give_up_if_silent(self, silent_s: float, blind_s: float) -> None:
        if silent_s > self._patience.silent_s:
            raise CameraError(SourceState.STALLED, f"nothing came for {self._patience.silent_s} s")
        if blind_s > max(self._patience.no_picture_s, 3 * self._every_s):
            raise garbled("packets come, and no picture can be made of them")

    def _give(
        self, coded: CodedPicture, pixels: Image, now_s: float, burst: tuple[Following, ...]
    ) -> None:
        times = self._session.times
        now = self._clock.now()
        at = times.taken_at(coded.stamp, now=now, monotonic_s=now_s) if times is not None else now
        self._tallies.pictures += 1
        self._on_picture(
            Picture(
                camera=self._camera, at=at, arrived_monotonic_s=now_s, pixels=pixels, burst=burst
            )
        )


class CameraTap:
    """Keeps one camera's pictures coming: tries, waits, tries again, and says how it stands.

    `on_picture` gets one picture every `every_s` seconds, at most `max_width` wide, in the loop's
    thread; it must not block. Decoding runs in `pool`, else in one thread shared by this process's
    cameras. `on_state` is told each change. A loss and its end are one log line each. With `burst`
    so many pictures after each are decoded too, and some given with it, to show how people move.
    """

    def __init__(
        self, camera_id: str, url: str, *, every_s: float, clock: Clock, on_picture: Callable[[Picture], None],
        on_state: Callable[[str, SourceState], None], max_width: int = 640, patience: Patience | None = None,
        deadlines: Deadlines | None = None, rng: random.Random | None = None, pool: Executor | None = None,
        burst: int = 0,
    ) -> None:  # fmt: skip
        self.camera_id, self._every_s, self._max_width = camera_id, every_s, max_width
        self._clock, self._patience = clock, patience or Patience()
        self._deadlines = deadlines or Deadlines()
        self._on_picture, self._on_state = on_picture, on_state
        self._random = rng or random.Random()
        self._url, self._pool, self._burst = url, pool, burst
        self._failures = 0
        self._lost_s: float | None = None
        self.state = SourceState.CONNECTING
        self.tallies = Tallies()

    async def run(self) -> None:
        """Run until cancelled."""
        self._on_state(self.camera_id, self.state)
        while True:
            failure = await self._try()
            self.tallies.failures += 1
            self._lost(failure)
            wait_s = self._patience.wait_s(self._failures, failure.state, self._random)
            self._failures += 1
            await asyncio.sleep(wait_s)

    async def _try(self) -> CameraError:
        try:
            address = Address.parse(self._url)
        except AddressError as error:
            return CameraError(SourceState.NOT_FOUND, str(error))
        source = CameraSource(
            self.camera_id, address, every_s=self._every_s, max_width=self._max_width, clock=self._clock,
            patience=self._patience, deadlines=self._deadlines, tallies=self.tallies, on_picture=self._came, pool=self._pool,
            burst=self._burst,
        )  # fmt: skip
        try:
            await source.run_once()
        except CameraError as failure:
            return failure
        except Exception as error:  # noqa: BLE001 - the supervisor: one camera's oddity must not stop the others
            _LOG.error("camera %s: our own error", self.camera_id, exc_info=error)
            return garbled(f"our own error: {type(error).__name__}")
        raise AssertionError("a source ends with an error")

    def _came(self, picture: Picture) -> None:
        self._failures = 0
        if self.state is not SourceState.LIVE:
            if self._lost_s is not None:
                _LOG.info(
                    "camera %s is back after %.1f s",
                    self.camera_id,
                    self._clock.monotonic() - self._lost_s,
                )
                self._lost_s = None
            self._change(SourceState.LIVE)
        self._on_picture(picture)

    def _lost(self, failure: CameraError) -> None:
        if self._lost_s is None:
            self._lost_s = self._clock.monotonic()
            _LOG.warning("camera %s is lost: %s", self.camera_id, failure)
        self._change(failure.state)

    def _change(self, state: SourceState) -> None:
        if state is not self.state:
            self.state = state
            self._on_state(self.camera_id, state)
