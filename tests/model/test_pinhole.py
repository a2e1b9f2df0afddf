"""A camera's mounting, recovered from a few points of known place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.pinhole import MountingError, Pinhole, solve_pinhole

cameras = st.builds(
    Pinhole,
    width_px=st.just(640),
    height_px=st.just(360),
    focal_px=st.floats(300, 1200),
    mast_m=st.floats(3, 15),
    pitch_deg=st.floats(15, 60),
    east_m=st.floats(-500, 500),
    north_m=st.floats(-500, 500),
    bearing_deg=st.floats(0, 359),
)


def seen_points(camera: Pinhole) -> list[tuple[float, float, float, float]]:
    """Six points of the picture's lower part with their places on the ground."""
    back = np.linalg.inv(camera.plane_to_picture(0.0))
    points = []
    for px in (80.0, 560.0):
        for py in (200.0, 270.0, 340.0):
            x, y, w = back @ np.array([px, py, 1.0])
            points.append((px, py, float(x / w), float(y / w)))
    return points


@given(cameras)
def test_the_mounting_follows_from_six_points(camera: Pinhole) -> None:
    found = solve_pinhole(seen_points(camera), width_px=640, height_px=360)
    assert found.focal_px == pytest.approx(camera.focal_px, rel=1e-3)
    assert found.mast_m == pytest.approx(camera.mast_m, rel=1e-3)
    assert found.pitch_deg == pytest.approx(camera.pitch_deg, abs=0.1)
    assert (found.east_m, found.north_m) == pytest.approx((camera.east_m, camera.north_m), abs=0.1)


@given(cameras)
def test_a_head_is_seen_above_its_feet(camera: Pinhole) -> None:
    for _, py, x_m, y_m in seen_points(camera):
        head = camera.plane_to_picture(1.6) @ np.array([x_m, y_m, 1.0])
        assert head[1] / head[2] < py


@pytest.mark.parametrize(
    "points",
    [
        [(0.0, 0.0, 0.0, 0.0)] * 6,
        [(float(i), float(i), float(i), float(i)) for i in range(6)],
        [(0.0, 0.0, 0.0, 0.0), (9.0, 0.0, 1.0, 0.0), (0.0, 9.0, 0.0, 1.0)],
    ],
    ids=["one place", "one line", "three points"],
)
def test_points_that_say_nothing_are_refused(
    points: list[tuple[float, float, float, float]],
) -> None:
    with pytest.raises(MountingError):
        solve_pinhole(points, width_px=640, height_px=360)
