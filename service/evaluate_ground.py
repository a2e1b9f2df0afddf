"""How true calibrations are: marks in pictures of cameras whose mounting is known, and what follows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import exp, log
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.calibration import Calibration, GroundProblem, GroundRefusedError, calibrate, through
from config.grounds import Ground
from model.pinhole import HEAD_HEIGHT_M, Pinhole
from simulators.marked_views import (
    HEIGHT_PX,
    WIDTH_PX,
    Hand,
    hung_camera,
    mark_grid,
    mark_people,
    mark_points,
    on_ground,
    view_deg,
)

Floats = NDArray[np.float64]
NEAR_M: Final = 20.0
_LATTICE: Final = 48
_DATA_SHEET: Final = 0.02
"""How far a data sheet's angle or a measured mast is off (standard deviation, share)."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One way of marking; `known` is what the site file says beside the marks."""

    form: str
    marks: int
    known: str = "nothing"
    bad: int = 0


class GroundScore(msgspec.Struct, frozen=True, kw_only=True):
    """Errors of one way of marking over many cameras; errors are shares of the truth.

    Areas are of the ground that people stand on whose heads are in so much of the picture: where
    heads over the marks are, and (near) of all ground in view within 20 m, or of
    its nearest 10 m where the camera sees none so near. `area_bias` is the mean of the logarithm's
    error. `within_two` is, of the calibrations that state how far off areas may be, the share whose error
    of the first area is at most twice that. `upright` counts the calibrated whose marks an
    upright camera explains; the others are named wherever they are used. `slipped` counts those in which one
    mark was found to contradict the others and left out.
    """

    form: str
    marks: int
    known: str
    bad: int
    cameras: int
    calibrated: int
    upright: int
    slipped: int
    refused: dict[str, int]
    area_median: float | None
    area_p90: float | None
    area_bias: float | None
    near_area_median: float | None
    near_area_p90: float | None
    mast_median: float | None
    stated_median: float | None
    within_two: float | None


TRIALS: Final = (
    *(Trial(form="people", marks=marks) for marks in (6, 10, 20, 40)),
    Trial(form="people", marks=20, bad=3),
    Trial(form="people", marks=10, known="view_deg"),
    Trial(form="people", marks=10, known="mast_m"),
    Trial(form="people", marks=10, known="both"),
    Trial(form="grid", marks=9),
    Trial(form="points", marks=4),
    Trial(form="points", marks=8),
    Trial(form="points", marks=6, bad=1),
    Trial(form="points", marks=8, bad=1),
)


def evaluate_ground(
    *,
    cameras: int,
    seed: int,
    spread_m: float,
    mean_m: float,
    watch: Callable[[], None],
) -> list[GroundScore]:
    """Every way of marking on the same cameras; `mean_m` is how tall people really are on average."""
    scores = []
    for trial in TRIALS:
        hand = Hand(spread_m=spread_m, mean_m=mean_m, bad=trial.bad)
        refused: dict[str, int] = {}
        found: list[_Outcome] = []
        for camera, marks in _marked(trial, cameras, seed, hand):
            try:
                found.append(_judged(camera, marks, calibrate(marks)))
            except GroundRefusedError as error:
                refused[str(error.problem)] = refused.get(str(error.problem), 0) + 1
            watch()
        scores.append(_score(trial, found, refused))
    return scores


def _marked(trial: Trial, cameras: int, seed: int, hand: Hand) -> Iterator[tuple[Pinhole, Ground]]:
    """So many cameras that see enough to be marked, the same ones for the same seed."""
    number = made = 0
    while made < cameras:
        rng = np.random.default_rng([seed, number])
        number += 1
        camera = hung_camera(rng)
        marks = _marks(trial, camera, rng, hand)
        if marks is not None:
            made += 1
            yield camera, marks


