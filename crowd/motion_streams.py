"""Velocities of people on the ground, put into the words of the trade: streams and pressure."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

MOVING_LEAST_M_S: Final = 0.25
"""Slower people stand: they shift their weight, and flow has noise."""

MOVING_SHARE_LEAST: Final = 0.1
WINDOW_RADIUS_M: Final = 1.0
WINDOW_PEOPLE_LEAST: Final = 2.0
_STEP_M: Final = 1.0

Floats = NDArray[np.float64]


class Streams(msgspec.Struct, frozen=True, kw_only=True):
    """Mean speed of all, and the larger stream's direction with the share that goes against it."""

    speed_m_s: float
    direction_deg: float | None
    counterflow: float | None


def streams(velocity: Floats, people: Floats) -> Streams:
    """From velocities (N, 2) in m/s east and north of `people` (N,) each, at least one in all.

    The axis of travel is found first, by doubling angles, so that two streams that meet do not
    cancel out; the larger of them is the main one.
    """
    speed = np.linalg.norm(velocity, axis=1)
    mean = float((people * speed).sum() / people.sum())
    moving = speed > MOVING_LEAST_M_S
    if float(people[moving].sum()) < MOVING_SHARE_LEAST * float(people.sum()):
        return Streams(speed_m_s=mean, direction_deg=None, counterflow=None)
    heading = np.arctan2(velocity[moving, 0], velocity[moving, 1])
    count = people[moving]
    axis = float(np.angle((count * speed[moving] * np.exp(2j * heading)).sum())) / 2
    for _ in range(2):
        with_it = np.cos(heading - axis) > 0
        if float(count[with_it].sum()) * 2 < float(count.sum()):
            with_it, axis = ~with_it, axis + np.pi
        axis = float(np.angle((count * speed[moving] * np.exp(1j * heading))[with_it].sum()))
    against = float(count[np.cos(heading - axis) <= 0].sum() / count.sum())
    return Streams(
        speed_m_s=mean,
        direction_deg=float(np.degrees(axis)) % 360,
        counterflow=min(against, 1.0),
    )


def pressure_s2(where: Floats, first: Floats, last: Floats, people: Floats) -> float | None:
    """The highest ρ·Var(v) of any place, 1/s², over people within 1 m of it.

    `where` (N, 2) metres; `first` and `last` (N, 2) are two looks at the same people's velocity a
    moment apart. The variance is the covariance of both looks, so that their noise, which is not
    the same twice, does not count as pressure. None where nowhere two people stand together.
    """
    radius2 = WINDOW_RADIUS_M**2
    area_m2 = np.pi * radius2
    low, high = where.min(axis=0), where.max(axis=0)
    east, north = (np.arange(a, b + _STEP_M, _STEP_M) for a, b in zip(low, high, strict=True))
    best: float | None = None
    for line in north:
        middles = np.stack([east, np.full(len(east), line)], axis=-1)
        near = (((middles[:, None] - where[None]) ** 2).sum(axis=2) <= radius2) * people
        mass = near.sum(axis=1)
        full = mass >= WINDOW_PEOPLE_LEAST
        if not full.any():
            continue
        share = near[full] / mass[full, None]
        spread = share @ (first * last).sum(axis=1) - ((share @ first) * (share @ last)).sum(axis=1)
        best = max(best or 0.0, float((mass[full] / area_m2 * spread).max()))
    return best
