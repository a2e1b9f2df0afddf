"""How an upright camera sees the ground, worked out from a few points of known place.

Site frame: metres east and north of the site's origin, z upwards from the ground. A pinhole
without distortion, its principal point in the picture's centre, square pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import asin, atan2, cos, degrees, radians, sin, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HEAD_HEIGHT_M: Final = 1.6
"""People are found by their heads, whose middle is about this high above the ground."""


class MountingError(Exception):
    """Ground points that no upright pinhole camera above flat ground can have seen."""


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


def solve_pinhole(
    points: Sequence[tuple[float, float, float, float]], *, width_px: int, height_px: int
) -> Pinhole:
    """The mounting that explains points (px, py, x_m, y_m) seen on the ground.

    The homography's two columns that map the ground's axes are orthogonal and of equal length,
    which gives the focal length, and with it height, tilt and place. Raises MountingError.
    """
    table = np.array(points, dtype=np.float64)
    centre = table[:, 2:].mean(axis=0)
    found = homography(table[:, 2:] - centre, table[:, :2])
    shift = np.array([[1.0, 0.0, -width_px / 2], [0.0, 1.0, -height_px / 2], [0.0, 0.0, 1.0]])
    columns = shift @ found
    focal_px = _focal(columns[:, 0], columns[:, 1])
    pose = np.diag([1 / focal_px, 1 / focal_px, 1.0]) @ columns
    pose /= (np.linalg.norm(pose[:, 0]) + np.linalg.norm(pose[:, 1])) / 2
    if pose[2, 2] < 0:
        pose = -pose
    up = np.cross(pose[:, 0], pose[:, 1])
    place = -np.column_stack([pose[:, 0], pose[:, 1], up]).T @ pose[:, 2]
    if place[2] <= 0:
        raise MountingError("the ground points put the camera under the ground")
    return Pinhole(
        width_px=width_px,
        height_px=height_px,
        focal_px=focal_px,
        mast_m=float(place[2]),
        pitch_deg=degrees(asin(float(np.clip(-up[2], -1.0, 1.0)))),
        east_m=float(place[0] + centre[0]),
        north_m=float(place[1] + centre[1]),
        bearing_deg=degrees(atan2(float(pose[2, 0]), float(pose[2, 1]))) % 360,
    )


def _focal(first: Floats, second: Floats) -> float:
    crossed = float(first[2] * second[2])
    unequal = float(second[2] ** 2 - first[2] ** 2)
    if abs(crossed) > abs(unequal):
        squared = -float(first[:2] @ second[:2]) / crossed
    elif unequal:
        squared = float(first[:2] @ first[:2] - second[:2] @ second[:2]) / unequal
    else:
        raise MountingError("the camera looks straight down: no focal length follows")
    if squared <= 1:
        raise MountingError("the ground points fit no upright camera")
    return sqrt(squared)
