"""A camera's calibration: from what the site file marks in its picture to metres, and how sure.

Frame of reference: metres east and north of the site's origin where the calibration has its place on
the map; otherwise metres to the right and ahead of the camera, which stands over the origin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import cos, radians, sin
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from config.grounds import Ground, GroundGrid, GroundPeople
from model.hanging import AREA_ERROR_MOST
from model.people_mounting import (
    PeopleError,
    PeopleMounting,
    PeopleProblem,
    StandingPerson,
    solve_people,
)
from model.pinhole import HEAD_HEIGHT_M, MountingError, Pinhole, homography
from model.points_mounting import TAPE_SPREAD_M, solve_points

FIT_ERROR_MOST: Final = 0.03
"""How far ground points may stand beside their fit, as a share of the picture's width."""

SLABS_SPREAD_M: Final = 0.01
"""How exactly the corners of a grid lie where its size puts them (standard deviation)."""

Floats = NDArray[np.float64]
Form = Literal["points", "grid", "people"]


class GroundProblem(StrEnum):
    """Why a camera's ground gives no calibration, or one without a place."""

    DEGENERATE = "ground_points_on_a_line_or_coincide"
    UNFIT = "ground_points_contradict_each_other"
    MIRRORED = "ground_points_are_mirrored"
    PEOPLE_TOO_FEW = PeopleProblem.TOO_FEW.value
    PEOPLE_UPSIDE_DOWN = PeopleProblem.UPSIDE_DOWN.value
    PEOPLE_ONE_DISTANCE = PeopleProblem.ONE_DISTANCE.value
    PEOPLE_LENS_OPEN = PeopleProblem.LENS_OPEN.value
    PEOPLE_HORIZON = PeopleProblem.HORIZON.value
    PEOPLE_UNFIT = PeopleProblem.UNFIT.value
    NOTHING_SEEN = "no_ground_of_the_zones_near_enough"
    NO_PLACE = "ground_has_no_place_on_the_map"
    NOT_UPRIGHT = "no_upright_camera_explains_the_marks"
    LENS_OPEN = "marks_leave_the_cameras_height_open"
    SLIPPED = "one_mark_contradicts_the_others"


