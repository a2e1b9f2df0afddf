"""How a crowd moves: speed, direction, counter-flow and crowd pressure from a short burst of pictures.

Optical flow is followed where the density map says that people are (pyramidal Lucas and Kanade, a
window of about a head, every match checked backwards), and not everywhere: dense flow drags a
walker's speed towards the ground beside it. The ground's calibration turns pixels into metres.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Final, Protocol

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from crowd.motion_streams import pressure_s2, streams

CELLS_MOST: Final = 192
CELL_PEOPLE_LEAST: Final = 0.02
PEOPLE_LEAST: Final = 0.8
FOLLOWED_LEAST: Final = 0.4
"""The share of the people whose way must be found for a reading to be given."""

FASTEST_M_S: Final = 8.0
_WINDOW_PX: Final = (13, 13)
_LEVELS: Final = 2
_ENOUGH: Final = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 10, 0.03)
_BACK_MOST_PX: Final = 1.0
_SPAN_LEAST_S: Final = 0.03

Floats = NDArray[np.float64]
Luma = NDArray[np.uint8]


class MotionGap(StrEnum):
    """Why a reading says nothing of motion."""

    NO_BURST = "no_burst"
    NOT_CALIBRATED = "not_calibrated"
    NOBODY = "nobody_on_the_ground"
    NOT_FOLLOWED = "too_few_could_be_followed"


class Motion(msgspec.Struct, frozen=True, kw_only=True):
    """How the people that a camera sees move; every figure is absent where it is not defined.

    `speed_m_s` is the mean over all people, standing ones included. `direction_deg` is where the
    larger stream goes, clockwise from north; `counterflow` the share, 0 to 1, of those who move
    that go against it by more than 90°; both are absent where hardly anyone moves. `pressure_s2`
    is the highest local ρ·Var(v) (Helbing, Johansson and Al-Abideen 2007). `gap` says why there is
    nothing at all; `followed` is the share of the people whose way was found.
    """

    speed_m_s: float | None = None
    direction_deg: float | None = None
    counterflow: float | None = None
    pressure_s2: float | None = None
    followed: float = 0.0
    gap: MotionGap | None = None


class MotionGround(Protocol):
    """What calibrated ground must tell for motion: see `crowd.ground.Ground`."""

    @property
    def placed(self) -> bool:
        """Whether its metres lie on the map, so that a direction is one of the compass."""

    def stand(self, pixels: Floats, *, width_px: int, height_px: int) -> Floats:
        """Where people stand, metres (N, 2), whose heads are at these pixels of such a picture."""

    def watches(self, metres: Floats) -> NDArray[np.bool_]:
        """Which places (N, 2) lie on the ground that the camera is there for."""


class _Steps(msgspec.Struct, frozen=True):
    """Where cells with people went: pixels (N, 2), moves in pixels (N, pairs, 2), NaN where lost."""

    start: Floats
    moves: Floats
    people: Floats


def read_motion(
    frames: Sequence[Luma],
    times_s: Sequence[float],
    density: NDArray[np.float32],
    *,
    stride_px: float,
    ground: MotionGround | None,
) -> Motion:
    """Motion in a burst of luma pictures (H, W), a few tenths of a second in all, oldest first.

    `times_s` are their times; `density` (rows, columns) is the people per cell of `stride_px`
    pixels of the first picture. Two to five pictures 0.05 to 0.2 s apart are meant.
    """
    if len(frames) < 2 or times_s[-1] - times_s[0] < _SPAN_LEAST_S:
        return Motion(gap=MotionGap.NO_BURST)
    if ground is None:
        return Motion(gap=MotionGap.NOT_CALIBRATED)
    height, width = frames[0].shape
    cells = _peopled(density, stride_px, width, height)
    where = ground.stand(cells.start, width_px=width, height_px=height)
    cells = _only(cells, ground.watches(where))
    total = float(cells.people.sum())
    if total < PEOPLE_LEAST:
        return Motion(gap=MotionGap.NOBODY)
    cells = _followed(frames, cells)
    velocity = _velocities(cells, times_s, ground, width, height)
    found = ~np.isnan(velocity).any(axis=(1, 2))
    share = float(cells.people[found].sum()) / total
    if share < FOLLOWED_LEAST:
        return Motion(gap=MotionGap.NOT_FOLLOWED, followed=share)
    where = ground.stand(cells.start[found], width_px=width, height_px=height)
    told = _told(where, velocity[found], cells.people[found] / share, share)
    return told if ground.placed else msgspec.structs.replace(told, direction_deg=None)


def _told(where: Floats, velocity: Floats, people: Floats, share: float) -> Motion:
    main = streams(np.median(velocity, axis=1), people)
    return Motion(
        speed_m_s=main.speed_m_s,
        direction_deg=main.direction_deg,
        counterflow=main.counterflow,
        pressure_s2=pressure_s2(where, velocity[:, 0], velocity[:, -1], people),
        followed=share,
    )


def _peopled(
    density: NDArray[np.float32], stride_px: float, width_px: int, height_px: int
) -> _Steps:
    """The cells that hold most of the people, at most `CELLS_MOST` of them, fullest first."""
    flat = density.ravel()
    most = min(CELLS_MOST, flat.size)
    best = np.argpartition(-flat, most - 1)[:most]
    best = best[flat[best] > CELL_PEOPLE_LEAST]
    row, column = np.divmod(best, density.shape[1])
    start = (np.stack([column, row], axis=-1) + 0.5) * stride_px
    start = np.minimum(start, np.array([width_px - 1.0, height_px - 1.0]))
    return _Steps(start, np.zeros((len(best), 0, 2)), flat[best].astype(np.float64))


def _only(cells: _Steps, kept: NDArray[np.bool_]) -> _Steps:
    return _Steps(cells.start[kept], cells.moves[kept], cells.people[kept])


def _followed(frames: Sequence[Luma], cells: _Steps) -> _Steps:
    """The cells with their moves from picture to picture; each pair starts at the cell's middle."""
    start = cells.start.astype(np.float32)[:, None]
    moves = [_matched(one, two, start) for one, two in pairwise(frames)]
    return _Steps(cells.start, np.stack(moves, axis=1), cells.people)


