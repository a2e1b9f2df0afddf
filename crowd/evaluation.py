"""How far counts are from the truth: the figures that `yinding evaluate stills` reports."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from crowd.estimator import Counting
from crowd.pictures import UnreadableError, read_picture
from crowd.sight import judge
from crowd.stills import Still
from model.level import Sight

_WARM_UP_RUNS: Final = 3


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """One picture: the marked heads and what was counted; a blind picture counts as 0 and has no bounds."""

    name: str
    truth: float
    count: float
    low: float
    high: float
    blind: bool
    cost_ms: float


class StillsReport(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one set of pictures, by the contract's names.

    `mape` leaves out pictures without people; `r` is null where counts or truths do not vary; coverage and
    width are over the pictures that were seen.
    """

    images: int
    mae: float
    rmse: float
    bias: float
    mape: float | None
    r: float | None
    coverage: float | None
    width: float | None
    blind: int
    ms_per_image: float
    model: str


def score_stills(
    stills: Iterable[Still],
    estimator: Counting,
    *,
    shrink: tuple[int, int] | None = None,
    watch: Callable[[Score], None] | None = None,
) -> list[Score]:
    """Counts every picture, shrunk to (width, height) first if asked."""
    scores: list[Score] = []
    for still in stills:
        picture = read_picture(still.path)
        if shrink is not None:
            picture = shrunk(picture, shrink)
        if not scores:
            for _ in range(_WARM_UP_RUNS):
                estimator.estimate(picture)
        score = _score(still, picture, estimator)
        scores.append(score)
        if watch:
            watch(score)
    return scores


def _score(still: Still, picture: NDArray[np.uint8], estimator: Counting) -> Score:
    began = time.perf_counter()
    verdict = judge(picture)
    estimate = estimator.estimate(picture) if verdict.sight is Sight.LIVE else None
    cost_ms = (time.perf_counter() - began) * 1000
    count, low, high = 0.0, 0.0, 0.0
    if estimate is not None:
        count, low, high = estimate.count, estimate.count_low, estimate.count_high
    return Score(
        name=still.name,
        truth=float(still.count),
        count=count,
        low=low,
        high=high,
        blind=estimate is None,
        cost_ms=cost_ms,
    )


def shrunk(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The picture within (width, height), its proportions kept, never enlarged."""
    height, width = picture.shape[:2]
    scale = min(size[0] / width, size[1] / height)
    if scale >= 1:
        return picture
    to = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, to, interpolation=cv2.INTER_AREA), np.uint8)


def report(scores: Sequence[Score], model: str) -> StillsReport:
    """The contract's figures over all pictures."""
    if not scores:
        raise ValueError("no pictures to report on")
    truth = np.array([score.truth for score in scores])
    count = np.array([score.count for score in scores])
    error = count - truth
    peopled = truth > 0
    varied = len(scores) > 1 and truth.std() > 0 and count.std() > 0
    seen = [score for score in scores if not score.blind]
    return StillsReport(
        images=len(scores),
        mae=float(np.abs(error).mean()),
        rmse=float(np.sqrt((error**2).mean())),
        bias=float(error.mean()),
        mape=float((np.abs(error[peopled]) / truth[peopled]).mean()) if peopled.any() else None,
        r=float(np.corrcoef(truth, count)[0, 1]) if varied else None,
        coverage=_mean([float(score.low <= score.truth <= score.high) for score in seen]),
        width=_mean([score.high - score.low for score in seen]),
        blind=len(scores) - len(seen),
        ms_per_image=float(np.mean([score.cost_ms for score in scores])),
        model=model,
    )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


__all__ = [
    "Score",
    "StillsReport",
    "UnreadableError",
    "report",
    "score_stills",
    "shrunk",
]
