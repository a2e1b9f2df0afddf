"""Short runs written by hand: one thing happens, one thing breaks, and one bug would show."""

from __future__ import annotations

from collections.abc import Iterable

from simulators.torture.script import Fault, FaultKind, Script, Turn

Moment = tuple[float, str, str, float]

FIRE: tuple[Moment, ...] = ((50.0, "alarm", "fire-yandai", 1.0),)
FIRE_OVER: Moment = (80.0, "alarm", "fire-yandai", 0.0)
HELP: tuple[Moment, ...] = (
    (60.0, "alarm", "help-lotus", 1.0),
    (62.0, "alarm", "help-lotus", 0.0),
)
BUSY: tuple[Moment, ...] = ((20.0, "crowd", "yandai", 3.5),)
CRUSH: tuple[Moment, ...] = ((50.0, "crowd", "bridge", 6.0),)


def fault(
    kind: FaultKind, start: float, end: float, subject: str = "", *, size: float = 1.0
) -> Fault:
    return Fault(kind=kind, start=start, end=end, subject=subject, size=size)


def script(
    turns: Iterable[Moment],
    *faults: Fault,
    length_s: float,
    attacks: Iterable[float] = (),
    seed: int = 5,
    terse_detectors: bool = False,
) -> Script:
    """A run of a few minutes without anybody in the room."""
    moments = sorted(turns)
    return Script(
        seed=seed,
        length_s=length_s,
        turns=tuple(Turn(t=t, what=what, id=name, value=value) for t, what, name, value in moments),
        faults=faults,
        pace_s=0.5,
        answers=0.0,
        attacks=tuple(attacks),
        terse_detectors=terse_detectors,
    )
