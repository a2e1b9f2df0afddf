"""How a camera sees the ground: a pinhole of known lens and place, and a plane through points.

Site frame: metres east and north of the site's origin, z upwards from the ground. A pinhole
without distortion, its principal point in the picture's centre, square pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HEAD_HEIGHT_M: Final = 1.6
"""People are found by their heads, whose middle is about this high above the ground."""


class MountingError(Exception):
    """Ground points that no camera which hangs upright above flat ground can have seen.

    `misses_px` is how far each point is beside the best camera, empty where none was tried.
    """

    def __init__(self, what: str, misses_px: tuple[float, ...] = ()) -> None:
        super().__init__(what)
        self.misses_px = misses_px


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinhole:
    """A camera's lens and place: `pitch_deg` down from level, `bearing_deg` clockwise from north.

    `roll_deg` is how far its picture is turned clockwise about its middle; level where it is 0.
    """

    width_px: int
    height_px: int
    focal_px: float
    mast_m: float
    pitch_deg: float
    east_m: float
    north_m: float
    bearing_deg: float
    roll_deg: float = 0.0

    def plane_to_picture(self, z_m: float) -> Floats:
        """Homography (3, 3) from site metres at height `z_m` above the ground to pixels.

        People are found by their heads, not by their feet: mapping heads as if they stood on the
        ground puts them too far away and spreads a crowd thinner than it is.
        """
        turn, pitch = radians(self.bearing_deg), radians(self.pitch_deg)
        right = np.array([cos(turn), -sin(turn), 0.0])
        ahead = np.array([sin(turn), cos(turn), 0.0])
        up = np.array([0.0, 0.0, 1.0])
        rows = np.array(
            [right, -sin(pitch) * ahead - cos(pitch) * up, cos(pitch) * ahead - sin(pitch) * up]
        )
        c, s = cos(radians(self.roll_deg)), sin(radians(self.roll_deg))
        lens = np.array(
            [
                [self.focal_px * c, -self.focal_px * s, self.width_px / 2],
                [self.focal_px * s, self.focal_px * c, self.height_px / 2],
                [0.0, 0.0, 1.0],
            ]
        )
        offset = rows @ np.array([-self.east_m, -self.north_m, z_m - self.mast_m])
        mapping: Floats = lens @ np.column_stack([rows[:, 0], rows[:, 1], offset])
        return mapping


def homography(metres: Floats, pixels: Floats) -> Floats:
    """The mapping (3, 3) that takes ground points (N, 2) to pixels (N, 2), N ≥ 4, by least squares.

    Both are centred and scaled first (Hartley 1997). Raises MountingError where the points lie on
    one line or coincide.
    """
    if len(metres) < 4 or len(metres) != len(pixels):
        raise MountingError("at least four ground points are needed")
    ground, ground_back = _normalised(metres)
    picture, picture_back = _normalised(pixels)
    rows = []
    for (x, y), (u, v) in zip(ground, picture, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y, -u])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y, -v])
    _, strength, basis = np.linalg.svd(np.array(rows, dtype=np.float64))
    if strength[7] < 1e-6 * strength[0]:
        raise MountingError("the ground points lie on one line or coincide")
    found: Floats = np.linalg.inv(picture_back) @ basis[-1].reshape(3, 3) @ ground_back
    return found / np.linalg.norm(found)


def _normalised(points: Floats) -> tuple[Floats, Floats]:
    centre = points.mean(axis=0)
    spread = float(np.sqrt(((points - centre) ** 2).sum(axis=1)).mean())
    if spread == 0:
        raise MountingError("the ground points coincide")
    scale = sqrt(2) / spread
    back = np.array([[scale, 0, -scale * centre[0]], [0, scale, -scale * centre[1]], [0, 0, 1.0]])
    return (points - centre) * scale, back
