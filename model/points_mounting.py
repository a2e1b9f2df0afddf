"""How a camera hangs, worked out from places on the ground that are marked in its picture.

Hands are off by a pixel or two, tapes by some centimetres, and no camera hangs quite level. So the
camera is sought that explains all marks best at once, by least squares over lens, tilt, height,
roll, bearing and place, and with what is known of cameras before anything is marked: four marks
alone would leave the lens open. Frame: metres east and north of the site's origin; see
`model.pinhole`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import degrees, exp, isfinite, log, radians, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.hanging import (
    FOCAL_LOG_SPREAD,
    LOWEST_MAST_M,
    MARK_SHARE,
    MAST_LOG_SPREAD,
    PITCH_SPREAD,
    ROLL_SPREAD,
    USUAL_FOCAL_OF_WIDTH,
    USUAL_MAST_M,
    USUAL_PITCH,
    log_area_under_heads,
)
from model.pinhole import HEAD_HEIGHT_M, MountingError, Pinhole, homography

Floats = NDArray[np.float64]

TAPE_SPREAD_M: Final = 0.05
"""How exactly a place is measured with a tape or off a plan (standard deviation)."""

BESIDE_MOST: Final = 4.0
"""Marks are beside the best camera by at most so many times what hand and tape are usually off.

Once would do for a lens without distortion; cameras outside have some.
"""

ROLL_MOST_DEG: Final = 12.0
"""Nobody hangs a camera more askew than this: marks that say so are misplaced."""

STANDS_OUT: Final = 12.0
"""A mark has slipped whose absence makes the others agree so many times better (variance ratio).

By chance a mark of six does so once in some thousand calibrations, through a lens that bows lines by a
twentieth in one of hundreds.
"""

_STANDS_OUT_LEAST: Final = 25.0
"""And never for less than this many squared standard deviations of hand and tape."""

_WHICH: Final = 3.0
"""And only where leaving out any other mark instead leaves the rest so much worse (variance ratio).

