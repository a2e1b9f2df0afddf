"""One camera's own correction, learned from a few pictures in which an operator marked the heads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from config.schema import Camera

# How far a camera's slope is believed to stray from the plain ratio of people marked to people counted.
_SLOPE_SPREAD: Final = 0.3
# 95th percentile of Student's t, so that [low, high] holds nine in ten; by degrees of freedom.
_STUDENT: Final = (
    (1, 6.31),
    (2, 2.92),
    (3, 2.35),
    (4, 2.13),
    (6, 1.94),
    (8, 1.86),
    (12, 1.78),
    (20, 1.72),
)
_PICTURES_FOR_BOUNDS: Final = 3


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """Corrected count = offset + slope x count; `spread` is one standard deviation of what remains.

    `reach` is how many of those the bounds go to either side; 0 means too few pictures to say, and the
    estimator's own bounds are moved along with the count instead.
    """

    offset: float
    slope: float
    spread: float
    reach: float
    pictures: int

    def apply(self, count: float, low: float, high: float) -> tuple[float, float, float]:
        """(count, low, high) of this camera."""
        corrected = max(0.0, self.offset + self.slope * count)
        if self.reach == 0:
            below, above = (count - low) * self.slope, (high - count) * self.slope
        else:
            below = above = self.reach * self.spread
        return corrected, max(0.0, corrected - below), corrected + above


def correction_of(camera: Camera) -> Correction | None:
    """What a camera's marked pictures in the site file teach; none where there are none."""
    if not camera.marked:
        return None
    return learn([one.counted for one in camera.marked], [one.heads for one in camera.marked])


def learn(counts: Sequence[float], truths: Sequence[float]) -> Correction:
    """The correction that the marked pictures suggest, no bolder than their number allows.

    A straight line through the means; its slope is a least-squares fit drawn towards the plain ratio, the
    more so the fewer the pictures and the less they differ from each other.
    """
    if not counts or len(counts) != len(truths):
        raise ValueError("a correction needs at least one counted picture with marked heads")
    count, truth = np.asarray(counts, np.float64), np.asarray(truths, np.float64)
    mean_count, mean_truth = float(count.mean()), float(truth.mean())
    ratio = mean_truth / mean_count if mean_count > 0 else 1.0
    away = count - mean_count
    left = truth - mean_truth - ratio * away
    noise = float((left**2).sum()) / max(1, len(count) - 1)
    prior = noise / (_SLOPE_SPREAD * max(ratio, 0.1)) ** 2
    # The sums grow with the pictures and the prior does not, so that more pictures speak louder.
    weight = float((away**2).sum()) + prior
    slope = (
        (float((away * (truth - mean_truth)).sum()) + prior * ratio) / weight if weight else ratio
    )
    slope = max(0.0, slope)
    offset = mean_truth - slope * mean_count
    rest = truth - offset - slope * count
    freedom = len(count) - 1
    spread = math.sqrt(float((rest**2).sum()) / max(1, freedom)) * math.sqrt(1 + 1 / len(count))
    return Correction(
        offset=offset,
        slope=slope,
        spread=spread,
        reach=_reach(freedom) if len(count) >= _PICTURES_FOR_BOUNDS else 0.0,
        pictures=len(count),
    )


def _reach(freedom: int) -> float:
    return next((value for least, value in reversed(_STUDENT) if freedom >= least), _STUDENT[0][1])
