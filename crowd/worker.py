"""A camera worker: takes the cameras it is given, reads each in turn, and says what it sees.

It talks to the rest only through the contract, so that it runs on this or another machine alike.
The newest picture of a camera replaces one that still waits, and the drop is counted: a worker
that is too slow reads every camera less often, and none of them late. It says so in its status.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final, Protocol

import msgspec

from config.schema import Camera
from crowd.analyst import Analyst, Ground
from crowd.band_correction import BandCorrection
from crowd.corrected_estimator import CorrectedEstimator
from crowd.estimator import Counting, Estimator, Size
from crowd.view_reference import ViewReference
from model.clock import Clock
from model.facts import DensityBlind, DensityLive
from model.health import OVERLOADED
from model.picture import Picture, SourceState
from model.workers import CameraStill
from wire.payloads import WorkerCameras

log = logging.getLogger(__name__)

STATUS_EVERY_S: Final = 3.0
BLIND_AFTER_S: Final = 6.0
CAPACITY: Final = 200
WORDS_WAITING: Final = 2_000
TOGETHER_S: Final = 0.1
"""How long a reading waits for those of other cameras, to go to the broker with them."""

OVERLOADED_ABOVE: Final = 0.1
WELL_AGAIN_BELOW: Final = 0.03
LATEST_WEIGHT: Final = 0.3
"""A worker is overloaded while, over the last heartbeats, more than a tenth of the pictures give way unread."""

CameraWord = tuple[str, DensityLive | DensityBlind | CameraStill]
"""A camera, and what is said of it."""


class Tap(Protocol):
    """One camera's stream, supervised by itself."""

    async def run(self) -> None:
        """Give pictures until cancelled."""

    @property
    def dropped(self) -> int:
        """Pictures that gave way to newer ones unread."""
        ...

    @property
    def foreign(self) -> bool:
        """Whether it is read by another reader than ours, which costs more."""
        ...


class OpenTap(Protocol):
    """Makes the tap of a camera.

    `study` comes beside the event loop, one picture at a time, and what it returns on the loop;
    `on_state` comes on the loop.
    """

    def __call__(
        self,
        camera: Camera,
        *,
        study: Callable[[Picture], Callable[[], None]],
        on_state: Callable[[str, SourceState], None],
    ) -> Tap:
        """The tap, not running yet."""
        ...


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker stands: its share, the part of a core it uses, pictures that gave way unread.

    `unknown` are cameras of its share that its site file does not have.
    """

    capacity: int
    cameras: int
    load: float
    epoch: int
    dropped: int
    foreign: int
    overloaded: bool
    unknown: int


@dataclass
class _Strain:
    """How much of what is due gives way unread, over the last heartbeats."""

    share: float = 0.0
    is_overloaded: bool = False
    read: int = 0
    dropped: int = 0

    def overloaded(self, *, read: int, dropped: int) -> bool:
        """Take in the totals at a heartbeat."""
        gave_way, came = dropped - self.dropped, read - self.read
        self.read, self.dropped = read, dropped
        now = gave_way / (gave_way + came) if gave_way + came > 0 else 0.0
        self.share += LATEST_WEIGHT * (now - self.share)
        bound = WELL_AGAIN_BELOW if self.is_overloaded else OVERLOADED_ABOVE
        self.is_overloaded = self.share > bound
        return self.is_overloaded


class Voice(Protocol):
    """How the worker speaks to the broker; each waits until the message left or was given up."""

    def cameras(self, words: Sequence[CameraWord]) -> Awaitable[None]:
        """Publish readings and stills, in this order."""

    def status(self, standing: Standing) -> Awaitable[None]:
        """Publish the worker's own heartbeat."""


@dataclass
class _Watched:
    """One camera that this worker was given."""

    camera: Camera
    analyst: Analyst
    tap: Tap
    task: asyncio.Task[None]
    state: SourceState = SourceState.CONNECTING
    last_s: float = 0.0
    unread: int = 0
    """Pictures that had given way unread when the last one was read."""

    said_blind_s: float = field(default=float("-inf"))


