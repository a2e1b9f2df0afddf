"""How wide a count's bounds must be: learned from held-out pictures, also as other cameras show them.

A bound that only held at home would be too sure abroad. So every held-out picture is also counted smaller,
darker, softer and noisier, and without colours. For *small*, whose sub streams show few people and any size of
head, parts of it are counted alone as well, as they are and nearer. Each set of pictures must hold by itself, and
so, a little less, must each view of each: another camera is another view, and all of its pictures are off to the
same side.

A reach has no share of the count itself: by held-out pictures the doubt and what is dense say as much (the
bounds are as narrow), and a number less learned from few cameras holds better at others.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter, itemgetter
from typing import Any, Final, Protocol

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from crowd.augmentation import add_noise, grey
from crowd.pictures import read_picture
from crowd.stills import Still
from crowd.weights_file import Bounds

Picture = NDArray[np.uint8]
Heads = NDArray[np.float32]
_View = Callable[[Picture, Heads], tuple[Picture, int]]

_HOLD: Final = 0.9
_HOLD_A_VIEW: Final = 0.8
_PEOPLE: Final = (0.3, 0.6, 1.0, 2.0, 4.0)
_DOUBT_SHARES: Final = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2)
_DENSE_SHARES: Final = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8)
_DENSE_FROM: Final = (100.0, 150.0, 200.0, 300.0)
# Shown smaller, a picture with more people than one in so many cells has heads too small to be seen at all.
_CELLS_A_HEAD_LEAST: Final = 16
_CELL_PX: Final = 8


class Doubting(Protocol):
    """What counts and says how unsure it is."""

    def count_and_doubt(self, picture: Picture) -> tuple[float, float]:
        """People in a picture, and how many of them are only half seen."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One held-out picture of the set `group` as one kind of camera, the `view`, shows it, counted."""

    group: str
    view: int = 0
    truth: float
    count: float
    doubt: float


def _smaller(picture: Picture, heads: Heads) -> tuple[Picture, int]:
    small = cv2.resize(picture, None, fx=0.625, fy=0.625, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), len(heads)


def _darker(picture: Picture, heads: Heads) -> tuple[Picture, int]:
    return (picture * 0.45).astype(np.uint8), len(heads)


def _worse(picture: Picture, heads: Heads) -> tuple[Picture, int]:
    soft = cv2.GaussianBlur(picture, (0, 0), 1.0)
    return add_noise(soft, 6.0, np.random.default_rng(1)), len(heads)


def _part(share: float, nearer: float, left: float, top: float) -> _View:
    """A window of `share` of the sides, `left` and `top` of the way to the other end, enlarged so many times."""

    def show(picture: Picture, heads: Heads) -> tuple[Picture, int]:
        sides = np.array(picture.shape[1::-1])
        window = (sides * share).astype(int)
        corner = ((sides - window) * (left, top)).astype(int)
        far = corner + window
        inside = ((heads >= corner) & (heads < far)).all(axis=1)
        part = picture[corner[1] : far[1], corner[0] : far[0]]
        if nearer != 1:
            how = cv2.INTER_LINEAR
            part = np.asarray(
                cv2.resize(part, None, fx=nearer, fy=nearer, interpolation=how), np.uint8
            )
        return np.ascontiguousarray(part), int(inside.sum())

    return show


_VIEWS: Final[tuple[_View, ...]] = (
    lambda picture, heads: (picture, len(heads)),
    _smaller,
    _darker,
    _worse,
    lambda picture, heads: (grey(picture), len(heads)),
)
_PARTS: Final[tuple[_View, ...]] = (
    _part(0.5, 1.0, 0.5, 0.9),
    _part(0.35, 1.0, 0.7, 0.5),
    _part(0.5, 2.0, 0.5, 0.9),
    _part(0.62, 1.6, 0.2, 0.6),
)


