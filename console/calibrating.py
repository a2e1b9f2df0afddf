"""A calibration tried out while it is drawn: what the marks tell, before anything is saved."""

from __future__ import annotations

import msgspec
import numpy as np

from config.calibration import Calibration, GroundProblem, GroundRefusedError, calibrate, through
from config.grounds import Ground
from config.schema import Camera


class CalibrationTried(msgspec.Struct, frozen=True, kw_only=True):
    """What marks tell, or the problem they have.

    `mapping` takes metres on the ground to pixels, nine numbers row by row; `places_m` is where each
    mark lies on the ground. `misses` are shares of people's height, or pixels beside a point or corner, told
    of refused marks too: they say which one to look at again.
    `set_aside` are the marks, from 0, that were left out, as the others contradict them. `undecided` says that
    points or corners contradict one another and that leaving out any one does not tell which are wrong: then
    the one that is farthest off may be a good one.
    Where no camera that hangs `upright` explains the marks, crowds look thinner than they are, and
    `detail` says how far the best is beside them.
    """

    problem: GroundProblem | None = None
    detail: str = ""
    placed: bool = False
    upright: bool = False
    mapping: tuple[float, ...] = ()
    places_m: tuple[tuple[float, float], ...] = ()
    misses: tuple[float, ...] = ()
    set_aside: tuple[int, ...] = ()
    undecided: bool = False
    height_error: float | None = None
    area_error: float | None = None
    mast_m: float | None = None
    pitch_deg: float | None = None


def try_calibration(
    ground: Ground, *, at: tuple[float, float] | None, bearing_deg: float | None
) -> CalibrationTried:
    """The calibration in figures; never raises for marks that tell nothing."""
    try:
        found = calibrate(ground, at=at, bearing_deg=bearing_deg)
    except GroundRefusedError as error:
        return CalibrationTried(
            problem=error.problem,
            detail=error.detail,
            misses=error.misses,
            undecided=error.problem is GroundProblem.UNFIT,
        )
    feet = np.array(_feet(ground), np.float64)
    places = through(np.asarray(np.linalg.inv(found.ground), np.float64), feet)[0]
    told = CalibrationTried(
        problem=_told(found),
        placed=found.placed,
        upright=found.corrected,
        mapping=tuple(found.ground.ravel().tolist()),
        places_m=tuple((float(x), float(y)) for x, y in places),
        misses=found.beside_px or found.misses_px,
        set_aside=() if found.slipped is None else (found.slipped,),
        # Where leaving out a single mark had told, a camera would have been found without it.
        undecided=not found.corrected,
        area_error=found.area_error,
        detail=found.detail,
        mast_m=None if found.camera is None else found.camera.mast_m,
        pitch_deg=None if found.camera is None else found.camera.pitch_deg,
    )
    return _with_heights(told, found, ground)


def _told(found: Calibration) -> GroundProblem | None:
    """The problem that has no field of its own; a mark left out is told without a place too."""
    if found.problem is GroundProblem.LENS_OPEN:
        return found.problem
    return None if found.slipped is None else GroundProblem.SLIPPED


def _feet(ground: Ground) -> list[tuple[float, float]]:
    """Everything marked on the ground, in pixels."""
    if ground.people is not None:
        return [one.foot_px for one in ground.people.marks]
    corners = ground.points if ground.grid is None else ground.grid.corners
    return [(one.px, one.py) for one in corners or ()]


def _with_heights(told: CalibrationTried, found: Calibration, ground: Ground) -> CalibrationTried:
    if found.people is None or ground.people is None:
        return told
    usual = ground.people.height_m
    wanted = [one.height_m or usual for one in ground.people.marks]
    pairs = zip(found.people.heights_m, wanted, strict=True)
    return msgspec.structs.replace(
        told,
        misses=tuple(got / want - 1 for got, want in pairs),
        set_aside=found.people.set_aside,
        height_error=found.people.height_error,
    )


def marked_places(camera: Camera) -> list[tuple[float, tuple[float, float]]]:
    """Every good mark's row in the picture with its place on the map; none where the ground has none.

    Marks set aside may lie anywhere by the others, even behind the camera; so may those that contradict
    one another.
    """
    ground = camera.ground
    if ground is None:
        return []
    known = ground.points is not None or (ground.grid is not None and ground.grid.at is not None)
    if not known and (camera.at is None or camera.bearing_deg is None):
        return []
    tried = try_calibration(ground, at=camera.at, bearing_deg=camera.bearing_deg)
    if not tried.placed:
        return []
    places = tried.places_m
    if ground.points is not None:
        places = tuple((one.x_m, one.y_m) for one in ground.points)
    rows = (row for _, row in _feet(ground))
    marks = enumerate(zip(rows, places, strict=True))
    return [mark for at, mark in marks if at not in tried.set_aside]
