"""Cameras in: reads each one's pictures at its interval, and comes back to it when it fails."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from enum import StrEnum

from ingest.patience import Patience
from ingest.rtsp.address import Address, AddressError
from ingest.rtsp.connection import Manner
from ingest.rtsp.failure import CameraError, garbled
from ingest.rtsp.picking import Then
from ingest.rtsp.session import Deadlines
from ingest.source import CameraSource, ForeignSource, Reading, Source, Study
from ingest.tallies import Tallies
from model.clock import Clock
from model.picture import Picture, SourceState

_LOG = logging.getLogger(__name__)


class Reader(StrEnum):
    """Who reads a camera: we, or FFmpeg where we do not understand it."""

    OWN = "own"
    FFMPEG = "ffmpeg"


class CameraTap:
    """Keeps one camera's pictures coming: tries, waits, tries again, and says how it stands.

    `study` gets one picture every `every_s` seconds, at most `max_width` wide, in the thread of
    `pool`, else in the one thread shared by this process's cameras; what it returns is called in
    the loop's. `on_state` is told each change. A loss and its end are one log line each, and so is
    a change of the reader. With `burst` so many pictures after each are decoded too, and some given
    with it, to show how people move.
    """

    def __init__(
        self, camera_id: str, url: str, *, every_s: float, clock: Clock, study: Study,
        on_state: Callable[[str, SourceState], None], max_width: int = 640, patience: Patience | None = None,
        deadlines: Deadlines | None = None, rng: random.Random | None = None, pool: Executor | None = None,
        burst: int = 0, manner: Manner | None = None,
    ) -> None:  # fmt: skip
        self.camera_id, self._clock = camera_id, clock
        self._patience, self._deadlines = patience or Patience(), deadlines or Deadlines()
        self._study, self._on_state = study, on_state
        self._random = rng or random.Random()
        self._wanted: Reading | AddressError = self._wish(
            url, every_s=every_s, max_width=max_width, burst=burst, manner=manner, pool=pool
        )
        self._failures = self._wrong_passwords = self._garbled = 0
        self._lost_s: float | None = None
        self._back_s = self._came_s = clock.monotonic()
        self.state, self.reader = SourceState.CONNECTING, Reader.OWN
        self.tallies = Tallies()

    def _wish(
        self, url: str, *, every_s: float, max_width: int, burst: int, manner: Manner | None, pool: Executor | None
    ) -> Reading | AddressError:  # fmt: skip
        try:
            address = Address.parse(url)
        except AddressError as error:
            return error
        return Reading(
            camera=self.camera_id, address=address, every_s=every_s, study=self._look, max_width=max_width,
            burst=burst, manner=manner, pool=pool,
        )  # fmt: skip

    @property
    def dropped(self) -> int:
        """Pictures that gave way to newer ones unread."""
        return self.tallies.dropped

    @property
    def foreign(self) -> bool:
        """Whether FFmpeg's reader reads it."""
        return self.reader is Reader.FFMPEG

    async def run(self) -> None:
        """Run until cancelled."""
        self._on_state(self.camera_id, self.state)
        while True:
            before = self.tallies.pictures
            failure = await self._try()
            self._choose_reader(failure, gave=self.tallies.pictures > before)
            if failure.state is SourceState.CONNECTING:
                continue
            self.tallies.failures += 1
            self._lost(failure)
            await asyncio.sleep(self._wait_s(failure.state))

    def _wait_s(self, state: SourceState) -> float:
        if self._came_s - self._back_s >= self._patience.steady_s:
            self._failures = self._wrong_passwords = 0
        self._back_s = self._came_s
        wrong = state is SourceState.WRONG_PASSWORD
        before = self._wrong_passwords if wrong else self._failures
        self._failures += 1
        self._wrong_passwords += wrong
        return self._patience.wait_s(before, state, self._random)

    async def _try(self) -> CameraError:
        if isinstance(self._wanted, AddressError):
            return CameraError(SourceState.NOT_FOUND, str(self._wanted))
        try:
            await self._source(self._wanted).run_once()
        except CameraError as failure:
            return failure
        except Exception as error:  # noqa: BLE001 - the supervisor: one camera's oddity must not stop the others
            _LOG.error("camera %s: our own error", self.camera_id, exc_info=error)
            return garbled(f"our own error: {type(error).__name__}")
        raise AssertionError("a source ends with an error")

    def _source(self, wanted: Reading) -> Source:
        if self.reader is Reader.FFMPEG:
            return ForeignSource(
                replace(wanted, burst=0), clock=self._clock, patience=self._patience, tallies=self.tallies
            )  # fmt: skip
        return CameraSource(
            wanted, clock=self._clock, patience=self._patience, deadlines=self._deadlines, tallies=self.tallies
        )  # fmt: skip

    def _choose_reader(self, failure: CameraError, *, gave: bool) -> None:
        """After a failure: the same reader again, or the other one."""
        if self.reader is Reader.FFMPEG:
            if not gave or failure.state is SourceState.CONNECTING:
                self.reader, self._garbled = Reader.OWN, 0
            return
        if gave:
            self._garbled = 0
        self._garbled += failure.state is SourceState.GARBLED
        if self._patience.gives_over(failure.state, self._garbled):
            self.reader = Reader.FFMPEG

    def _look(self, picture: Picture) -> Then:
        """In the pool's thread."""
        then = self._study(picture)

        def go_on() -> None:
            self._came()
            then()

        return go_on

    def _came(self) -> None:
        self._came_s = self._clock.monotonic()
        if self.state is SourceState.LIVE:
            return
        self._back_s = self._came_s
        if self._lost_s is not None:
            away_s = self._clock.monotonic() - self._lost_s
            _LOG.info("camera %s is back after %.1f s", self.camera_id, away_s)
            self._lost_s = None
        if self.reader is Reader.FFMPEG:
            _LOG.warning(
                "camera %s is read by FFmpeg's reader, at several times the cost: ours does not understand it",
                self.camera_id,
            )
        self._change(SourceState.LIVE)

    def _lost(self, failure: CameraError) -> None:
        if self._lost_s is None:
            self._lost_s = self._clock.monotonic()
            _LOG.warning("camera %s is lost: %s", self.camera_id, failure)
        self._change(failure.state)

    def _change(self, state: SourceState) -> None:
        if state is not self.state:
            self.state = state
            self._on_state(self.camera_id, state)
