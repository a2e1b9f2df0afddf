"""Where a site's camera hangs, worked out from its calibration, so that a rendered scene fits it."""

from __future__ import annotations

from math import atan, degrees
from zlib import crc32

from config.calibration import GroundRefusedError, calibrate
from config.schema import Camera
from model.pinhole import MountingError
from simulators.scenes.viewpoint import Viewpoint


def viewpoint_of(camera: Camera) -> Viewpoint:
    """The mounting that explains the camera's ground; a plausible one where it has none.

    An uncalibrated camera gets a mounting chosen by its id, the same every time. Raises
    MountingError for a ground that no upright camera can have seen.
    """
    ground = camera.ground
    if ground is None:
        seed = crc32(camera.id.encode())
        return Viewpoint(
            mast_m=4.0 + seed % 5 * 0.5,
            pitch_deg=24.0 + seed // 5 % 6 * 2.0,
            bearing_deg=float(seed // 30 % 360),
        )
    try:
        found = calibrate(ground, at=camera.at, bearing_deg=camera.bearing_deg).camera
    except GroundRefusedError as error:
        raise MountingError(str(error)) from error
    if found is None:
        raise MountingError("the ground points fit no upright camera")
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