class GroundRefusedError(ValueError):
    """A ground that cannot be used, with the named problem.

    `misses` is how far each mark is beside what was tried: people as a share of their height, others in pixels.
    """

    def __init__(
        self, problem: GroundProblem, detail: str = "", misses: tuple[float, ...] = ()
    ) -> None:
        super().__init__(f"{problem}: {detail}" if detail else str(problem))
        self.problem = problem
        self.detail = detail
        self.misses = misses


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How ground and heads lie in a picture of `width_px` × `height_px`.

    `ground` and `heads` (3, 3) take places of people to the pixels of their feet and of their heads.
    Where no upright camera explains the marks, both are the ground's, `corrected` is false and
    `detail` says how far the best camera is beside them, `beside_px` how far beside each.
    `misses_px` is how far each point or corner is beside the mapping that people are placed by: the
    upright camera's, or the ground's. `slipped` is the mark, from 0, that all others together contradict and
    that was left out. `area_error` is how far areas, and so densities, may be off by
    what the marks leave open (standard deviation, share), known where a camera explains them.
    `camera` is the mounting where one follows, `people` what marked people told.
    """

    form: Form
    width_px: int
    height_px: int
    ground: Floats
    heads: Floats
    corrected: bool
    placed: bool
    camera: Pinhole | None
    misses_px: tuple[float, ...] = ()
    beside_px: tuple[float, ...] = ()
    slipped: int | None = None
    area_error: float | None = None
    people: PeopleMounting | None = None
    detail: str = ""

    @property
    def problem(self) -> GroundProblem | None:
        """What a calibration that can be used still lacks; where both are lacking, what comes first."""
        if not self.corrected:
            return GroundProblem.NOT_UPRIGHT
        if self.area_error is not None and self.area_error > AREA_ERROR_MOST:
            return GroundProblem.LENS_OPEN
        if not self.placed:
            return GroundProblem.NO_PLACE
        return None if self.slipped is None else GroundProblem.SLIPPED


def calibrate(
    ground: Ground, *, at: tuple[float, float] | None = None, bearing_deg: float | None = None
) -> Calibration:
    """The calibration that a camera's marks give; `at` and `bearing_deg` are the camera's own.

    Points and a placed grid know their place themselves. Raises GroundRefusedError.
    """
    stands = None if at is None or bearing_deg is None else (at, bearing_deg)
    if ground.people is not None:
        return _by_people(ground, ground.people, stands)
    if ground.grid is not None:
        own = ground.grid.at is not None
        found = _by_points(ground, "grid", grid_points(ground.grid), placed=own)
        return found if own else _moved(found, stands)
    rows = [(p.px, p.py, p.x_m, p.y_m) for p in ground.points or ()]
    return _by_points(ground, "points", rows, placed=True)


def grid_points(grid: GroundGrid) -> list[tuple[float, float, float, float]]:
    """The corners as points (px, py, x_m, y_m): of the site, or of the grid where it has no place."""
    east, north = grid.at or (0.0, 0.0)
    turn = radians(grid.bearing_deg or 0.0)
    rows = []
    for one in grid.corners:
        right, ahead = one.column * grid.column_m, one.row * grid.row_m
        x = east + right * cos(turn) + ahead * sin(turn)
        y = north - right * sin(turn) + ahead * cos(turn)
        rows.append((one.px, one.py, x, y))
    return rows


def _by_people(
    ground: Ground, people: GroundPeople, stands: tuple[tuple[float, float], float] | None
) -> Calibration:
    marks = [
        StandingPerson(
            foot_px=one.foot_px,
            head_px=one.head_px,
            height_m=one.height_m or people.height_m,
            spread_m=people.spread_m if one.height_m is None else 0.01,
        )
        for one in people.marks
    ]
    try:
        found = solve_people(
            marks,
            width_px=ground.width_px,
            height_px=ground.height_px,
            view_deg=people.view_deg,
            mast_m=people.mast_m,
        )
    except PeopleError as error:
        problem = GroundProblem(error.problem.value)
        raise GroundRefusedError(problem, error.detail, error.misses) from error
    told = _seen_by(found.camera, ground, "people", placed=False)
    return replace(_moved(told, stands), people=found, area_error=found.area_error)


def _seen_by(camera: Pinhole, ground: Ground, form: Form, *, placed: bool) -> Calibration:
    return Calibration(
        form=form,
        width_px=ground.width_px,
        height_px=ground.height_px,
        ground=camera.plane_to_picture(0.0),
        heads=camera.plane_to_picture(HEAD_HEIGHT_M),
        corrected=True,
        placed=placed,
        camera=camera,
    )


def _moved(found: Calibration, stands: tuple[tuple[float, float], float] | None) -> Calibration:
    """The same, seen from where the camera stands on the map; from the origin where nobody knows."""
    if found.camera is None:
        return found
    (east, north), bearing = stands or ((0.0, 0.0), 0.0)
    camera = replace(found.camera, east_m=east, north_m=north, bearing_deg=bearing)
    return replace(
        found,
        ground=camera.plane_to_picture(0.0),
        heads=camera.plane_to_picture(HEAD_HEIGHT_M)
        if found.corrected
        else camera.plane_to_picture(0.0),
        camera=camera,
        placed=stands is not None,
    )


def _by_points(
    ground: Ground,
    form: Form,
    rows: Sequence[tuple[float, float, float, float]],
    *,
    placed: bool,
) -> Calibration:
    """From points of known place; falls back to the ground's own mapping where no upright camera
    explains them.
    """
    table = np.array(rows, dtype=np.float64)
    try:
        plane = homography(table[:, 2:], table[:, :2])
    except MountingError as error:
        raise GroundRefusedError(GroundProblem.DEGENERATE, str(error)) from error
    try:
        found = solve_points(
            rows,
            width_px=ground.width_px,
            height_px=ground.height_px,
            tape_m=SLABS_SPREAD_M if form == "grid" else TAPE_SPREAD_M,
        )
    except MountingError as error:
        misses = _misses(plane, table)
        _refuse_unfit(plane, table, misses, ground.width_px, error)
        return Calibration(
            form=form,
            width_px=ground.width_px,
            height_px=ground.height_px,
            ground=plane,
            heads=plane,
            corrected=False,
            placed=placed,
            camera=None,
            misses_px=tuple(misses.tolist()),
            beside_px=error.misses_px,
            detail=str(error),
        )
    seen = _seen_by(found.camera, ground, form, placed=placed)
    told = replace(
        seen, misses_px=found.misses_px, slipped=found.slipped, area_error=found.area_error
    )
    if found.slipped is None:
        return told
    miss_px = found.misses_px[found.slipped]
    return replace(
        told,
        detail=f"point {found.slipped + 1} is {miss_px:.0f} pixels beside the camera on which the others agree, "
        "and was left out",
    )


def _refuse_unfit(
    plane: Floats, table: Floats, misses: Floats, width_px: int, best: MountingError
) -> None:
    """Refuses what not even the ground's own mapping fits; `best` is what the best camera told."""
    depth = through(plane, table[:, 2:])[1]
    one_side = bool((np.sign(depth) == np.sign(depth[0])).all())
    if not one_side or _rms(misses) > FIT_ERROR_MOST * width_px:
        worst = int(np.argmax(misses))
        what = (
            f"point {worst + 1} is farthest beside the others' fit, by {misses[worst]:.0f} pixels"
        )
        if not one_side:
            what = "some lie behind the camera by the others"
        raise GroundRefusedError(GroundProblem.UNFIT, f"{what}; {best}", best.misses_px)
    if np.linalg.det(plane) * depth[0] > 0:
        raise GroundRefusedError(
            GroundProblem.MIRRORED,
            "seen from above they run the other way round than in the picture: east is exchanged with "
            "west, or columns count to the left",
        )


def _misses(plane: Floats, table: Floats) -> Floats:
    pixels, depth = through(plane, table[:, 2:])
    away = np.sqrt(((pixels - table[:, :2]) ** 2).sum(axis=1))
    return np.where(np.sign(depth) == np.sign(depth[0]), away, np.inf)


def _rms(values: Floats) -> float:
    return float(np.sqrt((values**2).mean()))


def through(mapping: Floats, points: Floats) -> tuple[Floats, Floats]:
    """Points (N, 2) through a homography, and their depth (N,), whose sign tells front from back."""
    there = points @ mapping[:, :2].T + mapping[:, 2]
    depth = np.where(np.abs(there[:, 2]) < 1e-12, 1e-12, there[:, 2])
    return there[:, :2] / depth[:, None], depth
