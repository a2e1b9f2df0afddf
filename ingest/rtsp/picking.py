"""Chooses which of a camera's coded pictures are decoded, and has that done beside the event loop."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ingest.rtsp.decode import PictureDecoder, to_bgr
from ingest.rtsp.units import CodedPicture, PictureGatherer
from ingest.tallies import Tallies
from model.picture import Following

_LOG = logging.getLogger(__name__)
Image = NDArray[np.uint8]
MAX_BACKLOG = 150
FOLLOWED_AT_ONCE = 12
BURST_PATIENCE_S = 1.0
RARE_FROM, RARE_UNTIL = 1.25, 1.125
"""Key pictures that are later than so many times `rare_s` are rare; within so many they are not any more.

When one came is known to a drain: an interval of just `rare_s` must lie clear of both.
"""

Then = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A decoded picture: pixels (H, W, 3) BGR, when the camera took it, when it came, its burst."""

    pixels: Image
    at: datetime
    came_s: float
    burst: tuple[Following, ...] = ()


@dataclass(slots=True)
class _Waiting:
    """A picture to decode, when it was taken and came, and those after it that show how people move."""

    coded: CodedPicture
    at: datetime
    came_s: float
    after: list[CodedPicture] = field(default_factory=list)


@cache
def decoding_pool() -> Executor:
    """One thread that decodes for all cameras of this process, each camera in its turn."""
    return ThreadPoolExecutor(1, thread_name_prefix="decoding")


