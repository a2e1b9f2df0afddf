"""The field's time: a wall clock that a wrong time server can neither stop nor hurry.

Devices stamp what they say with their own clocks, and orders expire by them. Were the service's
clock stepped an hour back, it would set every reading aside as from the future, and every order
would reach its device expired: a warning hidden by a clock. So a step of the machine's clock is
not followed at once; it is followed where the field's own clocks agree with it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median
from typing import NamedTuple

from model.clock import Clock

log = logging.getLogger(__name__)

STEP_S = 5.0
"""The machine's clock moved so far against its own monotonic one: it was set, it did not drift."""

WRONG_S = 60.0
"""So far from the field's time a message would be set aside as from the future."""

AGREE_S = 10.0
SOURCES_LEAST = 3
HEARD_S = 30.0
SOURCES_MOST = 10_000


class Stamped(NamedTuple):
    """One device's own stamp on a message, and when that arrived by our clock."""

    source: str
    at: datetime
    arrived: datetime


class _Heard(NamedTuple):
    ahead_s: float
    mono: float


class FieldTime:
    """A `Clock` over the machine's clock; `ahead_s` is how far it was set off that by now.

    Three devices at least, and more than half of those heard in the last half minute, must agree
    before it is set: one device with a wrong clock moves nothing. A stamp from the future cannot
    be a late message, so that is taken over. One from the past may be; it only brings us back to
    the machine's own time, where that is what the field says.
    """

    def __init__(self, machine: Clock) -> None:
        self._machine = machine
        self._lock = threading.Lock()
        self._off = timedelta(0)
        self._wall, self._mono = machine.now(), machine.monotonic()
        self._stamps: dict[str, _Heard] = {}

    @property
    def ahead_s(self) -> float:
        """How far this clock is ahead of the machine's."""
        return self._off.total_seconds()

    def now(self) -> datetime:
        with self._lock:
            return self._read()

    def monotonic(self) -> float:
        return self._machine.monotonic()

    def hear(self, stamps: Iterable[Stamped]) -> float:
        """Compare devices' stamps with their arrivals; by how many seconds the time was set by it."""
        mono = self._machine.monotonic()
        with self._lock:
            for source, at, arrived in stamps:
                if source in self._stamps or len(self._stamps) < SOURCES_MOST:
                    self._stamps[source] = _Heard((at - arrived).total_seconds(), mono)
            return self._judge(mono)

    def _read(self) -> datetime:
        wall, mono = self._machine.now(), self._machine.monotonic()
        step = (wall - self._wall).total_seconds() - (mono - self._mono)
        self._wall, self._mono = wall, mono
        if abs(step) > STEP_S:
            self._off -= timedelta(seconds=step)
            log.warning("the machine's clock was set by %.0f s; keeping the field's time", step)
        return wall + self._off

    def _judge(self, mono: float) -> float:
        """Take over the time that most of the field agrees on, where it is far from ours."""
        recent = [one.ahead_s for one in self._stamps.values() if mono - one.mono <= HEARD_S]
        if len(recent) < SOURCES_LEAST:
            return 0.0
        if max(recent) <= WRONG_S and min(recent) >= -WRONG_S:
            return 0.0  # so is the middle, and nothing else has to be asked
        middle = median(recent)
        agreeing = sum(abs(ahead_s - middle) <= AGREE_S for ahead_s in recent)
        if abs(middle) <= WRONG_S or agreeing < SOURCES_LEAST or agreeing * 2 <= len(recent):
            return 0.0
        if middle < 0 and abs(self.ahead_s + middle) > AGREE_S:
            return 0.0
        set_by_s = middle if middle > 0 else -self.ahead_s
        self._off += timedelta(seconds=set_by_s)
        self._stamps.clear()
        log.warning("the field's clocks agree that ours was off; setting it by %.0f s", set_by_s)
        return set_by_s
