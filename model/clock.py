"""Time as the field sees it and as durations need it, from one object that is passed in."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where every part gets its time from; only `service` makes a real one."""

    def now(self) -> datetime:
        """The wall clock, timezone-aware. It may step; never measure a duration with it."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow, for durations and deadlines."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class ManualClock:
    """A clock that moves only when told to: timelines in tests and seeded runs."""

    def __init__(self, start: datetime, *, monotonic_s: float = 1000.0) -> None:
        self._now = start
        self._monotonic_s = monotonic_s

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic_s

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self._now += timedelta(seconds=seconds)
        self._monotonic_s += seconds

    def step_wall(self, seconds: float) -> None:
        """Step the wall clock alone, as a wrong NTP server would."""
        self._now += timedelta(seconds=seconds)