class PicturePicker:
    """One connection's pictures: a key picture an interval, or all where key pictures are rare.

    At most one picture of a camera is being looked at and one waits; a newer one takes the waiting
    one's place and is counted as dropped, so that an overloaded process reads every camera less
    often, all of them equally so, and none of them late. Where all are decoded, twelve a turn are,
    so that other cameras have theirs; up to 150 wait, and more are dropped up to the next that can
    be decoded alone.

    `see` gets each decoded picture in the pool's thread; what it returns is called in the loop's.
    With `burst`, so many pictures after a key picture are decoded with it; it waits for them for
    one second at most. Where key pictures are rare there are no bursts.
    """

    def __init__(
        self, codec: str, gatherer: PictureGatherer, *, camera: str, every_s: float, rare_s: float, max_width: int,
        started_s: float, when: Callable[[int, float], datetime], see: Callable[[Seen], Then], tallies: Tallies,
        pool: Executor | None = None, burst: int = 0,
    ) -> None:  # fmt: skip
        self._decoder, self._gatherer = PictureDecoder(codec), gatherer
        self._camera, self._every_s, self._max_width = camera, every_s, max_width
        self._rare_s = max(rare_s, 2 * every_s)
        self._when, self._see, self._tallies = when, see, tallies
        self._pool = pool or decoding_pool()
        self._waiting: deque[_Waiting] = deque()
        self._burst = burst
        self._gathering: _Waiting | None = None
        gatherer.after_key = burst
        self._busy = self._closed = self._follow = self._restart = False
        self._due_s = 0.0
        self._key_s = started_s
        self.healthy_s = started_s

    def blind_s(self, now_s: float) -> float:
        """Seconds since a picture was last whole; none while one waits for its turn to be decoded."""
        return 0.0 if self._busy else now_s - self.healthy_s

    def close(self) -> None:
        """Nothing is given any more, not even what is being decoded."""
        self._closed = True
        self._gathering = None
        self._waiting.clear()

    def look(self, now_s: float) -> None:
        """Packets keep coming: change over to all pictures when key pictures stay away."""
        if self._gathering and now_s - self._gathering.came_s > BURST_PATIENCE_S:
            self._end_burst()
        if not self._follow and now_s - self._key_s > RARE_FROM * self._rare_s:
            self._follow_all(follow=True)

    def offer(self, coded: CodedPicture, now_s: float) -> None:
        """Take one coded picture, in the order of the stream."""
        if not coded.key and not self._follow:
            self._gather(coded)
            return
        self._end_burst()
        at = self._when(coded.stamp, now_s)
        if coded.key:
            if self._follow and now_s - self._key_s < RARE_UNTIL * self._rare_s:
                self._follow_all(follow=False)
            self._key_s = now_s
        if self._follow:
            self._make_room()
            self._waiting.append(_Waiting(coded, at, now_s))
            self._look_next()
        elif now_s < self._due_s - min(0.45 * self._every_s, 0.6):
            self.healthy_s = now_s
        else:
            self._due_s = self._next_due(now_s)
            self._gathering = _Waiting(coded, at, now_s)
            if not self._burst:
                self._end_burst()

    def _gather(self, coded: CodedPicture) -> None:
        """A picture after a key picture: part of its burst, if that one is to be decoded."""
        if self._gathering is None:
            return
        self._gathering.after.append(coded)
        if len(self._gathering.after) >= self._burst:
            self._end_burst()

    def _end_burst(self) -> None:
        """The key picture waits no longer for those after it; it takes an older one's place."""
        gathered, self._gathering = self._gathering, None
        if gathered is None:
            return
        self._tallies.dropped += len(self._waiting)
        self._waiting.clear()
        self._waiting.append(gathered)
        self._look_next()

    def _next_due(self, now_s: float) -> float:
        return max(self._due_s, now_s - self._every_s) + self._every_s

    def _make_room(self) -> None:
        if len(self._waiting) >= MAX_BACKLOG:
            self._tallies.dropped += len(self._waiting)
            self._waiting.clear()
            self._restart = True

    def _follow_all(self, *, follow: bool) -> None:
        self._follow = self._gatherer.every_picture = follow
        self._restart = True
        self._gathering = None
        self._waiting.clear()
        what = (
            "key pictures are rare; every picture is decoded"
            if follow
            else "only key pictures are decoded"
        )
        _LOG.info("camera %s: %s", self._camera, what)

    def _look_next(self) -> None:
        if self._busy or not self._waiting:
            return
        self._busy = True
        future = asyncio.get_running_loop().run_in_executor(self._pool, self._turn)
        future.add_done_callback(self._turned)

    def _turn(self) -> tuple[float | None, list[Then]]:
        """This camera's turn in the pool: when the last whole picture came, and what to do then.

        What waits is taken now and not when the turn was asked for: the newest wins.
        """
        if self._restart:
            self._restart = False
            self._decoder.start_afresh(follow=self._follow)
        return self._followed() if self._follow else self._key_picture()

    def _key_picture(self) -> tuple[float | None, list[Then]]:
        last = self._next_waiting()
        if last is None:
            return self.healthy_s, []
        burst: tuple[Following, ...] = ()
        if last.after:
            pixels, burst = self._decoder.burst(last.coded, last.after, max_width=self._max_width)
        else:
            pixels = self._decoder.key_picture(last.coded.data, max_width=self._max_width)
        if pixels is None:
            return None, []
        seen = Seen(pixels=pixels, at=last.at, came_s=last.came_s, burst=burst)
        return last.came_s, [self._see(seen)]

    def _followed(self) -> tuple[float | None, list[Then]]:
        """Some pictures in turn; those at which a reading is due are seen."""
        healthy_s: float | None = None
        found: list[Then] = []
        for _ in range(FOLLOWED_AT_ONCE):
            one = self._next_waiting()
            if one is None:
                break
            frame = self._decoder.next_frame(one.coded.data)
            if frame is None:
                continue
            healthy_s = one.came_s
            if one.came_s >= self._due_s:
                self._due_s = self._next_due(one.came_s)
                pixels = to_bgr(frame, max_width=self._max_width)
                found.append(self._see(Seen(pixels=pixels, at=one.at, came_s=one.came_s)))
        return healthy_s, found

    def _next_waiting(self) -> _Waiting | None:
        try:
            return self._waiting.popleft()
        except IndexError:
            # Cleared by the loop's thread since this turn was asked for.
            return None

    def _turned(self, future: asyncio.Future[tuple[float | None, list[Then]]]) -> None:
        self._busy = False
        if self._closed or future.cancelled():
            return
        healthy_s, found = future.result()
        if healthy_s is None:
            self._tallies.undecodable += 1
        else:
            self.healthy_s = max(self.healthy_s, healthy_s)
        for then in found:
            then()
        self._look_next()
