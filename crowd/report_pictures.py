"""Pictures for a report: small, with the density map laid over them and the true heads marked."""

from __future__ import annotations

import base64
import heapq
from collections.abc import Iterable
from typing import Final

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from crowd.estimator import Counting
from crowd.evaluation import Score, shrunk
from crowd.pictures import read_picture
from crowd.stills import Still
from crowd.video_evaluation import Looked

WORST_MOST: Final = 12
BLIND_MOST: Final = 6
_WIDTH_PX: Final = 480
_QUALITY: Final = 72
_FULL_PER_PX: Final = 0.004
"""People per pixel of the picture's own size at which the overlay is full red, at the least."""


class ShownPicture(msgspec.Struct, frozen=True, kw_only=True):
    """One picture of a report with its score; `jpeg` is base64."""

    score: Score
    jpeg: str
    width_px: int
    height_px: int


class Album:
    """Keeps the pictures with the largest errors, and the first blind ones; bounded, made as they come."""

    def __init__(self) -> None:
        self._worst: list[tuple[float, int, ShownPicture]] = []
        self._blind: list[ShownPicture] = []
        self._seen = 0

    def wants(self, score: Score) -> bool:
        """Whether a picture with this score would be kept now."""
        if score.blind:
            return len(self._blind) < BLIND_MOST
        return len(self._worst) < WORST_MOST or _error(score) > self._worst[0][0]

    def add(self, looked: Looked) -> None:
        """Keep this picture if it is among the worst; the mildest of them gives way."""
        if not self.wants(looked.score):
            return
        self._seen += 1
        shown = shown_picture(looked)
        if looked.score.blind:
            self._blind.append(shown)
            return
        heapq.heappush(self._worst, (_error(looked.score), self._seen, shown))
        if len(self._worst) > WORST_MOST:
            heapq.heappop(self._worst)

    @property
    def worst(self) -> list[ShownPicture]:
        """The largest error first."""
        return [shown for _, _, shown in sorted(self._worst, reverse=True, key=lambda one: one[:2])]

    @property
    def blind(self) -> list[ShownPicture]:
        return list(self._blind)


def _error(score: Score) -> float:
    return abs(score.count - score.truth)


def worst_first(scores: Iterable[Score]) -> list[Score]:
    """Those that an album would keep of these scores."""
    every = sorted(scores, key=lambda score: -_error(score))
    seen = [score for score in every if not score.blind][:WORST_MOST]
    return seen + [score for score in every if score.blind][:BLIND_MOST]


def shown_picture(looked: Looked) -> ShownPicture:
    """The picture, at most 480 px wide, density in red and heads as green rings."""
    height, width = looked.picture.shape[:2]
    scale = min(1.0, _WIDTH_PX / width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    canvas = cv2.resize(looked.picture, size, interpolation=cv2.INTER_AREA)
    if looked.density is not None:
        canvas = _overlaid(np.asarray(canvas, np.uint8), looked, scale)
    for x, y in looked.heads:
        centre = (round(float(x) * scale), round(float(y) * scale))
        cv2.circle(canvas, centre, 3, (80, 230, 80), 1, cv2.LINE_AA)
    _, jpeg = cv2.imencode(".jpg", canvas, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return ShownPicture(
        score=looked.score,
        jpeg=base64.b64encode(jpeg.tobytes()).decode("ascii"),
        width_px=size[0],
        height_px=size[1],
    )


def _overlaid(canvas: NDArray[np.uint8], looked: Looked, scale: float) -> NDArray[np.uint8]:
    density = np.maximum(looked.density if looked.density is not None else 0, 0)
    stride = looked.stride_px * scale
    grid = (round(density.shape[1] * stride), round(density.shape[0] * stride))
    spread = cv2.resize(density.astype(np.float32), grid, interpolation=cv2.INTER_LINEAR)
    high, wide = min(grid[1], canvas.shape[0]), min(grid[0], canvas.shape[1])
    layer = np.zeros(canvas.shape[:2], np.float32)
    layer[:high, :wide] = spread[:high, :wide]
    full = max(float(layer.max()), _FULL_PER_PX * looked.stride_px**2)
    share = np.sqrt(layer / full)[..., None] * 0.65
    red = np.array([40.0, 40.0, 235.0])
    return np.asarray(canvas * (1 - share) + red * share, np.uint8)


def album_of_stills(
    stills: Iterable[Still],
    scores: Iterable[Score],
    estimator: Counting,
    *,
    shrink: tuple[int, int] | None = None,
) -> Album:
    """The worst and the blind of scored stills, read and estimated once more for their maps."""
    by_name = {still.name: still for still in stills}
    album = Album()
    for score in worst_first(scores):
        still = by_name[score.name]
        picture = read_picture(still.path)
        before = picture.shape[1]
        if shrink is not None:
            picture = shrunk(picture, shrink)
        estimate = None if score.blind else estimator.estimate(picture)
        album.add(
            Looked(
                score=score,
                picture=picture,
                density=estimate.density if estimate else None,
                stride_px=estimate.stride_px if estimate else 0.0,
                heads=still.heads * np.float32(picture.shape[1] / before),
            )
        )
    return album
