"""Where a site's camera hangs, worked out from its calibration, so that a rendered scene fits it."""

from __future__ import annotations

from math import atan, degrees
from zlib import crc32

from config.schema import Camera
from model.pinhole import solve_pinhole
from simulators.scenes.viewpoint import Viewpoint


def viewpoint_of(camera: Camera) -> Viewpoint:
    """The mounting that explains the camera's ground points; a plausible one where it has none.

    An uncalibrated camera gets a mounting chosen by its id, the same every time. Raises
    MountingError for ground points that no upright camera can have seen.
    """
    ground = camera.ground
    if ground is None:
        seed = crc32(camera.id.encode())
        return Viewpoint(
            mast_m=4.0 + seed % 5 * 0.5,
            pitch_deg=24.0 + seed // 5 % 6 * 2.0,
            bearing_deg=float(seed // 30 % 360),
        )
    points = [(point.px, point.py, point.x_m, point.y_m) for point in ground.points]
    found = solve_pinhole(points, width_px=ground.width_px, height_px=ground.height_px)
    return Viewpoint(
        width=ground.width_px,
        height=ground.height_px,
        view_deg=2 * degrees(atan(ground.width_px / 2 / found.focal_px)),
        mast_m=found.mast_m,
        pitch_deg=found.pitch_deg,
        east_m=found.east_m,
        north_m=found.north_m,
        bearing_deg=found.bearing_deg,
    )
