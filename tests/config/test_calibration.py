"""A camera's ground in three ways of saying it: what is read, what is refused and how it is told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError
from ruamel.yaml import YAML

from config.calibration import Calibration, GroundProblem, GroundRefusedError, calibrate, through
from config.findings import SiteFileError
from config.grounds import GridCorner, Ground, GroundGrid
from config.site_file import load_site
from simulators.marked_views import HEIGHT_PX, WIDTH_PX, Hand, hung_camera, mark_grid, mark_people
from tests.config.site_text import GOOD, write_site

Floats = NDArray[np.float64]
SIZE = {"width_px": WIDTH_PX, "height_px": HEIGHT_PX}
EXACT = Hand(off_px=0.0, spread_m=0.0)


def grid(seed: int = 3, **more: Any) -> tuple[Ground, Floats]:
    """Nine exact corners of 8 × 6 slabs, and the true mapping from the grid's metres to pixels."""
    rng = np.random.default_rng(seed)
    marks = mark_grid(hung_camera(rng), rng, columns=8, rows=6, hand=EXACT)
    assert marks is not None
    assert marks.grid is not None
    told = GroundGrid.model_validate(marks.grid.model_dump() | more)
    corners = np.array([(c.px, c.py, c.column * 0.6, c.row * 0.6) for c in told.corners])
    return marks.model_copy(update={"grid": told}), corners


def people(seed: int = 4) -> Ground:
    rng = np.random.default_rng(seed)
    marks = mark_people(hung_camera(rng), 20, rng)
    assert marks is not None
    return marks


def metres(found: Calibration, pixels: Floats) -> Floats:
    return through(np.asarray(np.linalg.inv(found.ground), np.float64), pixels)[0]


def test_a_grid_has_its_own_size_wherever_it_lies() -> None:
    """Without a place on the map: the distances between corners are those of the slabs."""
    marks, corners = grid()
    found = calibrate(marks)
    places = metres(found, corners[:, :2])
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1)
    true = np.linalg.norm(corners[:, None, 2:] - corners[None, :, 2:], axis=-1)
    assert np.allclose(apart, true, atol=0.03)
    assert (found.form, found.placed) == ("grid", False)


def test_a_grid_with_a_place_lies_there() -> None:
    marks, corners = grid(at=[100.0, -20.0], bearing_deg=90.0)
    found = calibrate(marks)
    places = metres(found, corners[:, :2])
    # Rows count to the east, and so columns to the south.
    assert np.allclose(places, np.array([100.0, -20.0]) + corners[:, [3, 2]] * (1, -1), atol=0.02)
    assert found.placed


def test_the_cameras_place_puts_people_and_a_grid_on_the_map() -> None:
    for marks in (people(), grid()[0]):
        local = calibrate(marks)
        found = calibrate(marks, at=(50.0, 30.0), bearing_deg=90.0)
        pixels = np.array([[640.0, 600.0], [300.0, 500.0]])
        right, ahead = metres(local, pixels).T
        assert np.allclose(metres(found, pixels), np.stack([50 + ahead, 30 - right], axis=-1))
        assert (local.placed, found.placed) == (False, True)
        assert not calibrate(marks, at=(50.0, 30.0)).placed


def test_heads_of_marked_people_are_found_over_their_feet() -> None:
    """Heads on the plane of heads stand where the feet stand, as far as heights differ."""
    marks = people()
    found = calibrate(marks)
    assert marks.people is not None
    feet = metres(found, np.array([one.foot_px for one in marks.people.marks]))
    back = np.asarray(np.linalg.inv(found.heads), np.float64)
    heads = through(back, np.array([one.head_px for one in marks.people.marks]))[0]
    reach = np.linalg.norm(feet, axis=1)
    assert np.median(np.linalg.norm(heads - feet, axis=1) / reach) < 0.05
    assert found.people is not None
    assert len(found.people.set_aside) <= 2


def test_columns_counted_the_wrong_way_are_refused() -> None:
    marks, _ = grid()
    assert marks.grid is not None
    corners = [c.model_copy(update={"column": 8 - c.column}) for c in marks.grid.corners]
    turned = marks.grid.model_copy(update={"corners": corners})
    with pytest.raises(GroundRefusedError, match="columns count to the left") as refused:
        calibrate(marks.model_copy(update={"grid": turned}))
    assert refused.value.problem is GroundProblem.MIRRORED


