"""The script of one run: what is true in the field, and what breaks, drawn from one seed.

It knows only the field and the machines. What the service should do about it is judged afterwards.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator
from enum import StrEnum

import msgspec

from simulators.torture.site import CROWDED

CLEAR_OF_FAULTS_S = 120.0
"""A run begins and ends undisturbed, so that its end can be judged."""


class FaultKind(StrEnum):
    """What a run may break."""

    KILLED_BEFORE_COMMIT = "killed_before_commit"
    KILLED_AFTER_COMMIT = "killed_after_commit"
    KILLED_WHILE_SENDING = "killed_while_sending"
    KILLED_AFTER_SENDING = "killed_after_sending"
    KILLED_BETWEEN_STEPS = "killed_between_steps"
    DISK_FULL = "disk_full"
    CLOCK_STEPPED = "clock_stepped"
    BROKER_RESTARTED = "broker_restarted"
    BROKER_FORGOT = "broker_forgot"
    LINK_CUT = "link_cut"
    LINK_SLOW = "link_slow"
    LINK_DOUBLING = "link_doubling"
    LINK_UNORDERED = "link_unordered"
    TERMINAL_OFFLINE = "terminal_offline"
    TERMINAL_CLOCK_UNSET = "terminal_clock_unset"
    CAMERAS_BLIND = "cameras_blind"
    CAMERAS_SILENT = "cameras_silent"
    LOOP_FLAPPING = "loop_flapping"
    LOOP_STALE = "loop_stale"
    LOOP_LYING = "loop_lying"
    LOOP_BROKEN = "loop_broken"
    LANE_OFFLINE = "lane_offline"


KILLS = frozenset(kind for kind in FaultKind if kind.startswith("killed_"))

_LASTS_S: dict[FaultKind, tuple[float, float]] = {
    FaultKind.DISK_FULL: (10, 90),
    FaultKind.CLOCK_STEPPED: (60, 600),
    FaultKind.BROKER_RESTARTED: (2, 40),
    FaultKind.BROKER_FORGOT: (2, 40),
    FaultKind.LINK_CUT: (5, 90),
    FaultKind.LINK_SLOW: (60, 600),
    FaultKind.LINK_DOUBLING: (120, 900),
    FaultKind.LINK_UNORDERED: (120, 900),
    FaultKind.TERMINAL_OFFLINE: (30, 900),
    FaultKind.TERMINAL_CLOCK_UNSET: (60, 600),
    FaultKind.CAMERAS_BLIND: (20, 400),
    FaultKind.CAMERAS_SILENT: (20, 400),
    FaultKind.LOOP_FLAPPING: (120, 900),
    FaultKind.LOOP_STALE: (60, 600),
    FaultKind.LOOP_LYING: (120, 900),
    FaultKind.LOOP_BROKEN: (60, 600),
    FaultKind.LANE_OFFLINE: (20, 300),
}
_RESTART_S = (1.0, 45.0)

_TERMINALS = tuple(f"{zone}-{number}" for zone in (*CROWDED, "shore") for number in (1, 2))
_LANES = ("north-1",)


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that breaks from `start` to `end`; after a kill, `end` is when it starts again.

    `size` is the seconds of a clock step, or which of the sending's messages is the last.
    """

    kind: FaultKind
    start: float
    end: float
    subject: str = ""
    size: float = 0.0


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """From `t` on something in the field is so: `crowd`, `sensor`, `alarm`, `vehicle`, `contact`."""

    t: float
    what: str
    id: str
    value: float


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """One run: how long, what happens in the field, what breaks, and how its people behave.

    `pace_s` is how often the service steps at most; `answers` the share of cases that somebody
    takes on. Terse detectors do not say with an alarm's end when it was raised, as older ones do not.
    """

    seed: int
    length_s: float
    turns: tuple[Turn, ...]
    faults: tuple[Fault, ...]
    pace_s: float
    answers: float
    attacks: tuple[float, ...]
    terse_detectors: bool = False


