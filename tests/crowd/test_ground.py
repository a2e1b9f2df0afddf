"""From people in the picture to people per m²: calibration, what is refused, what always holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from config.calibration import GroundProblem, GroundRefusedError
from config.grounds import Ground as GroundPoints
from config.grounds import GroundPoint
from crowd.ground import Ground
from crowd.plots import Plot, inside
from model.pinhole import HEAD_HEIGHT_M, Pinhole

STRIDE_PX = 8
FIELD = [(-30.0, 0.0), (30.0, 0.0), (30.0, 60.0), (-30.0, 60.0)]
SQUARE = [(-4.0, 6.0), (4.0, 6.0), (4.0, 14.0), (-4.0, 14.0)]


def camera(*, width_px: int = 640, mast_m: float = 6.0) -> Pinhole:
    return Pinhole(
        width_px=width_px,
        height_px=width_px * 9 // 16,
        focal_px=width_px * 0.83,
        mast_m=mast_m,
        pitch_deg=28.0,
        east_m=0.0,
        north_m=0.0,
        bearing_deg=0.0,
    )


def through(mapping: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    pixels = np.column_stack([places, np.ones(len(places))]) @ mapping.T
    return np.asarray(pixels[:, :2] / pixels[:, 2:])


def calibration(seen_by: Pinhole) -> GroundPoints:
    places = np.array([[-3, 6], [3, 6], [-4, 10], [4, 10], [-6, 18], [6, 18]], dtype=np.float64)
    pixels = through(seen_by.plane_to_picture(0.0), places)
    return GroundPoints(
        width_px=seen_by.width_px,
        height_px=seen_by.height_px,
        points=[
            GroundPoint(px=px, py=py, x_m=x, y_m=y)
            for (px, py), (x, y) in zip(pixels.tolist(), places.tolist(), strict=True)
        ],
    )


def density_map(seen_by: Pinhole, places: NDArray[np.float64]) -> NDArray[np.float32]:
    """The map of a perfect estimator: each head in the picture counts one in its cell."""
    pixels = through(seen_by.plane_to_picture(HEAD_HEIGHT_M), places)
    rows, columns = -(-seen_by.height_px // STRIDE_PX), seen_by.width_px // STRIDE_PX
    found = np.zeros((rows, columns), dtype=np.float32)
    for x, y in pixels:
        if 0 <= x < seen_by.width_px and 0 <= y < seen_by.height_px:
            found[int(y // STRIDE_PX), int(x // STRIDE_PX)] += 1
    return found


def read(ground: Ground, density: NDArray[np.float32], seen_by: Pinhole) -> tuple[float, float]:
    found = ground.read(
        density, stride_px=STRIDE_PX, width_px=seen_by.width_px, height_px=seen_by.height_px
    )
    assert found.peak_p_m2 is not None
    return found.density_p_m2, found.peak_p_m2


def crowd(density_p_m2: float, *, seed: int = 1) -> NDArray[np.float64]:
    """People at random over the square, which is 8 m × 8 m."""
    random = np.random.default_rng(seed)
    return random.uniform((-4, 6), (4, 14), (round(density_p_m2 * 64), 2))


def true_peak(places: NDArray[np.float64]) -> float:
    """The fullest 3 m × 3 m of the square, looked for in steps of 0.1 m."""
    corners = np.stack(np.meshgrid(np.arange(-4, 1.05, 0.1), np.arange(6, 11.05, 0.1)), axis=-1)
    low = corners.reshape(-1, 1, 2)
    return float(((places >= low) & (places < low + 3)).all(axis=2).sum(axis=1).max()) / 9


@pytest.mark.parametrize("density_p_m2", [0.5, 2.0, 5.0])
@pytest.mark.parametrize("width_px", [640, 1920])
def test_an_even_crowd_has_its_density(density_p_m2: float, width_px: int) -> None:
    eye = camera(width_px=width_px)
    ground = Ground(calibration(eye), [SQUARE])
    places = crowd(density_p_m2)
    density, peak = read(ground, density_map(eye, places), eye)
    assert ground.corrected
    assert ground.seen_area_m2 == pytest.approx(64, rel=0.02)
    assert density == pytest.approx(density_p_m2, rel=0.06)
    assert peak == pytest.approx(true_peak(places), rel=0.15)


def test_heads_are_placed_where_people_stand_and_not_behind_them() -> None:
    eye = camera()
    ground = Ground(calibration(eye), [FIELD])
    places = np.array([[0.0, 8.0], [2.0, 15.0]])
    heads = through(eye.plane_to_picture(HEAD_HEIGHT_M), places)
    assert np.allclose(ground.place(heads), places, atol=0.05)
    assert np.allclose(ground.picture(places), heads, atol=0.5)


def test_a_calibration_at_another_picture_size_is_scaled() -> None:
    small, large = camera(width_px=640), camera(width_px=1920)
    ground = Ground(calibration(large), [SQUARE])
    density, _ = read(ground, density_map(small, crowd(3.0)), small)
    assert density == pytest.approx(3.0, rel=0.1)


def test_a_knot_of_people_shows_in_the_peak_and_not_in_the_mean() -> None:
    eye = camera()
    ground = Ground(calibration(eye), [SQUARE])
    knot = np.stack(np.meshgrid(np.arange(-1.4, 1.5, 0.45), np.arange(8.6, 11.4, 0.45)), axis=-1)
    density, peak = read(ground, density_map(eye, knot.reshape(-1, 2)), eye)
    assert density < 1.0
    assert peak == pytest.approx(49 / 9, rel=0.15)


def test_people_outside_the_zone_are_counted_elsewhere() -> None:
    eye = camera()
    ground = Ground(calibration(eye), [SQUARE])
    places = np.array([[0.0, 8.0], [0.0, 18.0], [1.0, 20.0]])
    found = ground.read(density_map(eye, places), stride_px=STRIDE_PX, width_px=640, height_px=360)
    assert found.people == pytest.approx(1.0, abs=0.05)
    assert found.elsewhere == pytest.approx(2.0, abs=0.05)


def test_ground_too_far_or_behind_the_camera_is_not_seen() -> None:
    ground = Ground(calibration(camera()), [])
    places = np.array([[0.0, 10.0], [0.0, 200.0], [0.0, -10.0], [50.0, 10.0]])
    assert ground.sees(places).tolist() == [True, False, False, False]
    assert ground.seen_area_m2 < 3000


HORIZON_ROW = 180 - 640 * 0.83 * np.tan(np.radians(28.0))


@settings(max_examples=60, deadline=None)
@given(column=st.floats(0, 640), row=st.floats(-400, 360), bearing_deg=st.floats(0, 359))
def test_only_what_is_seen_under_the_horizon_stands_on_ground(
    column: float, row: float, bearing_deg: float
) -> None:
    """What is above it would stand behind the camera, mirrored."""
    eye = replace(camera(), bearing_deg=bearing_deg)
    ground = Ground(turned(bearing_deg), [])
    (place,) = ground.place(np.array([[column, row]]))
    if row < HORIZON_ROW - 2:
        assert np.isnan(place).all()
        assert not ground.watches(place[None]).any()
    elif row > HORIZON_ROW + 2:
        assert ahead_of(eye, place) > 0


@settings(max_examples=60, deadline=None)
@given(east=st.floats(-60, 60), north=st.floats(-60, 60), bearing_deg=st.floats(0, 359))
def test_nobody_behind_the_camera_is_in_the_picture(
    east: float, north: float, bearing_deg: float
) -> None:
    eye = replace(camera(), bearing_deg=bearing_deg)
    ground = Ground(turned(bearing_deg), [])
    place = np.array([east, north])
    (pixel,) = ground.picture(place[None])
    # Heads under a camera that looks down are before its lens some way behind its mast too.
    reach = ahead_of(eye, place) + (eye.mast_m - HEAD_HEIGHT_M) * np.tan(np.radians(28.0))
    if reach < -0.1:
        assert np.isnan(pixel).all()
        assert not ground.sees(place[None]).any()
    elif reach > 0.1:
        assert ground.place(pixel[None])[0] == pytest.approx(place, abs=0.1)


def turned(bearing_deg: float) -> GroundPoints:
    """The marks of the same camera where it looks another way."""
    marks = calibration(camera())
    turn = np.radians(bearing_deg)
    points = [
        one.model_copy(
            update={
                "x_m": one.x_m * np.cos(turn) + one.y_m * np.sin(turn),
                "y_m": one.y_m * np.cos(turn) - one.x_m * np.sin(turn),
            }
        )
        for one in marks.points or ()
    ]
    return marks.model_copy(update={"points": points})


def ahead_of(eye: Pinhole, place: NDArray[np.float64]) -> float:
    """Metres ahead of the camera, less than none behind it."""
    turn = np.radians(eye.bearing_deg)
    return float(place[0] * np.sin(turn) + place[1] * np.cos(turn))


def test_points_on_one_line_are_refused_by_name() -> None:
    points = [GroundPoint(px=i * 100, py=i * 50, x_m=i, y_m=i) for i in range(5)]
    with pytest.raises(GroundRefusedError) as refused:
        Ground(GroundPoints(width_px=640, height_px=360, points=points), [SQUARE])
    assert refused.value.problem is GroundProblem.DEGENERATE


def test_points_that_contradict_each_other_are_refused_by_name() -> None:
    good = calibration(camera()).points or []
    ends = [one.model_copy(update={"px": 660.0 - one.px}) for one in good[-2:]]
    wrong = [*good[:-2], *ends]
    with pytest.raises(GroundRefusedError) as refused:
        Ground(GroundPoints(width_px=640, height_px=360, points=wrong), [SQUARE])
    assert refused.value.problem in (GroundProblem.UNFIT, GroundProblem.DEGENERATE)


def test_a_camera_that_sees_nothing_of_its_zones_is_refused_by_name() -> None:
    behind = [(-4.0, -14.0), (4.0, -14.0), (4.0, -6.0), (-4.0, -6.0)]
    with pytest.raises(GroundRefusedError) as refused:
        Ground(calibration(camera()), [behind])
    assert refused.value.problem is GroundProblem.NOTHING_SEEN


@pytest.mark.parametrize("mast_m", [5.0, 8.0, 12.0])
def test_a_camera_straight_above_is_taken_to_hang_as_usual_and_says_how_open_areas_are(
    mast_m: float,
) -> None:
    """Its marks are the same whatever its height and lens; heads are placed by a usual height."""
    points = [
        GroundPoint(px=320 + 40 * x, py=180 - 40 * y, x_m=x, y_m=y)
        for x, y in ((-4, -3), (4, -3), (4, 3), (-4, 3), (0, 0))
    ]
    above = Ground(GroundPoints(width_px=640, height_px=360, points=points), [])
    assert above.corrected
    true_m2 = 16 * 9 * (1 - HEAD_HEIGHT_M / mast_m) ** 2
    assert above.calibration.area_error is not None
    assert 0.1 < above.calibration.area_error < 0.25
    off = above.seen_area_m2 / true_m2 - 1
    assert abs(off) < 2.5 * above.calibration.area_error


def test_marks_that_no_camera_explains_place_heads_on_the_ground_and_say_so() -> None:
    """Four of them fit some flat ground whatever they are."""
    marks = calibration(camera())
    corners = [marks.points[at] for at in (0, 1, 4, 5)] if marks.points else []
    wrong = [corners[0].model_copy(update={"py": corners[0].py - 60.0}), *corners[1:]]
    ground = Ground(marks.model_copy(update={"points": wrong}), [])
    assert not ground.corrected
    assert ground.calibration.problem is GroundProblem.NOT_UPRIGHT


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), crowded=st.floats(0.0, 3.0))
def test_everybody_is_either_on_the_ground_or_elsewhere(seed: int, crowded: float) -> None:
    ground = Ground(calibration(camera()), [SQUARE])
    density = np.random.default_rng(seed).random((45, 80), dtype=np.float32) * np.float32(crowded)
    found = ground.read(density, stride_px=STRIDE_PX, width_px=640, height_px=360)
    total = float(density.sum(dtype=np.float64))
    assert found.people + found.elsewhere == pytest.approx(total, rel=1e-6, abs=1e-9)


sides = st.tuples(st.floats(0, 4.5), st.floats(3.5, 8))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), crowded=st.floats(0.01, 3.0), across=sides, along=sides)
def test_shrinking_the_area_never_raises_density(
    seed: int, crowded: float, across: tuple[float, float], along: tuple[float, float]
) -> None:
    """Any rectangle cut out of the zone: neither its fullest 3 m × 3 m nor its people grow.

    Its mean may be above the whole's, for what was cut off may be the emptier part, but never by more
    than that: spread over the whole area, its people are no denser than the whole's.
    """
    random = np.random.default_rng(seed)
    # Most of the picture empty and some of it packed, as crowds are.
    density = (random.random((45, 80)) ** 8 * crowded).astype(np.float32)
    west, south = across[0] - 4.0, along[0] + 6.0
    east, north = min(west + across[1], 4.0), min(south + along[1], 14.0)
    smaller = [(west, south), (east, south), (east, north), (west, north)]
    whole = Ground(calibration(camera()), [SQUARE])
    part = Ground(calibration(camera()), [smaller])
    assert part.seen_area_m2 <= whole.seen_area_m2
    mean, peak = read(part, density, camera())
    whole_mean, whole_peak = read(whole, density, camera())
    assert peak <= whole_peak + 1e-9
    assert mean * part.seen_area_m2 <= whole_mean * whole.seen_area_m2 + 1e-9


def test_a_lane_too_narrow_for_a_window_still_has_a_peak() -> None:
    eye = camera()
    lane = [(-1.0, 6.0), (1.0, 6.0), (1.0, 14.0), (-1.0, 14.0)]
    ground = Ground(calibration(eye), [lane])
    people = crowd(4.0)
    _, peak = read(ground, density_map(eye, people[np.abs(people[:, 0]) < 1]), eye)
    assert peak == pytest.approx(4.0, rel=0.35)


def test_inside_follows_the_outline_of_a_bent_zone() -> None:
    bent = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (5.0, 10.0), (5.0, 5.0), (0.0, 5.0)]
    places = np.array([[2.0, 2.0], [2.0, 8.0], [8.0, 8.0], [12.0, 2.0]])
    assert inside(places, bent).tolist() == [True, False, True, False]


def test_plots_of_two_cameras_lie_on_the_same_cells() -> None:
    one = Plot.over(np.array([0.3, 0.3]), np.array([4.0, 4.0]))
    other = Plot.over(np.array([1.7, -2.2]), np.array([6.0, 3.0]))
    shared = {tuple(c) for c in one.centres.tolist()} & {tuple(c) for c in other.centres.tolist()}
    assert len(shared) == 5 * 6