def _marks(trial: Trial, camera: Pinhole, rng: np.random.Generator, hand: Hand) -> Ground | None:
    if trial.form == "grid":
        return mark_grid(camera, rng, columns=8, rows=8, hand=hand)
    if trial.form == "points":
        return mark_points(camera, trial.marks, rng, slipped=trial.bad)
    found = mark_people(camera, trial.marks, rng, hand=hand)
    if found is None or found.people is None or trial.known == "nothing":
        return found
    known = {
        "view_deg": view_deg(camera) * exp(rng.normal(0, _DATA_SHEET)),
        "mast_m": camera.mast_m * exp(rng.normal(0, _DATA_SHEET)),
    }
    wanted = known if trial.known == "both" else {trial.known: known[trial.known]}
    return found.model_copy(update={"people": found.people.model_copy(update=wanted)})


class _Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Errors of one calibration as logarithms of found over true."""

    area: float
    near_area: float
    mast: float | None
    stated: float | None
    upright: bool
    slipped: bool


def _judged(camera: Pinhole, marks: Ground, found: Calibration) -> _Outcome:
    heads = _heads(camera, marks)
    spanned = _lattice(heads.min(axis=0), heads.max(axis=0))
    whole = _lattice(np.zeros(2), np.array([WIDTH_PX, HEIGHT_PX], np.float64))
    away = np.linalg.norm(on_ground(camera, whole, z_m=HEAD_HEIGHT_M), axis=1)
    whole = whole[away < max(NEAR_M, float(np.nanmin(away)) + NEAR_M / 2)]
    truth = camera.plane_to_picture(HEAD_HEIGHT_M)
    return _Outcome(
        area=log(_area(found.heads, spanned) / _area(truth, spanned)),
        near_area=log(_area(found.heads, whole) / _area(truth, whole)),
        mast=None if found.camera is None else log(found.camera.mast_m / camera.mast_m),
        stated=found.area_error,
        upright=found.corrected and found.problem is not GroundProblem.LENS_OPEN,
        slipped=found.slipped is not None,
    )


def _heads(camera: Pinhole, marks: Ground) -> Floats:
    """Pixels (N, 2) of the heads marked, or of heads over what is marked on the ground."""
    if marks.people is not None:
        return np.array([one.head_px for one in marks.people.marks])
    told = marks.points or (marks.grid.corners if marks.grid else ())
    places = on_ground(camera, np.array([(one.px, one.py) for one in told]))
    return through(camera.plane_to_picture(HEAD_HEIGHT_M), places)[0]


def _lattice(low: Floats, high: Floats) -> Floats:
    share = (np.arange(_LATTICE) + 0.5) / _LATTICE
    across, down = (low[i] + share * (high[i] - low[i]) for i in range(2))
    return np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2)


def _area(to_picture: Floats, pixels: Floats) -> float:
    """The ground in so many pixels, each weighed by how much ground it shows, m² per pixel."""
    back = np.linalg.inv(to_picture)
    depth = np.column_stack([pixels, np.ones(len(pixels))]) @ back[2]
    return float(np.abs(np.linalg.det(back) / depth**3).sum())


def _score(trial: Trial, found: list[_Outcome], refused: dict[str, int]) -> GroundScore:
    area = np.array([one.area for one in found])
    telling = [(one.area, one.stated) for one in found if one.stated is not None]
    off, stated = np.array(telling).reshape(-1, 2).T
    near = [one.near_area for one in found]
    return GroundScore(
        **msgspec.structs.asdict(trial),
        cameras=len(found) + sum(refused.values()),
        calibrated=len(found),
        upright=sum(one.upright for one in found),
        slipped=sum(one.slipped for one in found),
        refused=refused,
        area_median=_middle(area.tolist(), 50),
        area_p90=_middle(area.tolist(), 90),
        area_bias=round(float(area.mean()), 4) if found else None,
        near_area_median=_middle(near, 50),
        near_area_p90=_middle(near, 90),
        mast_median=_middle([one.mast for one in found if one.mast is not None], 50),
        stated_median=_middle(stated.tolist(), 50),
        within_two=round(float((np.abs(off) <= 2 * stated).mean()), 3) if telling else None,
    )


def _middle(errors: list[float], percent: int) -> float | None:
    """A percentile of errors given as logarithms, as a share."""
    if not errors:
        return None
    return round(float(np.expm1(np.percentile(np.abs(errors), percent))), 4)