class Steps:
    """A value that changes in steps, as the truth has it."""

    def __init__(self, pairs: list[tuple[float, float]]) -> None:
        self._times = [t for t, _ in pairs]
        self._values = [value for _, value in pairs]

    def at(self, t: float) -> float:
        """The value at a moment."""
        return self._values[max(0, bisect_right(self._times, t) - 1)]

    def during(self, start: float, end: float) -> list[float]:
        """Every value between two moments."""
        first = max(0, bisect_right(self._times, start) - 1)
        return self._values[first : max(first + 1, bisect_right(self._times, end))]

    def above(self, threshold: float, end: float) -> Iterator[tuple[float, float]]:
        """Stretches at or above a threshold."""
        return self._stretches([value >= threshold for value in self._values], end)

    def below(self, threshold: float, end: float) -> Iterator[tuple[float, float]]:
        """Stretches under a threshold."""
        return self._stretches([value < threshold for value in self._values], end)

    def _stretches(self, holds: list[bool], end: float) -> Iterator[tuple[float, float]]:
        began: float | None = None
        for t, true in zip(self._times, holds, strict=True):
            if true and began is None:
                began = t
            elif not true and began is not None:
                yield began, t
                began = None
        if began is not None:
            yield began, end


def steps_of(script: Script, what: str, name: str, *, calm: float) -> Steps:
    """What a script's turns make of one thing over time."""
    pairs = [(turn.t, turn.value) for turn in script.turns if (turn.what, turn.id) == (what, name)]
    return Steps([(0.0, calm), *pairs])


def write_script(seed: int) -> Script:
    """The run of a seed: at least an hour, three crossings that must be told, and two faults."""
    rng = random.Random(f"yinding torture {seed}")
    length_s = rng.uniform(3600.0, 3700.0)
    turns = [*_crowds(rng, length_s), *_waters(rng, length_s), *_alarms(rng, length_s)]
    for lane in _LANES:
        turns += _vehicles(rng, lane, length_s)
    turns = sorted((turn for turn in turns if turn.t < length_s), key=lambda turn: turn.t)
    return Script(
        seed=seed,
        length_s=length_s,
        turns=tuple(turns),
        faults=tuple(_faults(rng, length_s, turns)),
        pace_s=rng.uniform(0.7, 1.4),
        answers=rng.choice((0.0, 0.3, 0.7)),
        attacks=tuple(sorted(rng.uniform(60.0, length_s) for _ in range(rng.randint(150, 250)))),
        terse_detectors=seed % 2 == 1,
    )


def _crowds(rng: random.Random, length_s: float) -> Iterator[Turn]:
    for zone in CROWDED:
        t = rng.uniform(60.0, 400.0)
        number = 0
        while t < length_s - 800.0:
            if number and rng.random() < 0.25:
                # A rush shorter than the hold: no crossing.
                yield Turn(t=t, what="crowd", id=zone, value=rng.uniform(3.3, 6.0))
                t += rng.uniform(1.0, 6.0)
            elif number and rng.random() < 0.15:
                for _ in range(rng.randint(10, 40)):
                    yield Turn(t=t, what="crowd", id=zone, value=rng.choice((2.85, 3.15)))
                    t += rng.uniform(3.0, 12.0)
            else:
                for value in _episode(rng, worst=number == 0):
                    yield Turn(t=t, what="crowd", id=zone, value=value)
                    t += rng.choice((rng.uniform(60.0, 240.0), rng.uniform(200.0, 500.0)))
            yield Turn(t=t, what="crowd", id=zone, value=rng.uniform(0.3, 1.2))
            t += rng.uniform(120.0, 500.0)
            number += 1


def _episode(rng: random.Random, *, worst: bool) -> list[float]:
    plateaus = [(2.3, 2.7), (3.3, 3.7), (4.3, 4.7), (5.4, 7.0)]
    values = [rng.uniform(*rng.choice(plateaus[1:])) for _ in range(rng.randint(1, 4))]
    if worst:
        values[-1] = rng.uniform(5.4, 7.0)
    return values