def _matched(one: Luma, two: Luma, start: NDArray[np.float32]) -> Floats:
    """Moves in pixels (N, 2); NaN where matching back does not return to the start."""
    there, ahead, _ = cv2.calcOpticalFlowPyrLK(
        one,
        two,
        start,
        np.zeros_like(start),
        winSize=_WINDOW_PX,
        maxLevel=_LEVELS,
        criteria=_ENOUGH,
    )
    back, behind, _ = cv2.calcOpticalFlowPyrLK(
        two,
        one,
        there,
        np.zeros_like(start),
        winSize=_WINDOW_PX,
        maxLevel=_LEVELS,
        criteria=_ENOUGH,
    )
    missed = np.abs(back - start)[:, 0].max(axis=1)
    sure = (ahead[:, 0] == 1) & (behind[:, 0] == 1) & (missed <= _BACK_MOST_PX)
    return np.where(sure[:, None], (there - start)[:, 0], np.nan).astype(np.float64)


def _velocities(
    cells: _Steps, times_s: Sequence[float], ground: MotionGround, width_px: int, height_px: int
) -> Floats:
    """Metres per second east and north (N, pairs, 2).

    A pair that was lost takes the median of the cell's others; NaN where most pairs were lost, or
    where the speed is none of a person on foot.
    """
    here = ground.stand(cells.start, width_px=width_px, height_px=height_px)
    found = np.empty_like(cells.moves)
    for pair in range(cells.moves.shape[1]):
        after = np.nan_to_num(cells.start + cells.moves[:, pair])
        there = ground.stand(after, width_px=width_px, height_px=height_px)
        found[:, pair] = (there - here) / max(times_s[pair + 1] - times_s[pair], 1e-3)
    found[np.isnan(cells.moves)] = np.nan
    found[np.linalg.norm(np.nan_to_num(found), axis=2) > FASTEST_M_S] = np.nan
    lost = np.asarray(np.isnan(found).any(axis=2))
    steady = lost.sum(axis=1) * 2 < found.shape[1]
    middle = np.full((len(found), 2), np.nan)
    if steady.any():
        middle[steady] = np.nanmedian(found[steady], axis=1)
    return np.where(lost[:, :, None], middle[:, None, :], found)
