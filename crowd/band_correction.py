"""One camera's own correction, learned from a few pictures in which an operator marked the heads.

A counting network is wrong in a way of its own at each camera: far heads too many, near ones too few, a
potted plant taken for a person. So the picture is cut into bands from top to bottom, which is from far to
near, and the marked heads say for each band how many people a counted one stands for and how many are
always missed or made up. How boldly that is believed follows from the marked pictures themselves: the
setting under which they are most likely is taken (empirical Bayes), so that a few pictures that say little
change little. A line through the totals comes last, since bands of one picture are often wrong together.
A picture that is corrected by bands is counted at two sizes and averaged, which evens out what the network
makes of size. Where only totals of marked pictures are known, the whole picture is one band at one size.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BANDS: Final = 4
"""Bands that marked heads are sorted into; a correction has these, or one for the whole picture."""

SCALES: Final = (1.0, 1.4)
"""Sizes at which a picture is counted. On rendered cameras these two together were best of six sets."""

ONE_SCALE: Final = (1.0,)

_SLOPE_SPREADS: Final = (0.05, 0.15, 0.3, 0.6)
_OFFSET_SPREADS: Final = (0.03, 0.1, 0.3, 1.0, 3.0)
_NOISES: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
# People that nobody marked and nobody counted: they keep ratios finite where hardly anyone is.
_FEW: Final = 0.5
_COMMON_MOST: Final = 4.0
# How far a camera's slope is believed to stray from the plain ratio of people marked to people counted.
_LINE_SPREAD: Final = 0.3
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


class BandCorrection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """People in a band = offset + slope x people counted in it, on the mean of the maps at both scales.

    `spread` is one standard deviation of what remains, in units of √(people + 1). `reach` is how many of
    those the bounds go to either side; 0 means too few pictures to say, and the estimator's own bounds
    are moved along with the count instead. `model` is the network that it was learned for, `scales` are
    the sizes at which a picture is counted.
    """

    model: str
    slopes: tuple[float, ...]
    offsets: tuple[float, ...]
    spread: float
    reach: float
    pictures: int
    scales: tuple[float, ...] = SCALES

    def __post_init__(self) -> None:
        """Refuses what no learning gives: it may come from a file."""
        numbers = (*self.slopes, *self.offsets, self.spread, self.reach)
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError("numbers must be finite")
        if len(self.slopes) not in (1, BANDS) or len(self.offsets) != len(self.slopes):
            raise ValueError(f"slopes and offsets are {BANDS} each, or one each")
        if self.scales not in (SCALES, ONE_SCALE):
            raise ValueError(f"scales are {SCALES} or {ONE_SCALE}")
        if min(*self.slopes, self.spread, self.reach) < 0:
            raise ValueError("slopes, spread and reach must not be below 0")

    def people(self, counted: Floats) -> Floats:
        """People in each band (…, bands) from those counted in it."""
        corrected = np.asarray(self.offsets) + np.asarray(self.slopes) * counted
        total = np.maximum(corrected.sum(axis=-1, keepdims=True), 0.0)
        kept = np.maximum(corrected, 0.0)
        # Bands cannot hold less than nobody; what that adds is taken from the others.
        share = total / np.maximum(kept.sum(axis=-1, keepdims=True), 1e-9)
        return np.asarray(kept * np.minimum(share, 1.0))

    def around(self, count: float, *, before: tuple[float, float, float]) -> tuple[float, float]:
        """(low, high) of a corrected count; `before` are count, low and high without correction."""
        if self.reach == 0:
            factor = count / before[0] if before[0] > 0 else 1.0
            below, above = (before[0] - before[1]) * factor, (before[2] - before[0]) * factor
        else:
            below = above = self.reach * self.spread * math.sqrt(count + 1.0)
        return max(0.0, count - below), count + above


class _Belief(msgspec.Struct, frozen=True):
    """How far slopes stray from the common one, offsets from none, and counts from both."""

    common: float
    slope_spread: float
    offset_spread: float
    noise: Floats


def bands_of_map(
    density: NDArray[np.float32], stride_px: float, height_px: int, *, bands: int = BANDS
) -> Floats:
    """People in each band of a picture from its density map."""
    middles = (np.arange(density.shape[0]) + 0.5) * stride_px
    rows = density.sum(axis=1, dtype=np.float64)
    return _by_band(middles, height_px, rows, bands)


def bands_of_heads(heads: NDArray[np.float32], height_px: int) -> Floats:
    """Heads (n, 2), x and y in pixels, in each band of a picture."""
    return _by_band(heads[:, 1], height_px, np.ones(len(heads)), BANDS)


def band_of(y_px: NDArray[Any], height_px: int, bands: int) -> NDArray[np.int64]:
    """The band in which a picture's row lies, 0 at the top."""
    return np.clip(y_px * bands / height_px, 0, bands - 1).astype(np.int64)


def _by_band(y_px: NDArray[Any], height_px: int, weights: Floats, bands: int) -> Floats:
    band = band_of(y_px, height_px, bands)
    return np.bincount(band, weights=weights, minlength=bands).astype(np.float64)


def learn_totals(counted: Sequence[float], marked: Sequence[int], *, model: str) -> BandCorrection:
    """The correction that whole pictures suggest: people that the network counted in each, and heads."""
    one_band = [np.asarray(values, np.float64)[:, None] for values in (counted, marked)]
    return learn(one_band[0], one_band[1], model=model, scales=ONE_SCALE)


