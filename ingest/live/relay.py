"""Carries cameras' own pictures to those who look: one connection a camera, none while nobody does."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from contextlib import asynccontextmanager

from ingest.live.repacking import (
    Beginning,
    Fragment,
    ParameterSets,
    Repacker,
    gathered,
    parameter_sets,
)
from ingest.live.viewing import Lost, Viewing
from ingest.patience import Patience
from ingest.rtsp.address import Address, AddressError
from ingest.rtsp.connection import Manner
from ingest.rtsp.decode import PictureDecoder
from ingest.rtsp.failure import CameraError, garbled
from ingest.rtsp.picking import decoding_pool
from ingest.rtsp.session import CameraSession, Deadlines
from ingest.rtsp.units import CodedPicture
from model.clock import Clock
from model.picture import SourceState

_LOG = logging.getLogger(__name__)
DRAIN_S = 0.08
LINGER_S = 5.0
GROUP_BYTES_MOST = 8_000_000
CAMERAS_MOST = 32
VIEWERS_MOST = 200
SIZE_MOST_PX = 4096


class TooManyViewersError(Exception):
    """No more cameras, or no more viewers, are carried at once."""


class LiveCamera:
    """One camera's connection and those who look; kept for some seconds after the last has left.

    The last group of pictures is kept, at most 8 MB, so that whoever comes sees a picture at once.
    """

    def __init__(
        self, camera: str, url: str, *, clock: Clock, pool: Executor, linger_s: float, patience: Patience,
        deadlines: Deadlines, manner: Manner | None,
    ) -> None:  # fmt: skip
        self.camera, self._url, self._manner = camera, url, manner
        self._clock, self._pool, self._linger_s = clock, pool, linger_s
        self._patience, self._deadlines = patience, deadlines
        self._viewers: set[Viewing] = set()
        self._left_s = self._back_s = clock.monotonic()
        self._repacker: Repacker | None = None
        self._group: list[Fragment] = []
        self._group_bytes = 0
        self._lost: Lost | None = None
        self.connections = 0
        self.skipped = 0

    @property
    def viewers(self) -> int:
        """How many look."""
        return len(self._viewers)

    def join(self, viewing: Viewing) -> None:
        """Somebody begins to look, with the newest group of pictures."""
        self._viewers.add(viewing)
        if self._lost is not None:
            viewing.tell(self._lost)
        elif self._repacker is not None:
            # Kept so: whoever comes next shares these pieces.
            self._group = gathered(self._group)
            viewing.begin(self._repacker.beginning, self._group)

    def leave(self, viewing: Viewing) -> None:
        """Somebody looks away."""
        self._viewers.discard(viewing)
        self.skipped += viewing.skipped
        self._left_s = self._clock.monotonic()

    def _unwatched(self) -> bool:
        """Whether nobody has looked for long enough to close the connection."""
        return not self._viewers and self._clock.monotonic() - self._left_s >= self._linger_s

    async def run(self) -> None:
        """Carry pictures until nobody looks any more."""
        failures = wrong_passwords = 0
        while True:
            failure = await self._try()
            if failure is None:
                return
            if self._was_steady():
                failures = wrong_passwords = 0
            wrong = failure.state is SourceState.WRONG_PASSWORD
            self._fail(failure)
            if await self._pause(wrong_passwords if wrong else failures, failure.state):
                return
            failures += 1
            wrong_passwords += wrong

    async def _try(self) -> CameraError | None:
        """One connection: why it ended, or None where nobody looks any more."""
        try:
            await self._once()
        except CameraError as failure:
            return failure
        except Exception as error:  # noqa: BLE001 - those who look stay, and the next connection may do better
            _LOG.error("live view of camera %s: our own error", self.camera, exc_info=error)
            return garbled(f"our own error: {type(error).__name__}")
        return None

    def _was_steady(self) -> bool:
        """Whether pictures came for so long that the failures before them count no more."""
        if self._repacker is None:
            return False
        return self._clock.monotonic() - self._back_s >= self._patience.steady_s

    def _fail(self, failure: CameraError) -> None:
        if self._lost is None or self._lost.state is not failure.state:
            _LOG.warning("live view of camera %s: %s", self.camera, failure)
        self._lost = Lost(state=failure.state)
        self._repacker = None
        self._drop_group()
        self._tell(self._lost)

    async def _pause(self, failures: int, state: SourceState) -> bool:
        """Wait before the next attempt; True where nobody looks any more meanwhile."""
        # A coding that browsers are not sent is as lasting as a path that the camera does not know.
        lasting = state is SourceState.UNSUPPORTED_CODEC
        named = SourceState.NOT_FOUND if lasting else state
        wait_s = self._patience.wait_s(failures, named, random.Random())
        end_s = self._clock.monotonic() + wait_s
        while self._clock.monotonic() < end_s:
            if self._unwatched():
                return True
            await asyncio.sleep(DRAIN_S)
        return False

    async def _once(self) -> None:
        """One connection; returns when nobody looks any more, else ends with a CameraError."""
        try:
            address = Address.parse(self._url)
        except AddressError as error:
            raise CameraError(SourceState.NOT_FOUND, str(error)) from error
        session = CameraSession(
            address, clock=self._clock, deadlines=self._deadlines, manner=self._manner
        )
        try:
            stream, gatherer = await session.open()
            self.connections += 1
            if stream.codec != "h264":
                raise CameraError(
                    SourceState.UNSUPPORTED_CODEC, f"browsers are not sent {stream.codec}"
                )
            gatherer.every_picture = True
            began_s = heard_s = self._clock.monotonic()
            while not self._unwatched():
                before = session.received_bytes
                pictures = session.drain()
                now_s = self._clock.monotonic()
                if session.received_bytes > before:
                    heard_s = now_s
                self._give_up(now_s, heard_s, began_s)
                await self._carry(pictures, stream.clock_hz)
                await asyncio.sleep(DRAIN_S)
        finally:
            session.close()

    def _give_up(self, now_s: float, heard_s: float, began_s: float) -> None:
        if now_s - heard_s > self._patience.silent_s:
            raise CameraError(SourceState.STALLED, f"nothing came for {self._patience.silent_s} s")
        if self._repacker is None and now_s - began_s > 2 * self._patience.no_picture_s:
            raise garbled("no key picture came")

    async def _carry(self, pictures: list[CodedPicture], clock_hz: int) -> None:
        rest: list[CodedPicture] = []
        for picture in pictures:
            if picture.key:
                sets = parameter_sets(picture)
                if sets is not None and (self._repacker is None or self._repacker.sets != sets):
                    self._pass_on(rest)
                    rest = []
                    await self._begin(sets, picture, clock_hz)
            rest.append(picture)
        self._pass_on(rest)

    async def _begin(self, sets: ParameterSets, picture: CodedPicture, clock_hz: int) -> None:
        loop = asyncio.get_running_loop()
        size = await loop.run_in_executor(self._pool, _size, picture.data)
        if self._repacker is None:
            self._back_s = self._clock.monotonic()
        self._repacker = Repacker(sets, width=size[0], height=size[1], ticks_per_s=clock_hz)
        self._lost = None
        self._drop_group()
        self._tell(self._repacker.beginning)

    def _pass_on(self, pictures: list[CodedPicture]) -> None:
        if self._repacker is None or not pictures:
            return
        for fragment in self._repacker.take(pictures):
            if fragment.key:
                self._drop_group()
            if fragment.key or self._group:
                self._group.append(fragment)
                self._group_bytes += len(fragment.data)
            if self._group_bytes > GROUP_BYTES_MOST:
                self._drop_group()
            self._tell(fragment)

    def end(self) -> None:
        """Tell those who look that nothing more comes from here."""
        self._tell(Lost(state=SourceState.GARBLED))

    def _drop_group(self) -> None:
        self._group, self._group_bytes = [], 0

    def _tell(self, word: Lost | Fragment | Beginning) -> None:
        for viewing in self._viewers:
            viewing.tell(word)


def _size(data: bytes) -> tuple[int, int]:
    """Width and height of a key picture, by decoding it once: about what a reading costs."""
    picture = PictureDecoder("h264").key_picture(data, max_width=SIZE_MOST_PX)
    if picture is None:
        raise garbled("its first key picture cannot be decoded")
    return picture.shape[1], picture.shape[0]


class LiveRelay:
    """The live views of a site; `run` owns every connection, `watch` is what a console calls.

    `url_of` gives a camera's address with its credentials. At most 32 cameras and 200 viewers at
    once: more are refused, not queued.
    """

    def __init__(
        self, url_of: Callable[[str], str], *, clock: Clock, linger_s: float = LINGER_S, patience: Patience | None = None,
        deadlines: Deadlines | None = None, pool: Executor | None = None,
        manner_of: Callable[[str], Manner] | None = None,
    ) -> None:  # fmt: skip
        self._manner_of = manner_of
        self._url_of, self._clock, self._linger_s = url_of, clock, linger_s
        self._patience, self._deadlines = patience or Patience(), deadlines or Deadlines()
        self._pool = pool or decoding_pool()
        self._cameras: dict[str, LiveCamera] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._skipped = 0

    @property
    def cameras(self) -> int:
        """How many cameras are connected for live view."""
        return len(self._cameras)

    @property
    def viewers(self) -> int:
        """How many look."""
        return sum(each.viewers for each in self._cameras.values())

    @property
    def skipped(self) -> int:
        """Pieces that slow viewers were spared, of all cameras that were let go so far."""
        return self._skipped + sum(each.skipped for each in self._cameras.values())

    async def run(self) -> None:
        """Live until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            await asyncio.get_running_loop().create_future()

    @asynccontextmanager
    async def watch(self, camera: str) -> AsyncIterator[Viewing]:
        """Look at a camera for the time of a context; raises TooManyViewersError."""
        live = self._camera(camera)
        viewing = Viewing()
        live.join(viewing)
        try:
            yield viewing
        finally:
            live.leave(viewing)

    def _camera(self, camera: str) -> LiveCamera:
        if self.viewers >= VIEWERS_MOST:
            raise TooManyViewersError
        live = self._cameras.get(camera)
        if live is None:
            if len(self._cameras) >= CAMERAS_MOST or self._tasks is None:
                raise TooManyViewersError
            live = LiveCamera(
                camera, self._url_of(camera), clock=self._clock, pool=self._pool, linger_s=self._linger_s,
                patience=self._patience, deadlines=self._deadlines,
                manner=self._manner_of(camera) if self._manner_of else None,
            )  # fmt: skip
            self._cameras[camera] = live
            self._tasks.create_task(self._keep(live), name=f"live view of camera {camera}")
        return live

    async def _keep(self, live: LiveCamera) -> None:
        try:
            await live.run()
        except Exception as error:  # noqa: BLE001 - the supervisor: one camera's oddity must not end the service
            _LOG.error("live view of camera %s: our own error", live.camera, exc_info=error)
            live.end()
        finally:
            self._skipped += live.skipped
            del self._cameras[live.camera]
