"""What a zone says of a camera whose marks are not good enough, and where else it is told."""

from __future__ import annotations

import pytest

from config.calibration import GroundProblem, calibrate
from config.grounds import Ground
from console.calibrating import try_calibration
from crowd.ground import grounds_of
from crowd.ground_survey import survey_grounds
from model.facts import DensityLive, DeviceKind
from model.level import Sight
from model.pinhole import Pinhole
from service.commands.check_ground import tell_grounds
from tests.crowd.test_ground_people import marked
from tests.crowd.test_zones import Watchers, eye, site

NAMED = f"north:{GroundProblem.NOT_UPRIGHT}"


def four_corners(*, placed: bool = True) -> Ground:
    """A field of slabs from 8 m to 14 m before a camera 5 m high; one corner is 80 pixels too low."""
    camera = Pinhole(
        width_px=1280,
        height_px=720,
        focal_px=1000.0,
        mast_m=5.0,
        pitch_deg=18.0,
        east_m=0.0,
        north_m=0.0,
        bearing_deg=0.0,
    )
    corners = []
    for column, row in ((0, 0), (6, 0), (6, 6), (0, 6)):
        x, y, w = camera.plane_to_picture(0.0) @ (column - 3.0, row + 8.0, 1.0)
        corners.append({"px": x / w, "py": y / w, "column": column, "row": row})
    corners[2]["py"] += 80
    grid = {"columns": 6, "rows": 6, "column_m": 1, "row_m": 1, "corners": corners}
    place = {"at": [-3.0, 8.0], "bearing_deg": 0.0} if placed else {}
    return Ground.model_validate({"width_px": 1280, "height_px": 720, "grid": grid | place})


def watched(ground: Ground) -> dict[str, object]:
    told = {"ground": ground.model_dump(exclude_none=True), "at": [0.0, 0.0], "bearing_deg": 0.0}
    return {**eye("north"), **told}


def test_marks_that_no_upright_camera_explains_are_named_in_the_zone() -> None:
    """They fit the ground to the pixel, and people would look half as dense."""
    found = calibrate(four_corners())
    assert (found.corrected, max(found.misses_px) < 0.01) == (False, True)
    room = Watchers(watched(four_corners()))
    room.see("north", 2.0)
    view = room.view()
    assert NAMED in view.reasons
    assert view.sight is Sight.LIVE
    assert view.density_p_m2 == pytest.approx(2.0, rel=0.02)


def test_plain_check_and_the_editor_say_so_too(capsys: pytest.CaptureFixture[str]) -> None:
    tell_grounds(*survey_grounds(site(watched(four_corners()))), every=False)
    assert "cameras north: by grid, 4 marks" in (said := capsys.readouterr().out)
    assert "no upright camera explains them" in said
    assert "the best camera is beside the marks by 24 pixels" in said
    told = try_calibration(four_corners(), at=None, bearing_deg=None)
    assert (told.problem, told.upright) == (None, False)
    assert "point 3 by 28 pixels" in told.detail
    assert try_calibration(
        Ground.model_validate(eye("a")["ground"]), at=None, bearing_deg=0
    ).upright


def test_a_grid_that_nothing_upright_explains_is_not_told_to_get_the_place_it_has(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lake = site(watched(four_corners(placed=False)))
    assert grounds_of(lake) == ({}, {"north": GroundProblem.NOT_UPRIGHT})
    tell_grounds(*survey_grounds(lake), every=False)
    assert "bearing_deg" not in (said := capsys.readouterr().out)
    assert "mark again" in said


def test_the_fullest_place_outside_the_zone_is_not_the_zones() -> None:
    """A camera without a place on the map sees more than its zone; nobody can say where its peak is."""
    people = eye("far") | {"ground": marked(1).model_dump(exclude_none=True)}
    room = Watchers(eye("north"), people)
    room.see("north", 2.0, peak=3.0)
    crowded = {"density_p_m2": 4.0, "peak_p_m2": 7.5, "speed_m_s": 0.1}
    room.hear(
        DeviceKind.CAMERA,
        "far",
        DensityLive(
            at=room.clock.now(), count=90, count_low=80, count_high=99, model="m", **crowded
        ),
    )
    view = room.view()
    assert f"far:{GroundProblem.NO_PLACE}" in view.reasons
    assert (view.peak_p_m2, view.flow_share) == (3.0, None)


MOTION = {"speed_m_s": 0.1, "counterflow": 0.4, "pressure_s2": 0.05}
PICTURE_MOTION = {"speed_m_s": 9.0, "counterflow": 0.9, "pressure_s2": 80.0}


def see_moving(room: Watchers, name: str, **motion: float | None) -> None:
    """A live reading of a crowd in which nobody gets on."""
    body = DensityLive(
        at=room.clock.now(),
        count=100,
        count_low=80,
        count_high=125,
        density_p_m2=2.0,
        model="m",
        **motion,
    )
    room.hear(DeviceKind.CAMERA, name, body)


def test_motion_of_a_camera_without_calibration_is_not_the_zones() -> None:
    """It is in pixels or in nobody knows what, and would be a crush in every zone."""
    room = Watchers(eye("north"), eye("bare", calibrated=False))
    see_moving(room, "north", **MOTION)
    told = room.view()
    see_moving(room, "bare", **PICTURE_MOTION)
    view = room.view()
    assert (told.counterflow, told.pressure_s2) == (0.4, 0.05)
    assert (view.counterflow, view.pressure_s2) == (0.4, 0.05)
    assert told.flow_share == view.flow_share
    assert "bare:motion_in_unknown_units" in view.reasons
    assert "north:motion_in_unknown_units" not in view.reasons


def test_a_zone_of_uncalibrated_cameras_has_no_motion_at_all() -> None:
    room = Watchers(eye("bare", calibrated=False))
    see_moving(room, "bare", **PICTURE_MOTION)
    view = room.view()
    assert view.sight is Sight.LIVE
    assert (view.counterflow, view.pressure_s2, view.flow_share) == (None, None, None)
    assert "bare:motion_in_unknown_units" in view.reasons
    see_moving(room, "bare")
    assert "bare:motion_in_unknown_units" not in room.view().reasons


def test_motion_on_ground_without_a_place_is_not_the_zones() -> None:
    """It is in metres, and nobody knows whether they lie in the zone: the calibration says so."""
    local = eye("far") | {"ground": marked(1).model_dump(exclude_none=True)}
    room = Watchers(eye("north"), local)
    see_moving(room, "north", **MOTION)
    see_moving(room, "far", **PICTURE_MOTION)
    view = room.view()
    assert (view.counterflow, view.pressure_s2) == (0.4, 0.05)
    assert f"far:{GroundProblem.NO_PLACE}" in view.reasons
    assert "far:motion_in_unknown_units" not in view.reasons