def learn(
    counted: Floats, marked: Floats, *, model: str, scales: tuple[float, ...] = SCALES
) -> BandCorrection:
    """The correction that the marked pictures suggest, no bolder than their number allows.

    `counted` has the people counted, averaged over the scales, `marked` the heads: (pictures, bands).
    """
    if not len(marked):
        raise ValueError("a correction needs at least one counted picture with marked heads")
    belief = _most_likely(counted, marked)
    slopes, offsets = _fit(counted, marked, belief)
    correction = BandCorrection(
        model=model,
        slopes=tuple(slopes.tolist()),
        offsets=tuple(offsets.tolist()),
        spread=0.0,
        reach=0.0,
        pictures=len(marked),
        scales=scales,
    )
    if len(marked) < _PICTURES_FOR_BOUNDS:
        return correction
    return msgspec.structs.replace(
        correction,
        spread=_left_over(counted, marked, belief, correction),
        reach=_reach(len(marked) - 2),
    )


def _most_likely(counted: Floats, marked: Floats) -> _Belief:
    """The belief under which these marks are most likely given these counts."""
    ratio = (float(marked.sum()) + _FEW) / (float(counted.sum()) + _FEW)
    common = min(max(ratio, 1 / _COMMON_MOST), _COMMON_MOST)
    level = marked.mean(axis=0) + _FEW / marked.shape[1]
    best: tuple[float, _Belief] | None = None
    for slope, offset, noise in itertools.product(_SLOPE_SPREADS, _OFFSET_SPREADS, _NOISES):
        belief = _Belief(common, slope * common, offset * float(level.mean()), noise * level)
        evidence = _evidence(counted, marked, belief)
        if best is None or evidence > best[0]:
            best = evidence, belief
    if best is None:
        raise ValueError("no belief to choose from")
    return best[1]


def _evidence(counted: Floats, marked: Floats, belief: _Belief) -> float:
    """Log likelihood of the marks with slopes and offsets averaged out, band by band."""
    pictures = len(marked)
    x = counted.T[:, :, None]
    away = (marked - belief.common * counted).T[:, :, None]
    spread = (
        belief.noise[:, None, None] * np.eye(pictures)
        + belief.slope_spread**2 * (x @ x.transpose(0, 2, 1))
        + belief.offset_spread**2
    )
    _, size = np.linalg.slogdet(spread)
    fit = (away.transpose(0, 2, 1) @ np.linalg.solve(spread, away)).ravel()
    return float(-0.5 * (size + fit).sum())


def _fit(counted: Floats, marked: Floats, belief: _Belief) -> tuple[Floats, Floats]:
    """Each band's slope and offset: drawn towards the common slope and none, then a line over all."""
    bands = marked.shape[1]
    slopes, offsets = np.empty(bands), np.empty(bands)
    pull = np.diag([belief.slope_spread**-2, belief.offset_spread**-2])
    for band in range(bands):
        rows = np.stack([counted[:, band], np.ones(len(marked))], axis=1)
        weight = rows.T @ rows / belief.noise[band] + pull
        wanted = rows.T @ marked[:, band] / belief.noise[band] + pull @ (belief.common, 0.0)
        slopes[band], offsets[band] = np.linalg.solve(weight, wanted)
    slopes = np.maximum(slopes, 0.0)
    slope, offset = _line((slopes * counted + offsets).sum(axis=1), marked.sum(axis=1))
    where = marked.mean(axis=0) + _FEW / bands
    return slope * slopes, slope * offsets + offset * where / where.sum()


def _line(counts: Floats, truths: Floats) -> tuple[float, float]:
    """(slope, offset) through the means; the slope is drawn towards the plain ratio.

    The more so the fewer the pictures and the less they differ from each other.
    """
    ratio = float(truths.mean() / counts.mean()) if counts.mean() > _FEW else 1.0
    away = counts - counts.mean()
    left = truths - truths.mean() - ratio * away
    noise = float((left**2).sum()) / max(1, len(counts) - 1)
    # The sums grow with the pictures and the prior does not, so that more pictures speak louder.
    prior = noise / (_LINE_SPREAD * max(ratio, 0.1)) ** 2
    weight = float((away**2).sum()) + prior
    told = float((away * (truths - truths.mean())).sum()) + prior * ratio
    slope = max(0.0, told / weight) if weight else ratio
    return slope, float(truths.mean() - slope * counts.mean())


def _left_over(counted: Floats, marked: Floats, belief: _Belief, like: BandCorrection) -> float:
    """What each picture's total is off when the correction is learned from the others."""
    squares = []
    for index in range(len(marked)):
        others = np.arange(len(marked)) != index
        slopes, offsets = _fit(counted[others], marked[others], belief)
        without = msgspec.structs.replace(
            like, slopes=tuple(slopes.tolist()), offsets=tuple(offsets.tolist())
        )
        people = float(without.people(counted[index]).sum())
        squares.append((float(marked[index].sum()) - people) ** 2 / (people + 1.0))
    # A new picture also meets what the marked ones did not teach.
    return math.sqrt(sum(squares) / len(squares) * (1 + 1 / len(marked)))


def _reach(freedom: int) -> float:
    return next((value for least, value in reversed(_STUDENT) if freedom >= least), _STUDENT[0][1])
