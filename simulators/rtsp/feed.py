"""What one simulated camera shows at each moment, and what goes wrong with it on command."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import floor

import numpy as np

from model.clock import Clock
from simulators.rtsp.loop import Loop, LoopError, first_picture, still_loop, turned_loop
from simulators.rtsp.packets import payloads

KEPT_CHANGES = 1000
SLOWNESS = 4


class Fault(StrEnum):
    """What can be wrong with a simulated camera.

    drop: connections are closed and refused; stall: they stay and nothing comes; black and frozen:
    pictures come and show nothing new; garbage: bytes come that mean nothing; slow: a link that
    carries a quarter of what the camera sends, so that pictures come later and later; lossy:
    datagrams are lost and overtake one another; moved: the camera was turned and shows another view.
    """

    NONE = "none"
    DROP = "drop"
    STALL = "stall"
    BLACK = "black"
    FROZEN = "frozen"
    GARBAGE = "garbage"
    SLOW = "slow"
    LOSSY = "lossy"
    MOVED = "moved"


SPOILED = frozenset({Fault.BLACK, Fault.FROZEN, Fault.MOVED})


class Clip:
    """A loop cut into RTP payloads, shared by all cameras that show it."""

    def __init__(self, loop: Loop) -> None:
        if len(loop.units) % loop.gop:
            raise LoopError(
                f"a clip of {len(loop.units)} pictures is no multiple of its group of {loop.gop}"
            )
        self.loop = loop
        self.parts = [payloads(unit) for unit in loop.units]
        self._stills: dict[Fault, Clip] = {}

    def spoiled(self, fault: Fault) -> Clip:
        """The same camera black, frozen or moved; made on first use and kept."""
        if fault not in self._stills:
            if fault is Fault.MOVED:
                made = turned_loop(self.loop)
            else:
                picture = first_picture(self.loop)
                if fault is Fault.BLACK:
                    picture = np.zeros_like(picture)
                made = still_loop(picture, like=self.loop)
            self._stills[fault] = Clip(made)
        return self._stills[fault]


@dataclass(frozen=True, slots=True)
class DueFrame:
    """One picture to send now: its number since the camera's start, its packets, whether it is key."""

    number: int
    parts: list[bytes]
    key: bool


class CameraFeed:
    """One camera: named stages (calm, growing, …), of which it shows one, and its fault.

    A change of stage takes effect at the next key picture. All stages have one rate and group.
    `phase_s` sets cameras apart, so that their key pictures do not come together.
    """

    def __init__(
        self, stages: Mapping[str, Clip], *, stage: str, clock: Clock, phase_s: float = 0.0
    ) -> None:
        paces = {(clip.loop.fps, clip.loop.gop) for clip in stages.values()}
        if len(paces) != 1:
            raise LoopError("all stages of a camera need the same rate and group length")
        ((self.fps, self.gop),) = paces
        self._stages, self._clock = dict(stages), clock
        self._epoch_s, self._epoch_at = clock.monotonic() - phase_s, clock.now()
        self._phase_s = phase_s
        self._from = [0]
        self._shown = [self._stages[stage]]
        self.stage = stage
        self.fault = Fault.NONE
        self._fault_since = 0
        self._sent = 0

    @property
    def clip(self) -> Clip:
        """What is shown now, faults aside."""
        return self._shown[-1]

    def number_now(self) -> int:
        """The number of the picture that the sensor took last."""
        return floor((self._clock.monotonic() - self._epoch_s) * self.fps)

    def taken_at(self, number: int) -> datetime:
        """When a picture was taken, by the wall clock now."""
        behind = self._clock.monotonic() - self._epoch_s - number / self.fps
        now = self._clock.now()
        return datetime.fromtimestamp(now.timestamp() - behind, tz=now.tzinfo)

    def show(self, stage: str) -> None:
        """Change over to a stage at the next key picture."""
        self._from.append((self.number_now() // self.gop + 1) * self.gop)
        self._shown.append(self._stages[stage])
        self.stage = stage
        del self._from[:-KEPT_CHANGES], self._shown[:-KEPT_CHANGES]

    def set_fault(self, fault: Fault) -> None:
        """Switch a fault on, or all off with `Fault.NONE`; pictures change at the next key picture."""
        if fault in SPOILED:
            self.clip.spoiled(fault)
        self.fault = fault
        self._fault_since = self.number_now()

    def people_at(self, at: datetime) -> int | None:
        """People truly visible at a wall-clock time; None for a real video, which nobody counted."""
        since = (at - self._epoch_at).total_seconds() + self._phase_s
        number = max(floor(since * self.fps), 0)
        loop = self._clip_at(number).loop
        return None if loop.truth is None else loop.truth[number % len(loop.units)]

    def _clip_at(self, number: int) -> Clip:
        return self._shown[max(bisect_right(self._from, number) - 1, 0)]

    def begin(self) -> None:
        """Somebody starts to watch: what piled up on a slow link went with the connection before."""
        if self.fault is Fault.SLOW:
            self._fault_since = self.number_now()

    def since_key(self, number: int) -> list[DueFrame]:
        """The pictures of this group before that one: what a viewer that comes now has missed of it."""
        return [self._frame(each) for each in range(number // self.gop * self.gop, number)]

    def due(self) -> list[DueFrame]:
        """Pictures taken since the last call, in order; at most two seconds of them."""
        number = self.number_now()
        if self.fault is Fault.SLOW:
            number = self._fault_since + (number - self._fault_since) // SLOWNESS
        first = max(self._sent + 1, number - 2 * self.fps)
        frames = [self._frame(each) for each in range(first, number + 1)]
        self._sent = max(self._sent, number)
        return frames

    def _frame(self, number: int) -> DueFrame:
        clip = self._clip_at(number)
        spoiled_from = (self._fault_since // self.gop + 1) * self.gop
        if self.fault in SPOILED and number >= spoiled_from:
            clip = clip.spoiled(self.fault)
        return DueFrame(number, clip.parts[number % len(clip.parts)], key=number % self.gop == 0)