def miscounted(marks: Ground, *which: int) -> Ground:
    """With these corners of the grid taken for others."""
    assert marks.grid is not None
    corners = list(marks.grid.corners)
    for one in which:
        corners[one] = corners[one].model_copy(update={"px": corners[one].px + 300})
    return marks.model_copy(update={"grid": marks.grid.model_copy(update={"corners": corners})})


def test_a_corner_that_is_miscounted_is_named_and_left_out() -> None:
    marks, _ = grid(6, at=[100.0, -20.0], bearing_deg=0.0)
    found, right = calibrate(miscounted(marks, 4)), calibrate(marks)
    assert (found.slipped, found.problem) == (4, GroundProblem.SLIPPED)
    assert re.search(r"point 5 is (29|30|31)\d pixels beside the camera", found.detail)
    assert found.camera is not None
    assert right.camera is not None
    assert right.problem is None
    assert found.camera.mast_m == pytest.approx(right.camera.mast_m, rel=0.02)


def test_corners_that_are_miscounted_twice_are_refused() -> None:
    with pytest.raises(GroundRefusedError, match=r"point \d is farthest") as refused:
        calibrate(miscounted(grid()[0], 4, 7))
    assert refused.value.problem is GroundProblem.UNFIT


def slipped(
    marks: Ground, corners: list[GridCorner], slip_px: float, *, slips: int = 1
) -> Calibration:
    """The calibration where the first of these corners are marked so far beside themselves."""
    assert marks.grid is not None
    told = [one.model_copy(update={"px": one.px + slip_px}) for one in corners[:slips]]
    told += corners[slips:]
    grid = marks.grid.model_copy(update={"corners": told})
    return calibrate(marks.model_copy(update={"grid": grid}))


def test_of_four_corners_it_is_seen_that_something_slipped_and_of_nine_which() -> None:
    marks, _ = grid(6, at=[100.0, -20.0], bearing_deg=0.0)
    assert marks.grid is not None
    nine = list(marks.grid.corners)
    four = [c for c in nine if c.column in (0, 8) and c.row in (0, 6)]
    exact, slipped_by = (slipped(marks, four, slip_px) for slip_px in (0.0, 40.0))
    assert slipped_by.corrected
    assert max(exact.misses_px) < 0.5
    assert max(slipped_by.misses_px) > 4
    assert exact.area_error is not None
    assert slipped_by.area_error is not None
    assert slipped_by.area_error > 2 * exact.area_error
    assert slipped_by.slipped is None
    exact, slipped_by = (slipped(marks, nine, slip_px) for slip_px in (0.0, 40.0))
    assert (exact.slipped, slipped_by.slipped) == (None, 0)
    assert slipped_by.misses_px[0] == pytest.approx(40, abs=2)
    assert exact.area_error is not None
    assert slipped_by.area_error == pytest.approx(exact.area_error, rel=0.5)


def test_marks_that_no_camera_explains_say_how_far_the_best_is_beside_them() -> None:
    marks, _ = grid(6, at=[100.0, -20.0], bearing_deg=0.0)
    assert marks.grid is not None
    found = slipped(marks, list(marks.grid.corners), 60.0, slips=2)
    assert found.problem is GroundProblem.NOT_UPRIGHT
    told = re.search(
        r"beside the marks by \d+ pixels, .* point ([12]) by (\d+) pixels", found.detail
    )
    assert told is not None
    assert len(found.beside_px) == len(found.misses_px) == len(marks.grid.corners)
    assert found.beside_px[int(told[1]) - 1] == max(found.beside_px)
    assert max(found.beside_px) == pytest.approx(float(told[2]), abs=0.51)


