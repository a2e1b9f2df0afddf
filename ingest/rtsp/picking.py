"""Chooses which of a camera's coded pictures are decoded, and has that done beside the event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from ingest.rtsp.decode import PictureDecoder, to_bgr
from ingest.rtsp.units import CodedPicture, PictureGatherer
from model.picture import Following

_LOG = logging.getLogger(__name__)
Image = NDArray[np.uint8]
MAX_BACKLOG = 150
BURST_PATIENCE_S = 1.0
_Burst = tuple[Following, ...]
_Given = tuple[CodedPicture, Image, float, _Burst]


@dataclass(slots=True)
class _Waiting:
    """A picture to decode, when it came, and the pictures after it that show how people move."""

    coded: CodedPicture
    came_s: float
    after: list[CodedPicture] = field(default_factory=list)


@cache
def decoding_pool() -> Executor:
    """One thread that decodes for all cameras of this process, each camera in its turn."""
    return ThreadPoolExecutor(1, thread_name_prefix="decoding")


class PicturePicker:
    """One connection's pictures: a key picture an interval, or all where key pictures are rare.

    At most one picture of a camera is being decoded and one waits; a newer one takes the waiting
    one's place and `dropped` counts, so that an overloaded process reads every camera less often
    and none of them late. Where all are decoded, up to 150 wait; more are dropped up to the next
    that can be decoded alone.

    With `burst`, so many pictures after a key picture are decoded with it; it waits for them for
    one second at most. Where key pictures are rare there are no bursts.
    """

    def __init__(
        self, codec: str, gatherer: PictureGatherer, *, camera: str, every_s: float, rare_s: float, max_width: int,
        started_s: float, on_pixels: Callable[[CodedPicture, Image, float, _Burst], None],
        pool: Executor | None = None, burst: int = 0,
    ) -> None:  # fmt: skip
        self._decoder, self._gatherer = PictureDecoder(codec), gatherer
        self._camera, self._every_s, self._max_width = camera, every_s, max_width
        self._rare_s = max(rare_s, 2 * every_s)
        self._on_pixels, self._pool = on_pixels, pool or decoding_pool()
        self._waiting: list[_Waiting] = []
        self._burst = burst
        self._gathering: _Waiting | None = None
        gatherer.after_key = burst
        self._busy = self._closed = self._follow = self._restart = False
        self._due_s = 0.0
        self._key_s = started_s
        self.healthy_s = started_s
        self.dropped = self.undecodable = 0

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
        if not self._follow and now_s - self._key_s > self._rare_s:
            self._follow_all(follow=True)

    def offer(self, coded: CodedPicture, now_s: float) -> None:
        """Take one coded picture, in the order of the stream."""
        if not coded.key and not self._follow:
            self._gather(coded)
            return
        self._end_burst()
        if coded.key:
            if self._follow and now_s - self._key_s < 0.75 * self._rare_s:
                self._follow_all(follow=False)
            self._key_s = now_s
        if self._follow:
            self._make_room()
        elif now_s < self._due_s - min(0.45 * self._every_s, 0.6):
            self.healthy_s = now_s
            return
        else:
            self._due_s = self._next_due(now_s)
            self._gathering = _Waiting(coded, now_s)
            if not self._burst:
                self._end_burst()
            return
        self._waiting.append(_Waiting(coded, now_s))
        self._decode_next()

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
        self.dropped += len(self._waiting)
        self._waiting = [gathered]
        self._decode_next()

    def _next_due(self, now_s: float) -> float:
        return max(self._due_s, now_s - self._every_s) + self._every_s

    def _make_room(self) -> None:
        if len(self._waiting) >= MAX_BACKLOG:
            self.dropped += len(self._waiting)
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

    def _decode_next(self) -> None:
        if self._busy or not self._waiting:
            return
        self._busy = True
        batch, self._waiting = self._waiting, []
        restart, self._restart = self._restart, False
        due_s = self._due_s if self._follow else 0.0
        work = self._follow_batch if self._follow else self._key_picture
        future = asyncio.get_running_loop().run_in_executor(
            self._pool, partial(work, batch, restart=restart, due_s=due_s)
        )
        future.add_done_callback(self._decoded)

    def _key_picture(
        self,
        batch: list[_Waiting],
        *,
        restart: bool,
        due_s: float,  # noqa: ARG002 - every key picture that comes here is due
    ) -> tuple[float | None, list[_Given]]:
        """Runs in the pool: when the last decodable picture came, and those to give."""
        if restart:
            self._decoder.start_afresh()
        last = batch[-1]
        burst: _Burst = ()
        if last.after:
            pixels, burst = self._decoder.burst(last.coded, last.after, max_width=self._max_width)
        else:
            pixels = self._decoder.key_picture(last.coded.data, max_width=self._max_width)
        if pixels is None:
            return None, []
        return last.came_s, [(last.coded, pixels, last.came_s, burst)]

    def _follow_batch(
        self,
        batch: list[_Waiting],
        *,
        restart: bool,
        due_s: float,
    ) -> tuple[float | None, list[_Given]]:
        """Runs in the pool: all pictures in turn, pixels of those at which a reading is due."""
        if restart:
            self._decoder.start_afresh()
        healthy_s: float | None = None
        found: list[_Given] = []
        for one in batch:
            frame, now_s = self._decoder.next_frame(one.coded.data), one.came_s
            if frame is None:
                continue
            healthy_s = now_s
            if now_s >= due_s:
                found.append((one.coded, to_bgr(frame, max_width=self._max_width), now_s, ()))
                due_s = max(due_s, now_s - self._every_s) + self._every_s
        return healthy_s, found

    def _decoded(self, future: asyncio.Future[tuple[float | None, list[_Given]]]) -> None:
        self._busy = False
        if self._closed or future.cancelled():
            return
        healthy_s, found = future.result()
        if healthy_s is None:
            self.undecodable += 1
        else:
            self.healthy_s = max(self.healthy_s, healthy_s)
        for coded, pixels, now_s, burst in found:
            if self._follow:
                self._due_s = self._next_due(now_s)
            self._on_pixels(coded, pixels, now_s, burst)
        self._decode_next()
