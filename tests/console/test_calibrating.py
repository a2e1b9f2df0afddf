"""What a camera is drawn to see on the plan, by the marks of its calibration."""

from __future__ import annotations

import numpy as np
import pytest

from config.calibration import GroundProblem
from console.calibrating import marked_places, try_calibration
from crowd.ground import Ground
from simulators.marked_views import Hand, hung_camera, mark_grid, mark_points
from tests.crowd.test_ground_people import lake, marked


def test_a_mark_that_is_set_aside_does_not_shape_what_a_camera_is_drawn_to_see() -> None:
    """A foot marked far up in the picture would put the camera's view hundreds of metres away."""
    people = marked(1).model_dump(exclude_none=True)
    people["people"]["marks"][3] = {"foot_px": [640.0, 110.0], "head_px": [640.0, 8.0]}
    camera = lake(ground=people, at=[0.0, 0.0], bearing_deg=0.0).cameras[0]
    assert camera.ground is not None
    found = Ground(camera.ground, [], at=(0.0, 0.0), bearing_deg=0.0).calibration.people
    assert found is not None
    assert 3 in found.set_aside
    assert len(marked_places(camera)) == 20 - len(found.set_aside)


@pytest.mark.parametrize(
    ("off_m", "drawn"),
    [((0.0, 0.0), 8), ((1.0, 0.0), 7), ((300.0, 0.0), 7), ((300.0, -200.0), 0)],
    ids=["all good", "a metre off", "typed ten times too far", "two too far"],
)
def test_a_point_with_wrong_metres_does_not_shape_what_a_camera_is_drawn_to_see(
    off_m: tuple[float, float], drawn: int
) -> None:
    """Left out where the others agree on a camera; where they agree on none, nothing is drawn."""
    rng = np.random.default_rng(6)
    marks = mark_points(hung_camera(rng), 8, rng)
    assert marks is not None
    points = marks.model_dump(exclude_none=True)
    for point, off in zip(points["points"][2:4], off_m, strict=True):
        point["x_m"] += off
    camera = lake(ground=points).cameras[0]
    assert len(marked_places(camera)) == drawn


@pytest.mark.parametrize("at", [None, (3.0, 4.0)])
def test_a_corner_left_out_is_told_wherever_the_camera_stands(
    at: tuple[float, float] | None,
) -> None:
    rng = np.random.default_rng(6)
    exact = Hand(off_px=0.0, spread_m=0.0)
    marks = mark_grid(hung_camera(rng), rng, columns=8, rows=6, hand=exact)
    assert marks is not None
    assert marks.grid is not None
    corners = list(marks.grid.corners)
    corners[4] = corners[4].model_copy(update={"px": corners[4].px + 60})
    wrong = marks.model_copy(update={"grid": marks.grid.model_copy(update={"corners": corners})})
    told = try_calibration(wrong, at=at, bearing_deg=0.0)
    assert told.placed is (at is not None)
    assert (told.problem, told.set_aside) == (GroundProblem.SLIPPED, (4,))
    assert "point 5 is" in told.detail


def test_marks_that_are_refused_still_say_how_far_each_is_off() -> None:
    """Nobody mends thirty corners by being told that they contradict each other."""
    rng = np.random.default_rng(6)
    marks = mark_grid(hung_camera(rng), rng, columns=6, rows=5, hand=Hand(off_px=0.0, spread_m=0.0))
    assert marks is not None
    assert marks.grid is not None
    corners = list(marks.grid.corners)
    for at in (4, 5):
        corners[at] = corners[at].model_copy(update={"px": corners[at].px + 500})
    wrong = marks.model_copy(update={"grid": marks.grid.model_copy(update={"corners": corners})})
    told = try_calibration(wrong, at=None, bearing_deg=None)
    assert told.problem is GroundProblem.UNFIT
    assert len(told.misses) == len(corners)
    assert told.misses.index(max(told.misses)) in (4, 5)
    assert told.undecided


@pytest.mark.parametrize(("wrong_by_m", "undecided"), [((2.0, 0.0), False), ((2.0, -2.0), True)])
def test_of_two_wrong_marks_no_camera_tells_which_they_are(
    wrong_by_m: tuple[float, float], undecided: bool
) -> None:
    """The point that is farthest off may be a third, good one: naming it sends the hand to the wrong place."""
    rng = np.random.default_rng(6)
    marks = mark_points(hung_camera(rng), 8, rng)
    assert marks is not None
    points = marks.model_dump(exclude_none=True)
    for point, off in zip(points["points"][2:4], wrong_by_m, strict=True):
        point["x_m"] += off
    ground = lake(ground=points).cameras[0].ground
    assert ground is not None
    told = try_calibration(ground, at=None, bearing_deg=None)
    assert told.undecided is undecided
    assert bool(told.set_aside) is not undecided