def test_marks_that_not_even_a_flat_ground_fits_say_how_far_each_is_off() -> None:
    marks, _ = grid(6, at=[100.0, -20.0], bearing_deg=0.0)
    assert marks.grid is not None
    with pytest.raises(GroundRefusedError) as refused:
        slipped(marks, list(marks.grid.corners), 300.0, slips=2)
    assert refused.value.problem is GroundProblem.UNFIT
    misses = refused.value.misses
    assert len(misses) == len(marks.grid.corners)
    assert misses.index(max(misses)) in (0, 1)


def test_people_who_tell_nothing_are_refused_with_the_same_names() -> None:
    marks = [{"foot_px": [x, 500.0], "head_px": [x, 380.0]} for x in range(300, 900, 100)]
    ground = Ground.model_validate(SIZE | {"people": {"marks": marks}})
    with pytest.raises(GroundRefusedError) as refused:
        calibrate(ground)
    assert refused.value.problem is GroundProblem.PEOPLE_ONE_DISTANCE


PERSON = {"foot_px": [300, 500], "head_px": [300, 380]}
CORNER = {"px": 10, "py": 10, "column": 0, "row": 0}
CORNERS = [CORNER | {"column": c, "row": r} for c, r in ((0, 0), (1, 0), (1, 1), (0, 1))]
SLABS = {"columns": 4, "rows": 4, "column_m": 0.6, "row_m": 0.6}


@pytest.mark.parametrize(
    ("ground", "what"),
    [
        ({}, "needs one of `points`, `grid` and `people`, and has none of them"),
        (
            {"people": {"marks": [PERSON] * 4}, "grid": SLABS | {"corners": CORNERS}},
            "has `grid` and `people`",
        ),
        ({"people": {"marks": [PERSON] * 3}}, "at least 4"),
        (
            {"people": {"marks": [PERSON] * 3 + [{"foot_px": [9, 10], "head_px": [9, 80]}]}},
            "head \\(row 80\\) is not above the foot \\(row 10\\)",
        ),
        (
            {"people": {"marks": [PERSON] * 3 + [{"foot_px": [9, 900], "head_px": [9, 80]}]}},
            "people.marks\\[3\\] is at column 9, row 900, outside the picture",
        ),
        ({"people": {"marks": [PERSON] * 4, "height_m": 168}}, "less than or equal to 2.2"),
        (
            {"grid": SLABS | {"corners": [*CORNERS, CORNER | {"column": 5}]}},
            "corners\\[4\\] is column 5, row 0, and the grid ends at column 4, row 4",
        ),
        ({"grid": SLABS | {"corners": [*CORNERS, CORNER]}}, "as corners\\[0\\] is already"),
        ({"grid": SLABS | {"corners": CORNERS, "at": [1, 2]}}, "give both"),
        ({"grid": SLABS | {"corners": CORNERS, "row_m": 0}}, "greater than or equal to 0.05"),
    ],
)
def test_a_ground_that_makes_no_sense_is_refused(ground: dict[str, object], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        Ground.model_validate(SIZE | ground)


def test_the_file_tells_the_line_and_what_is_wrong(tmp_path: Path) -> None:
    line = "zones: [bridge]}"
    both = (
        "zones: [bridge], ground: {width_px: 640, height_px: 360, people: {marks: "
        "[{foot_px: [300, 200], head_px: [300, 240]}, {foot_px: [300, 200]}]}}}"
    )
    with pytest.raises(SiteFileError) as refused:
        load_site(write_site(tmp_path, GOOD.replace(line, both, 1)))
    told = "\n".join(str(one) for one in refused.value.findings)
    assert "cameras[0].ground.people.marks[0]: the head (row 240) is not above the foot" in told
    assert "marks[1].head_px: is missing, add [column, row] in pixels" in told


def test_the_documents_examples_can_be_used() -> None:
    page = (Path(__file__).parents[2] / "docs" / "site-file.md").read_text(encoding="utf-8")
    examples = re.findall(r"```yaml\n(?:ground:\n)?((?:  \w+:.*\n|   +.*\n)+)```", page)
    found = []
    for text in examples:
        told = YAML(typ="safe").load(text)
        found.append(calibrate(Ground.model_validate(SIZE | told)))
    assert [one.form for one in found] == ["points", "grid", "people"]
    assert all(one.corrected for one in found)
    assert [one.placed for one in found] == [True, True, False]
