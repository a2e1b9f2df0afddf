"""Clear sky: when nothing stood between a crossing and the people who must hear of it.

A fault excuses a delay as long as it lasts, and never for longer: once the sky is clear for as
long as the rule and the way to the terminal take, the word must have arrived.
"""

from __future__ import annotations

from collections.abc import Iterable

from simulators.torture.evidence import Windows
from simulators.torture.script import FaultKind
from simulators.torture.site import CAMERA_EVERY_S

Stretch = tuple[float, float]

NOTICE_S = 20.0
"""Until a cut line was noticed by both ends and is connected again."""

_SERVICE = (FaultKind.DISK_FULL,)
_NETWORK = (FaultKind.BROKER_RESTARTED, FaultKind.BROKER_FORGOT, FaultKind.LINK_CUT)


def service_dark(troubles: Windows) -> list[Stretch]:
    """When no service ran, or it could write nothing."""
    return merged(troubles.of("service down", *(kind.value for kind in _SERVICE)))


def air_dark(troubles: Windows) -> list[Stretch]:
    """When the service did not run or did not hear the field."""
    lines = padded(troubles.of(*(kind.value for kind in _NETWORK)), NOTICE_S)
    return merged([*service_dark(troubles), *lines])


def zone_dark(troubles: Windows, zone: str) -> list[Stretch]:
    """When a zone's cameras were blind or silent."""
    kinds = (FaultKind.CAMERAS_BLIND, FaultKind.CAMERAS_SILENT)
    return padded(troubles.of(*(f"{kind.value} {zone}" for kind in kinds)), CAMERA_EVERY_S + 1.0)


def terminal_dark(troubles: Windows, terminal: str) -> list[Stretch]:
    """When a terminal could not be reached, or did not know the time."""
    kinds = (FaultKind.TERMINAL_OFFLINE, FaultKind.TERMINAL_CLOCK_UNSET)
    return padded(troubles.of(*(f"{kind.value} {terminal}" for kind in kinds)), NOTICE_S)


def loop_dark(troubles: Windows, lane: str) -> list[Stretch]:
    """When a lane's loop did not tell the truth."""
    kinds = [kind for kind in FaultKind if kind.startswith("loop_")]
    return padded(troubles.of(*(f"{kind.value} {lane}" for kind in kinds)), NOTICE_S)


def padded(stretches: Iterable[Stretch], seconds: float) -> list[Stretch]:
    """Each stretch with what comes after it."""
    return merged((start, end + seconds) for start, end in stretches)


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """The same time, without overlaps."""
    found: list[Stretch] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def common(first: Iterable[Stretch], second: Iterable[Stretch]) -> list[Stretch]:
    """The time that lies in both."""
    seconds = list(second)
    return merged(
        (max(a, c), min(b, d)) for a, b in first for c, d in seconds if max(a, c) < min(b, d)
    )


def within(stretches: Iterable[Stretch], start: float, end: float) -> float:
    """How many seconds of these stretches lie between two moments."""
    return sum(max(0.0, min(end, b) - max(start, a)) for a, b in stretches)


def first_clear(dark: list[Stretch], start: float, end: float, seconds: float) -> float | None:
    """The end of the first unbroken clear stretch of so many seconds between two moments."""
    begin = start
    for a, b in dark:
        if b <= begin:
            continue
        if a - begin >= seconds:
            break
        begin = max(begin, b)
    done = begin + seconds
    return done if done <= end else None


def clear_for(dark: list[Stretch], start: float, seconds: float) -> float:
    """When so many clear seconds have passed since a moment, however broken."""
    left, at = seconds, start
    for a, b in dark:
        if b <= at:
            continue
        if a - at >= left:
            break
        left -= max(0.0, a - at)
        at = b
    return at + left
