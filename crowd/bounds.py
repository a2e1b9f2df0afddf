"""How wide a count's bounds must be: learned from held-out pictures, also as other cameras show them.

A bound that only held at home would be too sure abroad. So every held-out picture is also counted smaller,
darker, softer and noisier, and each set of pictures must hold by itself.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from crowd.augmentation import add_noise
from crowd.estimator import Estimator
from crowd.pictures import read_picture
from crowd.stills import Still
from crowd.weights_file import Bounds

Picture = NDArray[np.uint8]

_HOLD: Final = 0.92
_PEOPLE: Final = (1.0, 2.0, 4.0)
_COUNT_SHARES: Final = (0.0, 0.05, 0.1, 0.2, 0.4)
_DOUBT_SHARES: Final = (0.0, 0.1, 0.2, 0.4, 0.8)


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One held-out picture of the set `group` as one kind of camera shows it, counted."""

    group: str
    truth: float
    count: float
    doubt: float


def _smaller(picture: Picture) -> Picture:
    return np.asarray(
        cv2.resize(picture, None, fx=0.625, fy=0.625, interpolation=cv2.INTER_AREA), np.uint8
    )


def _darker(picture: Picture) -> Picture:
    return (picture * 0.45).astype(np.uint8)


def _worse(picture: Picture) -> Picture:
    soft = cv2.GaussianBlur(picture, (0, 0), 1.0)
    return add_noise(soft, 6.0, np.random.default_rng(1))


_VIEWS: Final[tuple[Callable[[Picture], Picture], ...]] = (
    lambda picture: picture,
    _smaller,
    _darker,
    _worse,
)


def trials(folders: dict[str, Sequence[Still]], estimator: Estimator) -> list[Trial]:
    """Counts every held-out picture in every view."""
    counted = []
    for name, stills in folders.items():
        for still in stills:
            picture = read_picture(still.path)
            for show in _VIEWS:
                count, doubt = estimator.count_and_doubt(show(picture))
                counted.append(Trial(group=name, truth=still.count, count=count, doubt=doubt))
    return counted


def fit(counted: Sequence[Trial]) -> Bounds:
    """The narrowest bounds of this form that hold 92 % of every set: 4 % may miss on either side."""
    groups = [list(part) for _, part in itertools.groupby(_sorted(counted), key=_group)]
    best: tuple[float, Bounds] | None = None
    for people, count_share, doubt_share in itertools.product(
        _PEOPLE, _COUNT_SHARES, _DOUBT_SHARES
    ):
        shape = (people, count_share, doubt_share)
        below = max(_quantile(_misses(group, shape)) for group in groups)
        above = max(_quantile(-_misses(group, shape)) for group in groups)
        bounds = Bounds(
            below_people=below * people,
            below_count=below * count_share,
            below_doubt=below * doubt_share,
            above_people=above * people,
            above_count=above * count_share,
            above_doubt=above * doubt_share,
        )
        width = float(np.mean([_relative_width(bounds, trial) for trial in counted]))
        if best is None or width < best[0]:
            best = (width, bounds)
    if best is None:
        raise ValueError("bounds need counted pictures")
    return best[1]


def holds(bounds: Bounds, counted: Iterable[Trial]) -> float:
    """The share of trials whose truth lies within the bounds."""
    inside = []
    for trial in counted:
        low, high = bounds.around(trial.count, trial.doubt)
        inside.append(low <= trial.truth <= high)
    return sum(inside) / len(inside)


def _group(trial: Trial) -> str:
    return trial.group


def _sorted(counted: Sequence[Trial]) -> list[Trial]:
    return sorted(counted, key=_group)


def _misses(group: Sequence[Trial], shape: tuple[float, float, float]) -> NDArray[np.float64]:
    """Count less truth, in units of this shape's spread: positive where the count is too high."""
    return np.array(
        [
            (trial.count - trial.truth)
            / (shape[0] + shape[1] * trial.count + shape[2] * trial.doubt)
            for trial in group
        ]
    )


def _quantile(misses: Any) -> float:
    """One side's reach, with the finite-sample correction of conformal prediction."""
    ordered = np.sort(misses)
    rank = math.ceil((len(ordered) + 1) * (1 + _HOLD) / 2) - 1
    return max(0.0, float(ordered[min(rank, len(ordered) - 1)]))


def _relative_width(bounds: Bounds, trial: Trial) -> float:
    low, high = bounds.around(trial.count, trial.doubt)
    return (high - low) / (trial.truth + 10)
