"""A camera worker: takes the cameras it is given, reads each in turn, and says what it sees.

It talks to the rest only through the contract, so that it runs on this or another machine alike.
The newest picture of a camera replaces one that still waits, and the drop is counted: a worker
that is too slow reads every camera less often, and none of them late.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from config.schema import Camera
from crowd.analyst import Analysis, Analyst, Ground
from crowd.estimator import Estimator, Size
from model.clock import Clock
from model.facts import DensityBlind, DensityLive
from model.picture import Picture, SourceState
from model.workers import CameraStill
from wire.payloads import WorkerCameras

log = logging.getLogger(__name__)

STATUS_EVERY_S: Final = 3.0
BLIND_AFTER_S: Final = 6.0
CAPACITY: Final = 200


class Tap(Protocol):
    """One camera's stream, supervised by itself."""

    async def run(self) -> None:
        """Give pictures until cancelled."""


class OpenTap(Protocol):
    """Makes the tap of a camera; both callbacks come on the event loop."""

    def __call__(
        self,
        camera: Camera,
        *,
        on_picture: Callable[[Picture], None],
        on_state: Callable[[str, SourceState], None],
    ) -> Tap:
        """The tap, not running yet."""
        ...


class Voice(Protocol):
    """How the worker speaks to the broker; each waits until the message left or was given up."""

    def density(self, camera: str, reading: DensityLive | DensityBlind) -> Awaitable[None]:
        """Publish one reading."""

    def still(self, still: CameraStill) -> Awaitable[None]:
        """Publish one still."""

    def status(self, *, capacity: int, cameras: int, load: float, epoch: int) -> Awaitable[None]:
        """Publish the worker's own heartbeat."""


@dataclass
class _Watched:
    """One camera that this worker was given."""

    camera: Camera
    analyst: Analyst
    task: asyncio.Task[None]
    state: SourceState = SourceState.CONNECTING
    last_s: float = 0.0
    said_blind_s: float = field(default=float("-inf"))
    dropped: int = 0


class Worker:
    """Analyses the cameras of its share; `run` ends only by cancellation."""

    def __init__(
        self,
        cameras: Iterable[Camera],
        *,
        open_tap: OpenTap,
        grounds: Mapping[str, Ground],
        voice: Voice,
        clock: Clock,
    ) -> None:
        self._known = {camera.id: camera for camera in cameras}
        self._open_tap = open_tap
        self._grounds = grounds
        self._voice = voice
        self._clock = clock
        self._watched: dict[str, _Watched] = {}
        self._fresh: dict[str, Picture] = {}
        self._wake = asyncio.Event()
        self._epoch = -1
        self._looked_at: dict[str, datetime] = {}
        self._estimators: dict[Size, Estimator] = {}
        self._busy_s = 0.0
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Read pictures, say blindness and send heartbeats, until cancelled."""
        with ThreadPoolExecutor(1, thread_name_prefix="analysis") as pool:
            async with asyncio.TaskGroup() as group:
                self._group = group
                group.create_task(self._analyse(pool), name="analyse")
                group.create_task(self._tell_blindness(), name="blindness")
                group.create_task(self._heartbeat(), name="heartbeat")

    def assign(self, share: WorkerCameras) -> None:
        """Take on a new share; one that is not newer than the last changes nothing."""
        if share.epoch <= self._epoch or self._group is None:
            return
        self._epoch = share.epoch
        wanted = {camera for camera in share.cameras if camera in self._known}
        for name in share.cameras:
            if name not in wanted:
                log.warning("asked to analyse camera %s, which the site file does not have", name)
        for gone in set(self._watched) - wanted:
            self._watched.pop(gone).task.cancel()
            self._fresh.pop(gone, None)
        for name in sorted(wanted - set(self._watched)):
            self._watch(self._known[name], self._group)

    def look(self, camera: str, until: datetime) -> None:
        """Somebody looks at a camera until then: send stills."""
        if camera in self._known:
            self._looked_at[camera] = until

    def _watch(self, camera: Camera, group: asyncio.TaskGroup) -> None:
        now_s = self._clock.monotonic()
        tap = self._open_tap(camera, on_picture=self._take, on_state=self._note_state)
        self._watched[camera.id] = _Watched(
            camera=camera,
            analyst=Analyst(camera.id, ground=self._grounds.get(camera.id), started_s=now_s),
            task=group.create_task(tap.run(), name=f"camera {camera.id}"),
            last_s=now_s,
        )

    def _take(self, picture: Picture) -> None:
        watched = self._watched.get(picture.camera)
        if watched is None:
            return
        if picture.camera in self._fresh:
            watched.dropped += 1
        self._fresh[picture.camera] = picture
        self._wake.set()

    def _note_state(self, camera: str, state: SourceState) -> None:
        watched = self._watched.get(camera)
        if watched is not None:
            watched.state = state

    async def _analyse(self, pool: ThreadPoolExecutor) -> None:
        """One picture after the other, the camera that waits longest first."""
        loop = asyncio.get_running_loop()
        while True:
            if not self._fresh:
                self._wake.clear()
                await self._wake.wait()
            name = next(iter(self._fresh))
            picture = self._fresh.pop(name)
            watched = self._watched.get(name)
            if watched is None:
                continue
            began_s = self._clock.monotonic()
            analysis = await loop.run_in_executor(pool, self._read, watched, picture)
            watched.last_s = self._clock.monotonic()
            self._busy_s += watched.last_s - began_s
            if name in self._watched:
                await self._say(name, analysis)

    def _read(self, watched: _Watched, picture: Picture) -> Analysis:
        size = watched.camera.model
        if size not in self._estimators:
            self._estimators[size] = Estimator(size)
        until = self._looked_at.get(picture.camera)
        return watched.analyst.read(
            picture,
            self._estimators[size],
            want_still=until is not None and self._clock.now() < until,
        )

    async def _say(self, camera: str, analysis: Analysis) -> None:
        await self._voice.density(camera, analysis.reading)
        if analysis.still is not None:
            await self._voice.still(analysis.still)

    async def _tell_blindness(self) -> None:
        """A camera that gives no pictures is said to be blind, by name of what is wrong with it."""
        while True:
            await asyncio.sleep(0.5)
            now_s = self._clock.monotonic()
            for name, watched in list(self._watched.items()):
                patience_s = max(BLIND_AFTER_S, 2.5 * watched.camera.every_s)
                if now_s - watched.last_s < patience_s:
                    continue
                if now_s - watched.said_blind_s < max(2.0, watched.camera.every_s):
                    continue
                watched.said_blind_s = now_s
                reason = watched.state
                if reason in (SourceState.LIVE, SourceState.CONNECTING):
                    reason = SourceState.STALLED
                blind = DensityBlind(at=self._clock.now(), reason=reason.value, model="none")
                await self._voice.density(name, blind)

    async def _heartbeat(self) -> None:
        before_s = self._clock.monotonic()
        while True:
            await self._voice.status(
                capacity=CAPACITY,
                cameras=len(self._watched),
                load=round(self._busy_s / max(self._clock.monotonic() - before_s, 1e-3), 3),
                epoch=max(self._epoch, 0),
            )
            before_s, self._busy_s = self._clock.monotonic(), 0.0
            await asyncio.sleep(STATUS_EVERY_S)