def trials(folders: dict[str, Sequence[Still]], estimator: Doubting, *, parts: bool) -> list[Trial]:
    """Counts every held-out picture in every view, and parts of it if told."""
    counted = []
    for name, stills in folders.items():
        for still in stills:
            picture = read_picture(still.path)
            for view, show in enumerate(_VIEWS + _PARTS * parts):
                shown, truth = show(picture, still.heads)
                cells = shown.shape[0] * shown.shape[1] / _CELL_PX**2
                if show is _smaller and cells < still.count * _CELLS_A_HEAD_LEAST:
                    continue
                count, doubt = estimator.count_and_doubt(shown)
                counted.append(Trial(group=name, view=view, truth=truth, count=count, doubt=doubt))
    return counted


class _Reach(msgspec.Struct, frozen=True, kw_only=True):
    """How far one side of the bounds goes: people, and shares of doubt and what is dense."""

    people: float
    doubt: float
    dense: float
    dense_from: float

    def times(self, factor: float) -> _Reach:
        return _Reach(
            people=factor * self.people,
            doubt=factor * self.doubt,
            dense=factor * self.dense,
            dense_from=self.dense_from,
        )

    def of(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rows of truth, count, doubt → people."""
        count, doubt = table[:, 1], table[:, 2]
        dense = np.maximum(0.0, count - self.dense_from)
        return self.people + self.doubt * doubt + self.dense * dense


def fit(counted: Sequence[Trial]) -> Bounds:
    """The narrowest bounds of this form that hold 90 % of every set, 5 % missing on either side, and 80 %
    of every view of it."""
    if not counted:
        raise ValueError("bounds need counted pictures")
    groups = [(_HOLD, table) for table in _tables(counted, attrgetter("group"))]
    groups += [(_HOLD_A_VIEW, table) for table in _tables(counted, attrgetter("group", "view"))]
    tried: list[tuple[float, Bounds]] = []
    for dense_from in _DENSE_FROM:
        below_width, below = _narrowest(groups, dense_from, sign=1.0)
        above_width, above = _narrowest(groups, dense_from, sign=-1.0)
        bounds = Bounds(
            below_people=below.people,
            below_count=0.0,
            below_doubt=below.doubt,
            below_dense=below.dense,
            above_people=above.people,
            above_count=0.0,
            above_doubt=above.doubt,
            above_dense=above.dense,
            dense_from=dense_from,
        )
        tried.append((below_width + above_width, bounds))
    return min(tried, key=itemgetter(0))[1]


def _narrowest(
    groups: Sequence[tuple[float, NDArray[np.float64]]], dense_from: float, *, sign: float
) -> tuple[float, _Reach]:
    """One side's mean reach relative to the truth, and its form; +1 for low, -1 for high."""
    everyone = np.concatenate([table for _, table in groups])
    tried: list[tuple[float, _Reach]] = []
    for people, doubt, dense in itertools.product(_PEOPLE, _DOUBT_SHARES, _DENSE_SHARES):
        shape = _Reach(people=people, doubt=doubt, dense=dense, dense_from=dense_from)
        factor = max(
            _quantile(sign * (table[:, 1] - table[:, 0]) / shape.of(table), hold)
            for hold, table in groups
        )
        reach = shape.times(factor)
        width = float(np.mean(reach.of(everyone) / (everyone[:, 0] + 10)))
        tried.append((width, reach))
    return min(tried, key=itemgetter(0))


def holds(bounds: Bounds, counted: Iterable[Trial]) -> float:
    """The share of trials whose truth lies within the bounds."""
    inside = []
    for trial in counted:
        low, high = bounds.around(trial.count, trial.doubt)
        inside.append(low <= trial.truth <= high)
    return sum(inside) / len(inside)


def _tables(counted: Iterable[Trial], kind: Callable[[Trial], Any]) -> list[NDArray[np.float64]]:
    """Truth, count and doubt of the trials of each kind."""
    return [
        np.array([(trial.truth, trial.count, trial.doubt) for trial in part], np.float64)
        for _, part in itertools.groupby(sorted(counted, key=kind), key=kind)
    ]


def _quantile(misses: Any, hold: float) -> float:
    """One side's reach, with the finite-sample correction of conformal prediction."""
    ordered = np.sort(misses)
    rank = math.ceil((len(ordered) + 1) * (1 + hold) / 2) - 1
    return max(0.0, float(ordered[min(rank, len(ordered) - 1)]))
