"""Where a simulated camera stands and how it sees the ground.

Camera frame of reference: the camera stands at x = y = 0, `mast_m` above a flat ground, and looks
along +y, tilted `pitch_deg` down; x grows to the right, z upwards, all in metres. Site frame:
metres east and north of the site's origin. A pinhole without distortion and without roll.
"""

from dataclasses import dataclass
from math import cos, radians, sin, tan

import numpy as np
from numpy.typing import NDArray

HEAD_HEIGHT_M = 1.58
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewpoint:
    """One camera's mounting: picture size, lens and place."""

    width: int = 640
    height: int = 360
    view_deg: float = 62.0
    mast_m: float = 5.0
    pitch_deg: float = 28.0
    east_m: float = 0.0
    north_m: float = 0.0
    bearing_deg: float = 0.0

    @property
    def focal_px(self) -> float:
        return self.width / 2 / tan(radians(self.view_deg) / 2)

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """Pixels (…, 2) and depth along the axis in metres (…) of points (…, 3) of the camera frame.

        Points at or behind the lens get a depth of 0.05 m and land far outside the picture.
        """
        pitch = radians(self.pitch_deg)
        up = points[..., 2] - self.mast_m
        depth = np.maximum(points[..., 1] * cos(pitch) - up * sin(pitch), 0.05)
        down = -points[..., 1] * sin(pitch) - up * cos(pitch)
        pixels = np.empty((*points.shape[:-1], 2))
        pixels[..., 0] = self.width / 2 + self.focal_px * points[..., 0] / depth
        pixels[..., 1] = self.height / 2 + self.focal_px * down / depth
        return pixels, depth

    def on_plane(self, pixels: Floats, *, z_m: float = 0.0) -> Floats:
        """Camera-frame x, y (…, 2) where the sight lines of pixels (…, 2) meet the height `z_m`.

        Sight lines at or above the horizon meet it 10 km away.
        """
        pitch = radians(self.pitch_deg)
        right = (pixels[..., 0] - self.width / 2) / self.focal_px
        below = (pixels[..., 1] - self.height / 2) / self.focal_px
        fall = np.maximum(sin(pitch) + below * cos(pitch), 1e-6)
        reach = np.minimum((self.mast_m - z_m) / fall, 10_000.0)
        ahead = cos(pitch) - below * sin(pitch)
        return np.stack([right * reach, ahead * reach], axis=-1)

    @property
    def horizon_px(self) -> float:
        """Picture row of the horizon; negative when it lies above the picture."""
        return self.height / 2 - self.focal_px * tan(radians(self.pitch_deg))

    def to_site(self, ground: Floats) -> Floats:
        """Site metres east, north (…, 2) of camera-frame ground points (…, 2)."""
        turn = radians(self.bearing_deg)
        x_m, y_m = ground[..., 0], ground[..., 1]
        east = self.east_m + x_m * cos(turn) + y_m * sin(turn)
        north = self.north_m - x_m * sin(turn) + y_m * cos(turn)
        return np.stack([east, north], axis=-1)

    def ground_points(self, *, far_m: float = 25.0) -> list[tuple[float, float, float, float]]:
        """Six calibration points (px, py, x_m, y_m) for the site file, in site metres."""
        top = max(self.horizon_px, 0.0)
        far_row = self.project(np.array([[0.0, far_m, 0.0]]))[0][0, 1]
        rows = np.linspace(max(far_row, top + 0.06 * self.height), 0.92 * self.height, 3)
        columns = (0.15 * self.width, 0.85 * self.width)
        pixels = np.array([(column, row) for row in rows for column in columns])
        metres = self.to_site(self.on_plane(pixels))
        return [
            (round(float(px), 1), round(float(py), 1), round(float(x), 2), round(float(y), 2))
            for (px, py), (x, y) in zip(pixels, metres, strict=True)
        ]

    def footprint(self, *, far_m: float, half_width_m: float = 1e6) -> Floats:
        """Outline (4, 2), camera frame, of where a person stands whose head is in the picture."""
        corners = np.array([[0.0, self.height], [self.width, self.height]], dtype=float)
        near = self.on_plane(corners, z_m=HEAD_HEIGHT_M)
        top = self.on_plane(np.array([[0.0, 0.0]]), z_m=HEAD_HEIGHT_M)[0]
        far_y = float(min(far_m, top[1])) if self.pitch_deg > 0 else far_m
        lens = self.width / 2 / self.focal_px
        drop = (self.mast_m - HEAD_HEIGHT_M) * sin(radians(self.pitch_deg))
        far_x = lens * (far_y * cos(radians(self.pitch_deg)) + drop)
        near_x, near_y = float(near[1, 0]), max(float(near[1, 1]), 0.3)
        near_x, far_x = min(near_x, half_width_m), min(far_x, half_width_m)
        return np.array([[-near_x, near_y], [near_x, near_y], [far_x, far_y], [-far_x, far_y]])


def area_m2(outline: Floats) -> float:
    """Area of a simple polygon (N, 2)."""
    x_m, y_m = outline[:, 0], outline[:, 1]
    return float(abs(x_m @ np.roll(y_m, -1) - y_m @ np.roll(x_m, -1)) / 2)