def _waters(rng: random.Random, length_s: float) -> Iterator[Turn]:
    t = rng.uniform(100.0, 2000.0)
    while t < length_s - 600.0:
        yield Turn(t=t, what="sensor", id="water-shore", value=rng.choice((1.3, 1.7)))
        t += rng.uniform(60.0, 300.0)
        yield Turn(t=t, what="sensor", id="water-shore", value=0.8)
        t += rng.uniform(300.0, 1500.0)


def _alarms(rng: random.Random, length_s: float) -> Iterator[Turn]:
    for name, least_s, most_s in (("fire-yandai", 20.0, 300.0), ("help-lotus", 0.5, 60.0)):
        t = rng.uniform(100.0, 1200.0)
        while t < length_s - 400.0:
            yield Turn(t=t, what="alarm", id=name, value=1.0)
            t += rng.uniform(least_s, most_s)
            yield Turn(t=t, what="alarm", id=name, value=0.0)
            t += rng.uniform(150.0, 1200.0)


def _vehicles(rng: random.Random, lane: str, length_s: float) -> Iterator[Turn]:
    t = rng.uniform(5.0, 40.0)
    while t < length_s:
        yield Turn(t=t, what="vehicle", id=lane, value=1.0)
        t += rng.choice((rng.uniform(1.0, 6.0), rng.uniform(10.0, 60.0)))
        yield Turn(t=t, what="vehicle", id=lane, value=0.0)
        if rng.random() < 0.1:
            yield Turn(t=t + 0.5, what="contact", id=lane, value=1.0)
            yield Turn(t=t + 4.0, what="contact", id=lane, value=0.0)
        t += rng.uniform(5.0, 60.0)


def _faults(rng: random.Random, length_s: float, turns: list[Turn]) -> list[Fault]:
    """Some faults anywhere, and some right where it hurts: when something crosses or is called."""
    hot = [turn.t for turn in turns if turn.what in ("crowd", "sensor", "alarm")]
    faults = []
    for _ in range(rng.randint(3, 10)):
        kind = rng.choice(sorted(FaultKind))
        start = rng.uniform(CLEAR_OF_FAULTS_S, length_s - 700.0)
        if rng.random() < 0.6:
            start = rng.choice(hot) + rng.uniform(-5.0, 40.0)
        start = min(max(start, CLEAR_OF_FAULTS_S), length_s - 700.0)
        low, high = _LASTS_S.get(kind, _RESTART_S)
        end = min(start + rng.uniform(low, high), length_s - CLEAR_OF_FAULTS_S)
        faults.append(
            Fault(
                kind=kind, start=start, end=end, subject=_subject(rng, kind), size=_size(rng, kind)
            )
        )
    for step in [fault for fault in faults if fault.kind is FaultKind.CLOCK_STEPPED]:
        # The hardest hour: the service starts anew while its clock is wrong, and after it was set.
        for began in (step.start, step.end):
            start = began + rng.uniform(5.0, 40.0)
            faults.append(
                Fault(kind=FaultKind.KILLED_BETWEEN_STEPS, start=start, end=start + 2.0, size=1.0)
            )
    return sorted(faults, key=lambda fault: fault.start)


def _subject(rng: random.Random, kind: FaultKind) -> str:
    if kind.startswith("terminal_"):
        return rng.choice(_TERMINALS)
    if kind.startswith("cameras_"):
        return rng.choice(CROWDED)
    if kind.startswith(("loop_", "lane_")):
        return rng.choice(_LANES)
    return ""


def _size(rng: random.Random, kind: FaultKind) -> float:
    if kind is FaultKind.CLOCK_STEPPED:
        return rng.choice((-3600.0, 3600.0))
    return float(rng.randint(1, 3))