That is twenty to one. Of two marks that alone tell the tilt either explains the other's slip, and to leave out
the good one would put the ground near the camera anywhere.
"""

_CHECKED_FROM: Final = 6
"""Fewer marks do not tell which of them is wrong."""

_BY_THIRDS_FROM: Final = 12
"""Of so many marks whole thirds are left out first: a camera for each of sixty took twenty seconds."""

_STARTS: Final = 4
_GOOD: Final = 1.5
"""No second start is tried once a camera is as little beside the marks as hands are."""

_ROUNDS: Final = 40
_LONGEST_STEP: Final = np.array([0.5, 0.3, 0.5, 0.2, 0.5, 1e3, 1e3])


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsMounting:
    """The mounting that marked places tell.

    `misses_px` is how far each mark is beside it. `slipped` is the mark, from 0, that is so far beside the
    camera on which the others agree that it was left out. `area_error` is how far areas of the ground under
    heads over the marks, and so densities, may be off by what the marks leave open (standard
    deviation, share).
    """

    camera: Pinhole
    misses_px: tuple[float, ...]
    area_error: float
    slipped: int | None = None


@dataclass(frozen=True, slots=True)
class _Marks:
    """Pixels about the picture's middle and metres about the places' middle, (N, 2) each.

    `sharpness` (N, 2, 2) turns pixels beside a mark into standard deviations of hand and tape. The
    state that is sought is a hanging with the bearing and the place after it, seven numbers.
    """

    pixels: Floats
    places: Floats
    width_px: int
    tape_m: float
    sharpness: Floats

    def seen(self, states: Floats, places: Floats) -> tuple[Floats, Floats]:
        """Where states (…, 7) see places (…, N, 2): pixels, and depths (…, N) in metres."""
        focal, mast = np.exp(states[..., 0, None]), np.exp(states[..., 2, None])
        pitch, roll, turn = (states[..., each, None] for each in (1, 3, 4))
        away = places - states[..., None, 5:7]
        right = away[..., 0] * np.cos(turn) - away[..., 1] * np.sin(turn)
        ahead = away[..., 0] * np.sin(turn) + away[..., 1] * np.cos(turn)
        depth = ahead * np.cos(pitch) + mast * np.sin(pitch)
        scale = focal / np.maximum(depth, 1e-3)
        column, row = right * scale, (mast * np.cos(pitch) - ahead * np.sin(pitch)) * scale
        c, s = np.cos(roll), np.sin(roll)
        return np.stack([column * c - row * s, column * s + row * c], axis=-1), depth

    def off(self, states: Floats) -> Floats:
        """How far states (…, 7) are beside the marks and beside what is usual, in standard deviations."""
        seen, depth = self.seen(states, self.places)
        beside = np.einsum("nij,...nj->...ni", self.sharpness, seen - self.pixels)
        beside = np.where((depth > 0.01)[..., None], beside, 1e3)
        focal_px = USUAL_FOCAL_OF_WIDTH * self.width_px
        usual = np.array([log(focal_px), USUAL_PITCH, log(USUAL_MAST_M), 0.0])
        spread = np.array([FOCAL_LOG_SPREAD, PITCH_SPREAD, MAST_LOG_SPREAD, ROLL_SPREAD])
        unusual = (states[..., :4] - usual) / spread
        return np.concatenate([beside.reshape(*beside.shape[:-2], -1), unusual], axis=-1)

    def slopes(self, state: Floats) -> Floats:
        """How `off` changes with the state, (M, 7)."""
        nudges = 1e-6 * np.eye(len(state))
        ends = self.off(np.concatenate([state + nudges, state - nudges]))
        return np.asarray((ends[: len(state)] - ends[len(state) :]).T / 2e-6)

    def seen_from(self, state: Floats) -> _Marks:
        """The same, once it is known how many pixels a centimetre of the tape is at each mark."""
        nudges = 1e-4 * np.vstack([np.eye(2), -np.eye(2)])
        ends = self.seen(state[None], self.places + nudges[:, None])[0]
        per_m = np.moveaxis(ends[:2] - ends[2:], 0, -1) / 2e-4
        spread = (
            np.eye(2) * (self.width_px * MARK_SHARE) ** 2
            + per_m @ per_m.transpose(0, 2, 1) * self.tape_m**2
        )
        return replace(self, sharpness=np.linalg.inv(np.linalg.cholesky(spread)))

    def without(self, *marks: int) -> _Marks:
        """All but these."""
        return replace(
            self,
            pixels=np.delete(self.pixels, marks, axis=0),
            places=np.delete(self.places, marks, axis=0),
            sharpness=np.delete(self.sharpness, marks, axis=0),
        )


def solve_points(
    points: Sequence[tuple[float, float, float, float]],
    *,
    width_px: int,
    height_px: int,
    tape_m: float = TAPE_SPREAD_M,
) -> PointsMounting:
    """The mounting that explains points (px, py, x_m, y_m) of the ground best, four or more.

    `tape_m` is how far the places may be off (standard deviation). Few marks, or a camera that looks
    straight down, leave its height open: then `area_error` is large, and still less than that of any
    mapping without a camera. Raises MountingError for points that no camera over the ground explains,
    with how far they are beside the best.
    """
    table = np.array(points, dtype=np.float64)
    # It refuses too few points and those on one line, about which the ground may turn.
    homography(table[:, 2:], table[:, :2])
    middle = table[:, 2:].mean(axis=0)
    marks = _Marks(
        pixels=table[:, :2] - (width_px / 2, height_px / 2),
        places=table[:, 2:] - middle,
        width_px=width_px,
        tape_m=tape_m,
        sharpness=np.tile(np.eye(2) / (width_px * MARK_SHARE), (len(table), 1, 1)),
    )
    every, (marks, state) = marks, _settled(marks)
    slipped = _slipped(marks, state)
    if slipped is None and _beside(marks, state) > BESIDE_MOST:
        slipped = _far_off(every)
    if slipped is not None:
        marks, state = _settled(every.without(slipped))
    misses = np.linalg.norm(every.seen(state, every.places)[0] - every.pixels, axis=1)
    _refuse_unexplained(marks, state, misses)
    area_error = _area_error(marks, state)
    if not isfinite(area_error):
        what = "the marks leave the camera's lens and height open altogether"
        raise MountingError(what, tuple(misses.tolist()))
    return PointsMounting(
        camera=Pinhole(
            width_px=width_px,
            height_px=height_px,
            focal_px=exp(state[0]),
            mast_m=exp(state[2]),
            pitch_deg=degrees(state[1]),
            east_m=float(state[5] + middle[0]),
            north_m=float(state[6] + middle[1]),
            bearing_deg=degrees(state[4]) % 360,
            roll_deg=degrees(state[3]),
        ),
        misses_px=tuple(misses.tolist()),
        area_error=area_error,
        slipped=slipped,
    )


def _settled(marks: _Marks) -> tuple[_Marks, Floats]:
    """The best state, by marks weighed as they are seen from there."""
    found: list[tuple[float, _Marks, Floats]] = []
    for start in _starts(marks):
        state = start
        for _ in range(3):
            marks = marks.seen_from(state)
            state = _descend(marks, state)
        found.append((_beside(marks, state), marks, state))
        if found[-1][0] <= _GOOD:
            break
    _, marks, state = min(found, key=lambda each: each[0])
    return marks, state


def _slipped(marks: _Marks, state: Floats) -> int | None:
    """The mark without which all others agree far better, if there is one and only one.

    By how much the squares fall when a mark is left out follows from the slopes at the best state (deletion of a
    case; Cook and Weisberg, Residuals and Influence in Regression, 1982).
    """
    number = len(marks.places)
    if number < _CHECKED_FROM:
        return None
    slopes, off = marks.slopes(state), marks.off(state)
    known = np.linalg.inv(slopes.T @ slopes)
    own = slopes[: 2 * number].reshape(number, 2, -1)
    left = np.eye(2) * (1 + 1e-9) - own @ known @ own.transpose(0, 2, 1)
    beside = off[: 2 * number].reshape(number, 2, 1)
    falls = (beside * np.linalg.solve(left, beside)).sum(axis=(1, 2))
    second, worst = (int(one) for one in np.argsort(falls)[-2:])
    fall = float(falls[worst])
    checks = len(off) - len(state) - 2
    others = max(1.0, (float(off @ off) - fall) / checks)
    stands_out = fall > _STANDS_OUT_LEAST and fall / 2 > STANDS_OUT * others
    is_it = (fall - float(falls[second])) / 2 > _WHICH * others
    return worst if stands_out and is_it else None


def _far_off(marks: _Marks) -> int | None:
    """The one mark without which a camera explains all others, when with it none does.

    A place typed ten times too far bends the fit so much that no slope tells which it is.
    """
    number = len(marks.places)
    if number < _CHECKED_FROM:
        return None
    many = number if number < _BY_THIRDS_FROM else 3
    parts = [range(first, number, many) for first in range(many)]
    left = [_settled(marks.without(*part)) for part in parts]
    beside = np.array([_beside(*each) for each in left])
    best, second = (int(one) for one in np.argsort(beside)[:2])
    if beside[best] > _GOOD or beside[second] <= BESIDE_MOST:
        return None
    misses = np.linalg.norm(marks.seen(left[best][1], marks.places)[0] - marks.pixels, axis=1)
    worst = max(parts[best], key=lambda each: float(misses[each]))
    alone = len(parts[best]) == 1 or _beside(*_settled(marks.without(worst))) <= _GOOD
    return worst if alone else None


def _beside(marks: _Marks, state: Floats) -> float:
    """How far the state is beside all that is known, for each number that checks it."""
    off = marks.off(state)
    return sqrt(float(off @ off) / (len(off) - len(state)))


def _starts(marks: _Marks) -> Floats:
    """The most promising states of a coarse search over lens and tilt.

    Each puts the marks somewhere on the ground before a level camera one metre up; turned, moved
    and enlarged onto their places, that tells the mast, the bearing and where the camera stands.
    """
    focal = (
        log(USUAL_FOCAL_OF_WIDTH * marks.width_px) + np.linspace(-1.8, 1.8, 9) * FOCAL_LOG_SPREAD
    )
    lens, pitch = (
        each.reshape(-1, 1) for each in np.meshgrid(focal, np.radians(np.arange(3, 90, 3)))
    )
    column, row = (marks.pixels[:, each] / np.exp(lens) for each in range(2))
    # A mark above the horizon of a coarse tilt is taken to lie far off.
    fall = np.maximum(np.sin(pitch) + np.cos(pitch) * row, 0.02)
    flat = (column + 1j * (np.cos(pitch) - np.sin(pitch) * row)) / fall
    there = marks.places[:, 0] + 1j * marks.places[:, 1]
    weight = fall**2 / (fall**2).sum(axis=1, keepdims=True)
    centre, goal = ((weight * each).sum(axis=1, keepdims=True) for each in (flat, there))
    spread = (weight * np.abs(flat - centre) ** 2).sum(axis=1)
    turned = (weight * np.conj(flat - centre) * (there - goal)).sum(axis=1) / np.maximum(
        spread, 1e-9
    )
    stands = goal[:, 0] - turned * centre[:, 0]
    mast = np.log(np.clip(np.abs(turned), 0.5, 100.0))
    still = np.zeros(len(turned))
    states = np.stack(
        [lens[:, 0], pitch[:, 0], mast, still, -np.angle(turned), stands.real, stands.imag], axis=-1
    )
    costs = np.minimum(marks.off(states) ** 2, 1e6).sum(axis=-1)
    return np.asarray(states[np.argsort(costs)[:_STARTS]])


def _descend(marks: _Marks, state: Floats) -> Floats:
    """Levenberg-Marquardt from a state."""
    damping, off = 1e-2, marks.off(state)
    cost = float(off @ off)
    for _ in range(_ROUNDS):
        slopes = marks.slopes(state)
        normal, downhill = slopes.T @ slopes, -slopes.T @ off
        scale = np.diag(np.diag(normal) + 1e-12)
        dampings = damping * np.array([0.03, 0.3, 3.0, 1e3, 1e5])
        steps = np.array([np.linalg.solve(normal + d * scale, downhill) for d in dampings])
        tried = state + np.clip(steps, -_LONGEST_STEP, _LONGEST_STEP)
        costs = (marks.off(tried) ** 2).sum(axis=-1)
        best = int(np.argmin(costs))
        gain = cost - float(costs[best])
        if gain <= 0:
            break
        state, cost, damping = tried[best], float(costs[best]), max(float(dampings[best]), 1e-9)
        off = marks.off(state)
        if gain < 1e-6 * (1 + cost):
            break
    return state


def _refuse_unexplained(marks: _Marks, state: Floats, misses: Floats) -> None:
    beside, each = _beside(marks, state), tuple(misses.tolist())
    worst = int(np.argmax(misses))
    if not beside <= BESIDE_MOST:
        raise MountingError(
            f"the best camera is beside the marks by {sqrt((misses**2).mean()):.0f} pixels, {beside:.1f} "
            f"times what hand and tape are off; point {worst + 1} by {misses[worst]:.0f} pixels",
            each,
        )
    if abs(state[3]) > radians(ROLL_MOST_DEG):
        raise MountingError(
            f"by the marks the picture is turned by {degrees(state[3]):.0f}°, as no camera hangs",
            each,
        )
    mast = exp(state[2])
    if mast < LOWEST_MAST_M:
        raise MountingError(
            f"by the marks the camera hangs {mast:.1f} m high, so that heads reach the horizon; at least "
            f"{LOWEST_MAST_M:g} m are needed",
            each,
        )


def _area_error(marks: _Marks, state: Floats) -> float:
    """How far areas of the ground under heads over the marks may be off (standard deviation, share)."""
    slopes = marks.slopes(state)
    worse = max(1.0, _beside(marks, state)) ** 2
    spread = np.linalg.inv(slopes.T @ slopes)[:4, :4] * worse
    over = _from_heads(state)
    heads, depth = marks.seen(over, marks.places)
    if not (depth > 0.01).all():
        return float("inf")
    low, high = heads.min(axis=0), heads.max(axis=0)
    gradient = np.array(
        [
            (
                log_area_under_heads(state[:4] + nudge, low, high)
                - log_area_under_heads(state[:4] - nudge, low, high)
            )
            / 2e-5
            for nudge in np.eye(4) * 1e-5
        ]
    )
    return float(np.sqrt(gradient @ spread @ gradient))


def _from_heads(state: Floats) -> Floats:
    """The state as it hangs over heads instead of over the ground."""
    over = state.copy()
    over[2] = log(exp(state[2]) - HEAD_HEIGHT_M)
    return over
