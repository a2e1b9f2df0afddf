"""Cameras hung at random, and what somebody marks in their pictures: standing people, paving slabs.

Marks are as exact as a hand is: a foot, head or corner is off by about a 640th of the picture's width.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import atan, cos, degrees, exp, hypot, log, pi, sin
from typing import Final

import numpy as np
from numpy.typing import NDArray

from config.grounds import GridCorner, Ground, GroundGrid, GroundPeople, GroundPoint, MarkedPerson
from model.pinhole import Pinhole

Floats = NDArray[np.float64]
WIDTH_PX: Final = 1280
HEIGHT_PX: Final = 720
FARTHEST_M: Final = 40.0

SLIP_PX: Final = 40.0
"""How far beside its place a mark lies that slipped."""
SMALLEST_SHARE: Final = 0.05
"""Nobody is marked who is smaller than this share of the picture's height."""

LEAN_DEG: Final = 2.0
ROLL_DEG: Final = 0.7
SLAB_M: Final = 0.6
_TRIES: Final = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """How somebody marks: error in pixels (standard deviation), people's heights in metres, and how
    many of the people are marked wrongly by half or by a third.
    """

    off_px: float = WIDTH_PX / 640
    mean_m: float = 1.68
    spread_m: float = 0.07
    bad: int = 0


def hung_camera(rng: np.random.Generator) -> Pinhole:
    """A camera 3 to 12 m up, tilted 10° to 60°, with a lens of 37° to 96°, not quite level."""
    return Pinhole(
        width_px=WIDTH_PX,
        height_px=HEIGHT_PX,
        focal_px=WIDTH_PX * exp(rng.uniform(log(0.45), log(1.5))),
        mast_m=float(rng.uniform(3, 12)),
        pitch_deg=float(rng.uniform(10, 60)),
        east_m=0.0,
        north_m=0.0,
        bearing_deg=0.0,
        roll_deg=float(rng.normal(0, ROLL_DEG)),
    )


def view_deg(camera: Pinhole) -> float:
    """The lens's horizontal angle."""
    return 2 * degrees(atan(camera.width_px / 2 / camera.focal_px))


def mark_people(
    camera: Pinhole,
    count: int,
    rng: np.random.Generator,
    *,
    hand: Hand = Hand(),
    known: GroundPeople | None = None,
) -> Ground | None:
    """So many people marked who stand anywhere in the picture; None where it has no room for them.

    `known` gives what else stands in the site file about lens and mast.
    """
    marks: list[MarkedPerson] = []
    for _ in range(_TRIES):
        one = _person(camera, rng, hand, bad=len(marks) < hand.bad)
        if one is not None:
            marks.append(one)
        if len(marks) == count:
            told = known.model_dump(exclude={"marks"}) if known else {}
            people = GroundPeople(marks=marks, **told)
            return Ground(width_px=WIDTH_PX, height_px=HEIGHT_PX, people=people)
    return None


def _person(
    camera: Pinhole, rng: np.random.Generator, hand: Hand, *, bad: bool
) -> MarkedPerson | None:
    foot = rng.uniform((0.03 * WIDTH_PX, 0.05 * HEIGHT_PX), (0.97 * WIDTH_PX, 0.99 * HEIGHT_PX))
    place = on_ground(camera, foot[None])[0]
    if np.isnan(place).any() or hypot(*place) > FARTHEST_M:
        return None
    tall = rng.normal(hand.mean_m, hand.spread_m)
    lean = np.radians(rng.normal(0, LEAN_DEG, 2)) * tall
    head = camera.plane_to_picture(tall) @ np.append(place + lean, 1.0)
    head = head[:2] / head[2]
    if not _inside(head) or foot[1] - head[1] < SMALLEST_SHARE * HEIGHT_PX:
        return None
    foot, head = (one + rng.normal(0, hand.off_px, 2) for one in (foot, head))
    if bad:
        head = foot + (head - foot) * rng.choice([0.5, 4 / 3])
    if not (_inside(foot) and _inside(head)):
        return None
    return MarkedPerson(
        foot_px=(float(foot[0]), float(foot[1])), head_px=(float(head[0]), float(head[1]))
    )