class Worker:
    """Analyses the cameras of its share; `run` ends only by cancellation."""

    def __init__(
        self,
        cameras: Iterable[Camera],
        *,
        open_tap: OpenTap,
        grounds: Mapping[str, Ground],
        corrections: Mapping[str, BandCorrection],
        voice: Voice,
        clock: Clock,
    ) -> None:
        self._known = {camera.id: camera for camera in cameras}
        self._open_tap = open_tap
        self._grounds = grounds
        self._corrections = corrections
        self._voice = voice
        self._clock = clock
        self._watched: dict[str, _Watched] = {}
        self._epoch = -1
        self._unknown = 0
        self._looked_at: dict[str, datetime] = {}
        self._estimators: dict[Size, Estimator] = {}
        self._group: asyncio.TaskGroup | None = None
        self._words: asyncio.Queue[CameraWord] = asyncio.Queue(WORDS_WAITING)
        self._read = self._dropped_before = 0
        self.unsaid = 0

    async def run(self) -> None:
        """Read pictures, say blindness and send heartbeats, until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            group.create_task(self._speak(), name="speak")
            group.create_task(self._tell_blindness(), name="blindness")
            group.create_task(self._heartbeat(), name="heartbeat")

    def assign(self, share: WorkerCameras) -> None:
        """Take on a new share; one that is not newer than the last changes nothing."""
        if share.epoch <= self._epoch or self._group is None:
            return
        self._epoch = share.epoch
        wanted = {camera for camera in share.cameras if camera in self._known}
        self._unknown = len(set(share.cameras) - wanted)
        for name in share.cameras:
            if name not in wanted:
                log.warning("asked to analyse camera %s, which the site file does not have", name)
        for gone in set(self._watched) - wanted:
            self._leave(gone)
        for name in sorted(wanted - set(self._watched)):
            self._watch(self._known[name], self._group)

    def let_go(self) -> None:
        """Give every camera up until the next share, the same one too: others may have them by now."""
        self._epoch, self._unknown = -1, 0
        for name in list(self._watched):
            self._leave(name)

    def _leave(self, name: str) -> None:
        gone = self._watched.pop(name)
        self._dropped_before += gone.tap.dropped
        gone.task.cancel()

    def look(self, camera: str, until: datetime) -> None:
        """Somebody looks at a camera until then: send stills, what was analysed last at once.

        Not of a camera that fell silent: its last picture shows people who may be gone.
        """
        if camera not in self._known:
            return
        watched, now = self._watched.get(camera), self._clock.now()
        before = self._looked_at.get(camera)
        self._looked_at[camera] = until
        begins = now < until and (before is None or before <= now)
        if watched is not None and begins and not self._is_silent(watched):
            self._show(watched)

    def _is_silent(self, watched: _Watched) -> bool:
        patience_s = max(BLIND_AFTER_S, 2.5 * watched.camera.every_s)
        return self._clock.monotonic() - watched.last_s >= patience_s

    def _show(self, watched: _Watched) -> None:
        still = watched.analyst.still()
        if still is not None:
            self._say(watched.camera.id, still)

    def _watch(self, camera: Camera, group: asyncio.TaskGroup) -> None:
        now_s = self._clock.monotonic()
        tap = self._open_tap(camera, study=self._study, on_state=self._note_state)
        self._watched[camera.id] = _Watched(
            camera=camera,
            analyst=Analyst(
                camera.id,
                ground=self._grounds.get(camera.id),
                started_s=now_s,
                view=ViewReference() if camera.fixed_view else None,
            ),
            tap=tap,
            task=group.create_task(tap.run(), name=f"camera {camera.id}"),
            last_s=now_s,
        )

    def _study(self, picture: Picture) -> Callable[[], None]:
        """Read one picture, beside the event loop; what to do with it on the loop."""
        watched = self._watched.get(picture.camera)
        if watched is None:
            return _nothing
        reading = watched.analyst.read(picture, self._counting(watched.camera))
        until = self._looked_at.get(picture.camera)
        looked_at = until is not None and self._clock.now() < until
        still = watched.analyst.still() if looked_at else None
        return partial(self._take, picture.camera, reading, still)

    def _counting(self, camera: Camera) -> Counting:
        if camera.model not in self._estimators:
            self._estimators[camera.model] = Estimator(camera.model)
        estimator = self._estimators[camera.model]
        correction = self._corrections.get(camera.id)
        return CorrectedEstimator(estimator, correction) if correction else estimator

    def _take(
        self, camera: str, reading: DensityLive | DensityBlind, still: CameraStill | None
    ) -> None:
        watched = self._watched.get(camera)
        if watched is not None:
            watched.last_s = self._clock.monotonic()
            watched.unread = watched.tap.dropped
            self._read += 1
            self._say(camera, reading)
            if still is not None:
                self._say(camera, still)

    def _note_state(self, camera: str, state: SourceState) -> None:
        watched = self._watched.get(camera)
        if watched is not None:
            watched.state = state

    def _say(self, camera: str, body: DensityLive | DensityBlind | CameraStill) -> None:
        """Have it said in its turn; when too much waits, the newest is left out and counted."""
        try:
            self._words.put_nowait((camera, body))
        except asyncio.QueueFull:
            self.unsaid += 1

    async def _speak(self) -> None:
        """Beside the reading of pictures; what comes within a moment goes together."""
        while True:
            words = [await self._words.get()]
            await asyncio.sleep(TOGETHER_S)
            words += [self._words.get_nowait() for _ in range(self._words.qsize())]
            await self._voice.cameras(words)

    async def _tell_blindness(self) -> None:
        """A camera that gives no pictures is said to be blind, by name of what is wrong with it."""
        while True:
            await asyncio.sleep(0.5)
            now_s = self._clock.monotonic()
            for name, watched in list(self._watched.items()):
                if not self._is_silent(watched):
                    continue
                if now_s - watched.said_blind_s < max(2.0, watched.camera.every_s):
                    continue
                watched.said_blind_s = now_s
                blind = DensityBlind(
                    at=self._clock.now(), reason=_why_silent(watched), model="none"
                )
                self._say(name, blind)

    async def _heartbeat(self) -> None:
        strain = _Strain()
        before_s, used_s = self._clock.monotonic(), time.process_time()
        while True:
            now_s, now_used_s, dropped = (
                self._clock.monotonic(),
                time.process_time(),
                self._dropped(),
            )
            standing = Standing(
                capacity=CAPACITY,
                cameras=len(self._watched),
                load=round((now_used_s - used_s) / max(now_s - before_s, 1e-3), 3),
                epoch=max(self._epoch, 0),
                dropped=dropped,
                foreign=sum(each.tap.foreign for each in self._watched.values()),
                overloaded=strain.overloaded(read=self._read, dropped=dropped) or self._starves(),
                unknown=self._unknown,
            )
            before_s, used_s = now_s, now_used_s
            await self._voice.status(standing)
            await asyncio.sleep(STATUS_EVERY_S)

    def _starves(self) -> bool:
        """Whether a camera is blind because of this worker: it has no case of its own, so that this must."""
        return any(
            self._is_silent(each) and _why_silent(each) == OVERLOADED
            for each in self._watched.values()
        )

    def _dropped(self) -> int:
        return self._dropped_before + sum(each.tap.dropped for each in self._watched.values())


def _why_silent(watched: _Watched) -> str:
    """Why a camera gave no reading: what is wrong with it, or that this worker does not keep up.

    Whose pictures come and wait unread has no fault: nobody shall walk to it.
    """
    if watched.state not in (SourceState.LIVE, SourceState.CONNECTING):
        return watched.state.value
    return OVERLOADED if watched.tap.dropped > watched.unread else SourceState.STALLED.value


def _nothing() -> None:
    """The camera was given up while its picture was on the way."""
