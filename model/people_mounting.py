"""How a camera hangs, worked out from people who stand before it and whose height is about known.

A person's foot and head in the picture tell how large the height of a person is there. Several of
them, near and far, tell where the horizon lies, how high the camera hangs and, less surely, what its
lens is. Frame: the camera stands over the origin and looks north; metres; see `model.pinhole`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import degrees, exp, log, radians, tan
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.hanging import (
    AREA_ERROR_MOST,
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
from model.pinhole import Pinhole

Floats = NDArray[np.float64]

MEAN_HEIGHT_M: Final = 1.68
HEIGHT_SPREAD_M: Final = 0.07
LEAST_PEOPLE: Final = 4
SET_ASIDE_MOST: Final = 0.3
"""The share of marks that may be bad; with more, nobody can say which are the good ones."""

_LEAN: Final = 0.035
"""People stand upright to within 2°."""

_FAR_OFF: Final = 3.5
"""A mark this many standard deviations beside the others is a bad one."""

_VIEW_KNOWN: Final = 0.03
_MAST_KNOWN: Final = 0.02
_ONE_DISTANCE: Final = 1.35
_ROUNDS: Final = 40


class PeopleProblem(StrEnum):
    """Why marked people tell no mounting."""

    TOO_FEW = "too_few_people_marked"
    UPSIDE_DOWN = "a_head_is_not_above_its_foot"
    ONE_DISTANCE = "marked_people_are_all_at_one_distance"
    LENS_OPEN = "marked_people_leave_the_lens_open"
    HORIZON = "the_horizon_runs_through_the_marked_people"
    UNFIT = "marked_people_contradict_each_other"


class PeopleError(ValueError):
    """Marked people from whom no mounting follows, with the named problem.

    `misses` is how far each is off by the best one, as a share of its height; empty where none was tried.
    """

    def __init__(self, problem: PeopleProblem, detail: str, misses: tuple[float, ...] = ()) -> None:
        super().__init__(f"{problem}: {detail}")
        self.problem = problem
        self.detail = detail
        self.misses = misses


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingPerson:
    """One person who stands upright on the ground: foot and top of the head in pixels."""

    foot_px: tuple[float, float]
    head_px: tuple[float, float]
    height_m: float = MEAN_HEIGHT_M
    spread_m: float = HEIGHT_SPREAD_M


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleMounting:
    """The mounting that marked people tell, and how sure it is.

    `heights_m` is how tall each person is by it. `set_aside` are the marks that did not fit the
    others. `height_error` is how far the heights of the others are from what they should be (root
    of the mean square), `area_error` how far the areas of the ground that heads stand over, and so
    densities, may be off (standard deviation); both as shares of 1.
    """

    camera: Pinhole
    heights_m: tuple[float, ...]
    set_aside: tuple[int, ...]
    height_error: float
    area_error: float


@dataclass(frozen=True, slots=True)
class _Marks:
    """Marks about the picture's middle, and what is known of lens and mast beforehand.

    The state that is sought is (log focal length, pitch, log mast, roll).
    """

    foot: Floats
    head: Floats
    height_m: Floats
    height_share: Floats
    lean_px: Floats
    before: Floats
    before_spread: Floats

    def heights(self, states: Floats) -> tuple[Floats, Floats]:
        """By each state (…, 4): everybody's height, metres (…, N), and how far (pixels) their head
        is aside of upright. NaN where the state puts a foot on or over the horizon.
        """
        focal = np.exp(np.minimum(states[..., 0, None], 20.0))
        mast = np.exp(np.minimum(states[..., 2, None], 20.0))
        pitch_c, pitch_s = np.cos(states[..., 1, None]), np.sin(states[..., 1, None])
        c, s = np.cos(states[..., 3, None]), np.sin(states[..., 3, None])
        foot, foot_row = _turned(self.foot, c, s)
        head, head_row = _turned(self.head, c, s)
        with np.errstate(all="ignore"):
            foot_down = pitch_s * focal + pitch_c * foot_row
            away = mast * (pitch_c * focal - pitch_s * foot_row) / foot_down
            head_ahead = pitch_c * focal - pitch_s * head_row
            height = mast - away * (pitch_s * focal + pitch_c * head_row) / head_ahead
            foot_depth = away * pitch_c + mast * pitch_s
            head_depth = foot_depth - height * pitch_s
            aside = head - foot * foot_depth / head_depth
            good = (foot_down > 0) & (head_ahead > 0) & (height > 0) & (head_depth > 0)
        return np.where(good, height, np.nan), np.where(good, aside, np.nan)

    def misses(self, states: Floats) -> Floats:
        """How far each mark is off (…, N, 2), in standard deviations: its height, and its lean."""
        height, aside = self.heights(states)
        tall = np.log(height / self.height_m) / self.height_share
        return np.nan_to_num(np.stack([tall, aside / self.lean_px], axis=-1), nan=1e3)

    def seen_from(self, state: Floats) -> _Marks:
        """The same, once it is known from how high up people are seen.

        From high above, who leans to the front or the back looks taller or shorter than they are.
        """
        rows = (self.foot[:, 1] + self.head[:, 1]) / 2
        down = np.clip(np.tan(np.clip(state[1] + np.arctan(rows / exp(state[0])), 0, 1.5)), 0, 5)
        return replace(self, height_share=np.hypot(self.height_share, _LEAN * down))

    def beside(self, states: Floats) -> Floats:
        """How far states (…, 4) are from what was known before, in standard deviations."""
        return np.asarray((states - self.before) / self.before_spread)


def _turned(places: Floats, c: Floats, s: Floats) -> tuple[Floats, Floats]:
    """Columns and rows of marks in a picture turned level again."""
    return places[:, 0] * c + places[:, 1] * s, places[:, 1] * c - places[:, 0] * s


def solve_people(
    people: Sequence[StandingPerson],
    *,
    width_px: int,
    height_px: int,
    view_deg: float | None = None,
    mast_m: float | None = None,
) -> PeopleMounting:
    """The mounting that explains the marked people best; a few bad marks are found and set aside.

    `view_deg` is the lens's horizontal angle and `mast_m` the camera's height where somebody knows
    them: either makes the areas surer. Raises PeopleError.
    """
    _look_over(people)
    marks = _marks(people, width_px, height_px, view_deg, mast_m)
    marks, state, good = _settled(marks)
    heights = marks.heights(state)[0]
    off = heights / marks.height_m - 1
    _refuse_contradiction(good, off)
    mast = exp(state[2])
    if mast < LOWEST_MAST_M:
        raise PeopleError(
            PeopleProblem.HORIZON,
            f"by the marks the camera hangs {mast:.1f} m high, so that heads reach the horizon; a "
            f"camera under {LOWEST_MAST_M:g} m needs ground points or a grid",
        )
    area_error = _area_error(marks, state, good)
    if not area_error <= AREA_ERROR_MOST:
        raise _undetermined(marks, state, good, area_error)
    return PeopleMounting(
        camera=Pinhole(
            width_px=width_px,
            height_px=height_px,
            focal_px=exp(state[0]),
            mast_m=mast,
            pitch_deg=degrees(state[1]),
            east_m=0.0,
            north_m=0.0,
            bearing_deg=0.0,
            roll_deg=degrees(state[3]),
        ),
        heights_m=tuple(float(one) for one in heights),
        set_aside=tuple(int(one) for one in np.flatnonzero(~good)),
        height_error=float(np.sqrt((off[good] ** 2).mean())),
        area_error=area_error,
    )


def _look_over(people: Sequence[StandingPerson]) -> None:
    if len(people) < LEAST_PEOPLE:
        what = f"{len(people)} marked, at least {LEAST_PEOPLE} are needed, better ten"
        raise PeopleError(PeopleProblem.TOO_FEW, what)
    for number, one in enumerate(people, 1):
        if one.foot_px[1] - one.head_px[1] < 1:
            where = f"person {number}: head at row {one.head_px[1]:g}, foot at {one.foot_px[1]:g}"
            raise PeopleError(PeopleProblem.UPSIDE_DOWN, f"{where}; rows count from the top")


def _marks(
    people: Sequence[StandingPerson],
    width_px: int,
    height_px: int,
    view_deg: float | None,
    mast_m: float | None,
) -> _Marks:
    middle = np.array([width_px / 2, height_px / 2])
    foot = np.array([one.foot_px for one in people], np.float64) - middle
    head = np.array([one.head_px for one in people], np.float64) - middle
    height = np.array([one.height_m for one in people])
    spread = np.array([one.spread_m for one in people])
    tall = np.linalg.norm(head - foot, axis=1)
    blur = np.sqrt(2) * width_px * MARK_SHARE / tall
    focal, focal_spread = USUAL_FOCAL_OF_WIDTH * width_px, FOCAL_LOG_SPREAD
    if view_deg is not None:
        focal, focal_spread = width_px / 2 / tan(radians(view_deg) / 2), _VIEW_KNOWN
    mast, mast_spread = (USUAL_MAST_M, MAST_LOG_SPREAD) if mast_m is None else (mast_m, _MAST_KNOWN)
    return _Marks(
        foot=foot,
        head=head,
        height_m=height,
        height_share=np.hypot(spread / height, blur),
        lean_px=np.hypot(_LEAN, blur) * tall,
        before=np.array([log(focal), USUAL_PITCH, log(mast), 0.0]),
        before_spread=np.array([focal_spread, PITCH_SPREAD, mast_spread, ROLL_SPREAD]),
    )


def _settled(marks: _Marks) -> tuple[_Marks, Floats, NDArray[np.bool_]]:
    """The best state and which marks it rests on: bad ones are left out, one after the other.

    It stops at the first bad one too many, for such marks are refused anyhow.
    """
    good = np.ones(len(marks.foot), np.bool_)
    ends = np.array([_descend(marks, start, good) for start in _starts(marks)])
    state = ends[np.argmin(_costs(marks, ends, good))]
    marks = marks.seen_from(state)
    state = _descend(marks, state, good)
    while good.sum() > LEAST_PEOPLE and not _too_many(~good):
        off = np.abs(marks.misses(state)).max(axis=1) * good
        worst = int(np.argmax(off))
        if off[worst] <= _FAR_OFF:
            break
        good[worst] = False
        state = _descend(marks, state, good)
    return marks, state, good


def _starts(marks: _Marks) -> Floats:
    """The most promising states (≤ 3, 4) of a coarse search over lens and tilt, with a mast each."""
    shares = marks.before[0] + np.linspace(-1.8, 1.8, 11) * marks.before_spread[0]
    focal, pitch = np.meshgrid(shares, np.radians(np.arange(3, 84, 4)))
    states = np.stack([focal, pitch, 0 * focal, 0 * focal], axis=-1).reshape(-1, 4)
    each = marks.height_m / marks.heights(states)[0]
    possible = np.isnan(each).mean(axis=1) <= SET_ASIDE_MOST
    if not possible.any():
        what = "no level ground lets people of their heights stand where they are marked"
        raise PeopleError(PeopleProblem.UNFIT, what)
    states, each = states[possible], each[possible]
    states[:, 2] = np.log(np.nanmedian(each, axis=1))
    everyone = np.ones(len(marks.foot), np.bool_)
    return np.asarray(states[np.argsort(_costs(marks, states, everyone))[:3]])


def _costs(marks: _Marks, states: Floats, good: NDArray[np.bool_]) -> Floats:
    """What states (…, 4) cost; a mark far off costs hardly more the farther it is (Geman-McClure)."""
    square = marks.misses(states)[..., good, :] ** 2
    bent = square / (1 + square / _FAR_OFF**2)
    return np.asarray(bent.sum(axis=(-1, -2)) + (marks.beside(states) ** 2).sum(axis=-1))


def _descend(marks: _Marks, state: Floats, good: NDArray[np.bool_]) -> Floats:
    """Levenberg-Marquardt from a state, each mark weighed by how well it fits."""
    damping, cost = 1e-2, float(_costs(marks, state, good))
    for _ in range(_ROUNDS):
        misses, slopes = _slopes(marks, state, good, robust=True)
        normal = slopes.T @ slopes
        downhill = -slopes.T @ misses
        dampings = damping * np.array([0.1, 1.0, 10.0, 1e3])
        steps = [np.linalg.solve(normal + d * np.diag(np.diag(normal)), downhill) for d in dampings]
        tried = state + np.clip(steps, -0.3, 0.3)
        costs = _costs(marks, tried, good)
        best = int(np.argmin(costs))
        if not costs[best] < cost - 1e-5:
            break
        state, cost, damping = tried[best], float(costs[best]), max(dampings[best], 1e-9)
    return state


def _slopes(
    marks: _Marks, state: Floats, good: NDArray[np.bool_], *, robust: bool
) -> tuple[Floats, Floats]:
    """All misses (M,) with what was known before, and how they change with the state (M, 4)."""
    misses = marks.misses(state)[good].ravel()
    weight = 1 / (1 + misses**2 / _FAR_OFF**2) if robust else np.ones_like(misses)
    nudges = 1e-5 * np.eye(len(state))
    ends = marks.misses(np.concatenate([state + nudges, state - nudges]))[:, good]
    ahead, behind = ends.reshape(2, len(state), -1)
    slopes = (ahead - behind).T / 2e-5 * weight[:, None]
    rows = np.vstack([slopes, np.diag(1 / marks.before_spread)])
    return np.concatenate([misses * weight, marks.beside(state)]), rows


def _area_error(marks: _Marks, state: Floats, good: NDArray[np.bool_]) -> float:
    """How far areas of the ground where the people stand may be off (standard deviation, share).

    People are placed by their heads, so that it is the height over the heads that areas go with.
    """
    misses, slopes = _slopes(marks, state, good, robust=False)
    free = max(1, 2 * int(good.sum()) - len(state))
    worse = max(1.0, float((misses[: -len(state)] ** 2).sum()) / free)
    spread = np.linalg.inv(slopes.T @ slopes) * worse
    low, high = marks.head[good].min(axis=0), marks.head[good].max(axis=0)
    gradient = np.array(
        [
            (
                log_area_under_heads(state + nudge, low, high)
                - log_area_under_heads(state - nudge, low, high)
            )
            / 2e-5
            for nudge in np.eye(len(state)) * 1e-5
        ]
    )
    return float(np.sqrt(gradient @ spread @ gradient))


def _too_many(bad: NDArray[np.bool_]) -> bool:
    return bool(bad.sum() > SET_ASIDE_MOST * len(bad))


def _refuse_contradiction(good: NDArray[np.bool_], off: Floats) -> None:
    bad = np.flatnonzero(~good)
    if not _too_many(~good) and not np.isnan(off[good]).any():
        return
    shown = ", ".join(
        f"person {one + 1}" + ("" if np.isnan(off[one]) else f" ({off[one]:+.0%} in height)")
        for one in bad[:5]
    )
    what = f"at least {len(bad)} of {len(good)} do not fit the others: {shown}"
    raise PeopleError(PeopleProblem.UNFIT, what, tuple(off.tolist()))


def _undetermined(
    marks: _Marks, state: Floats, good: NDArray[np.bool_], area_error: float
) -> PeopleError:
    focal = exp(state[0])
    rows = marks.foot[good, 1]
    away = 1 / np.tan(state[1] + np.arctan(rows / focal))
    left = f"areas stay open by ±{area_error:.0%}, at most ±{AREA_ERROR_MOST:.0%} can be used"
    if away.max() < _ONE_DISTANCE * away.min():
        return PeopleError(
            PeopleProblem.ONE_DISTANCE,
            f"{left}; mark people near the camera and far from it, or give `view_deg` and `mast_m`",
        )
    return PeopleError(
        PeopleProblem.LENS_OPEN,
        f"{left}; mark more people, nearer ones too, or give the lens's `view_deg` or `mast_m`",
    )
