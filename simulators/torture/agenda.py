"""The agenda: what happens next in a simulated site, and the clocks that go with it."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from model.clock import Clock

MONOTONIC_S = 1000.0


class TrueClock:
    """The true time of a run, `t` seconds after its start; the agenda moves it."""

    def __init__(self, start: datetime) -> None:
        self._start = self._now = start
        self._now_t = self.t = 0.0

    def now(self) -> datetime:
        if self._now_t != self.t:
            self._now_t, self._now = self.t, self._start + timedelta(seconds=self.t)
        return self._now

    def monotonic(self) -> float:
        return MONOTONIC_S + self.t


class Agenda:
    """Everything that is still to happen, in order of its time; time jumps from one to the next.

    `t` is seconds since the run began. Things of the same moment happen in the order in which they
    were put down, so that a run replays exactly.
    """

    def __init__(self, start: datetime) -> None:
        self.clock = TrueClock(start)
        self._waiting: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._serial = 0
        self._start = start
        self.t = 0.0

    def at(self, t: float, act: Callable[..., None], *with_what: Any) -> None:
        """Let something happen at a moment, now at the earliest."""
        self._serial += 1
        at = max(self.t, t)
        heapq.heappush(self._waiting, (at, self._serial, act, with_what))

    def after(self, seconds: float, act: Callable[..., None], *with_what: Any) -> None:
        """Let something happen some seconds from now."""
        self.at(self.t + seconds, act, *with_what)

    def run_until(self, end: float) -> None:
        """Let happen what is due up to `end`."""
        waiting = self._waiting
        while waiting and waiting[0][0] <= end:
            t, _, act, with_what = heapq.heappop(waiting)
            self.t = self.clock.t = t
            act(*with_what)
        self.t = self.clock.t = max(self.t, end)

    def wall(self, t: float) -> datetime:
        """The true time of day of a moment of the run."""
        return self._start + timedelta(seconds=t)


class StepClock:
    """A machine's own clock: it may stand off the true time, and its monotonic part does not.

    `off_s` is how far the wall clock is ahead of the truth, and is set when somebody steps it.
    """

    def __init__(self, true: Clock) -> None:
        self._true = true
        self.off_s = 0.0

    def now(self) -> datetime:
        if not self.off_s:
            return self._true.now()
        return self._true.now() + timedelta(seconds=self.off_s)

    def monotonic(self) -> float:
        return self._true.monotonic()