def mark_grid(
    camera: Pinhole,
    rng: np.random.Generator,
    *,
    columns: int,
    rows: int,
    hand: Hand = Hand(),
) -> Ground | None:
    """The outer corners of a field of slabs and the middles of its sides, wherever it is in view."""
    for _ in range(_TRIES):
        corners = _corners(camera, rng, columns, rows, hand)
        if corners is not None:
            grid = GroundGrid(
                columns=columns, rows=rows, column_m=SLAB_M, row_m=SLAB_M, corners=corners
            )
            return Ground(width_px=WIDTH_PX, height_px=HEIGHT_PX, grid=grid)
    return None


def _corners(
    camera: Pinhole, rng: np.random.Generator, columns: int, rows: int, hand: Hand
) -> list[GridCorner] | None:
    middle = on_ground(
        camera, np.array([[rng.uniform(0.2, 0.8) * WIDTH_PX, rng.uniform(0.2, 0.95) * HEIGHT_PX]])
    )[0]
    if np.isnan(middle).any() or hypot(*middle) > FARTHEST_M:
        return None
    turn = rng.uniform(0, 2 * np.pi)
    ways = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * SLAB_M
    found = []
    for row in sorted({0, rows // 2, rows}):
        for column in sorted({0, columns // 2, columns}):
            place = middle + (np.array([column, row]) - (columns / 2, rows / 2)) @ ways
            seen = camera.plane_to_picture(0.0) @ np.append(place, 1.0)
            pixel = seen[:2] / seen[2] + rng.normal(0, hand.off_px, 2)
            if seen[2] <= 0 or not _inside(pixel):
                return None
            found.append(GridCorner(px=float(pixel[0]), py=float(pixel[1]), column=column, row=row))
    return found


def mark_points(
    camera: Pinhole,
    count: int,
    rng: np.random.Generator,
    *,
    off_m: float = 0.05,
    slipped: int = 0,
) -> Ground | None:
    """Points anywhere in view whose places were measured to within `off_m` metres.

    The first `slipped` of them were marked `SLIP_PX` beside where they are.
    """
    points: list[GroundPoint] = []
    for _ in range(_TRIES):
        pixel = rng.uniform((0, 0.05 * HEIGHT_PX), (WIDTH_PX, HEIGHT_PX))
        place = on_ground(camera, pixel[None])[0]
        if np.isnan(place).any() or hypot(*place) > FARTHEST_M:
            continue
        px, py = pixel + rng.normal(0, WIDTH_PX / 640, 2)
        if len(points) < slipped:
            turn = rng.uniform(0, 2 * pi)
            px, py = px + SLIP_PX * cos(turn), py + SLIP_PX * sin(turn)
        x, y = place + rng.normal(0, off_m, 2)
        points.append(GroundPoint(px=float(px), py=float(py), x_m=float(x), y_m=float(y)))
        if len(points) == count:
            return Ground(width_px=WIDTH_PX, height_px=HEIGHT_PX, points=points)
    return None


def on_ground(camera: Pinhole, pixels: Floats, *, z_m: float = 0.0) -> Floats:
    """Where what is `z_m` over the ground at pixels (N, 2) stands (N, 2); NaN for the sky."""
    forth = camera.plane_to_picture(z_m)
    back = np.column_stack([pixels, np.ones(len(pixels))]) @ np.linalg.inv(forth).T
    places = back / back[:, 2:]
    depth = places @ forth[2]
    return np.where((depth > 0)[:, None], places[:, :2], np.nan)


def _inside(pixel: Floats) -> bool:
    return bool(0 <= pixel[0] < WIDTH_PX and 0 <= pixel[1] < HEIGHT_PX)
