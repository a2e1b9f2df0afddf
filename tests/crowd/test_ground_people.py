"""Density where standing people calibrated the camera: on the map, and where it has no place there."""

from __future__ import annotations

import numpy as np
import pytest

from config.calibration import GroundProblem
from config.grounds import Ground as GroundMarks
from config.schema import SiteFile
from crowd.ground import Ground, grounds_of
from crowd.ground_survey import survey_grounds
from crowd.motion import read_motion
from model.pinhole import Pinhole
from simulators.marked_views import HEIGHT_PX, WIDTH_PX, mark_people
from tests.crowd.test_ground import SQUARE, STRIDE_PX, crowd, density_map
from tests.crowd.test_zones import eye as entry
from tests.crowd.test_zones import site


def eye() -> Pinhole:
    return Pinhole(
        width_px=WIDTH_PX,
        height_px=HEIGHT_PX,
        focal_px=WIDTH_PX * 0.83,
        mast_m=6.0,
        pitch_deg=28.0,
        east_m=0.0,
        north_m=0.0,
        bearing_deg=0.0,
    )


def marked(seed: int, count: int = 20) -> GroundMarks:
    marks = mark_people(eye(), count, np.random.default_rng(seed))
    assert marks is not None
    return marks


@pytest.mark.parametrize("seed", range(4))
def test_an_even_crowd_has_its_density_to_within_what_the_marks_allow(seed: int) -> None:
    ground = Ground(marked(seed), [SQUARE], at=(0.0, 0.0), bearing_deg=0.0)
    people = ground.calibration.people
    assert people is not None
    found = ground.read(
        density_map(eye(), crowd(3.0)), stride_px=STRIDE_PX, width_px=WIDTH_PX, height_px=HEIGHT_PX
    )
    assert ground.placed
    assert found.density_p_m2 == pytest.approx(3.0, rel=2.5 * people.area_error)
    assert found.peak_p_m2 is not None
    assert found.peak_p_m2 > found.density_p_m2


def test_without_a_place_there_is_density_over_all_that_is_seen_and_no_zone() -> None:
    placed = Ground(marked(1), [], at=(0.0, 0.0), bearing_deg=0.0)
    local = Ground(marked(1), [SQUARE])
    density = density_map(eye(), crowd(3.0))
    one, other = (
        each.read(density, stride_px=STRIDE_PX, width_px=WIDTH_PX, height_px=HEIGHT_PX)
        for each in (placed, local)
    )
    assert not local.placed
    assert other == one
    assert other.seen_area_m2 > 3 * 64


def test_a_direction_is_told_only_where_north_is_known() -> None:
    rng = np.random.default_rng(1)
    frame = rng.integers(0, 255, (HEIGHT_PX, WIDTH_PX), dtype=np.uint8)
    frames = [np.roll(frame, 6 * step, axis=1) for step in range(3)]
    density = density_map(eye(), crowd(2.0))
    told = [
        read_motion(frames, [0.0, 0.1, 0.2], density, stride_px=STRIDE_PX, ground=ground)
        for ground in (
            Ground(marked(1), [], at=(0.0, 0.0), bearing_deg=0.0),
            Ground(marked(1), []),
        )
    ]
    assert told[0].direction_deg == pytest.approx(90.0, abs=15.0)
    assert told[1].direction_deg is None
    assert told[1].speed_m_s == told[0].speed_m_s


def lake(**camera: object) -> SiteFile:
    """The zone tests' site with one camera, whose ground is told by people."""
    return site(entry("eye") | {"ground": marked(1).model_dump(exclude_none=True)} | camera)


def test_a_site_knows_which_cameras_have_no_place() -> None:
    grounds, problems = grounds_of(lake())
    assert grounds == {}
    assert list(problems.values()) == [GroundProblem.NO_PLACE]
    grounds, problems = grounds_of(lake(at=[0.0, 0.0], bearing_deg=0.0))
    assert (len(grounds), problems) == (1, {})


def test_the_survey_tells_what_is_seen_of_the_zone_and_how_surely() -> None:
    surveys, covered = survey_grounds(lake(at=[0.0, 0.0], bearing_deg=0.0))
    one = surveys[0]
    assert (one.form, one.problem, len(one.misses)) == ("people", None, 20)
    assert one.height_error is not None
    assert one.area_error is not None
    assert 0.02 < one.height_error < 0.1 < 3 * one.area_error
    assert one.mast_m == pytest.approx(6.0, rel=0.2)
    assert [seen.zone for seen in one.zones] == [zone.zone for zone in covered]
    assert one.zones[0].share == pytest.approx(covered[0].share, abs=0.01)
    assert covered[0].share > 0.8
    unplaced, uncovered = survey_grounds(lake())
    assert (unplaced[0].problem, uncovered) == (GroundProblem.NO_PLACE, [])
    assert unplaced[0].seen_m2 is not None
