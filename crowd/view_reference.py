"""Whether a camera still looks where it looked: its view against a slowly learned reference.

The reference is what stands still: the directions of edges, averaged over minutes, so that people,
rain and headlights do not leave a trace, and dusk changes little. Where people are counted nothing
is learned and nothing compared: a crowd that hides the ground is no moved camera. Nor is anything that
itself moves: a turned camera shows another place, and that place stands as still as the old one did.
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum
from itertools import islice
from typing import Final

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

WIDTH_PX: Final = 160
SETTLE_LOOKS: Final = 4
SHIFTED_AFTER_S: Final = 2.0
OTHER_AFTER_S: Final = 4.0
OTHER_LOOKS: Final = 3
MEMORY_S: Final = 180.0
FORGIVEN_AFTER_S: Final = 15.0
PEOPLE_PER_PX: Final = 0.002
"""People per pixel of the small picture above which its edges are theirs, not the place's."""

_ROWS, _COLUMNS = 6, 8
_SMOOTHED_LOOKS: Final = 3
_EDGE_LEAST: Final = 6.0
_TILE_EDGES_LEAST: Final = 4.0
_TILES_LEAST: Final = 5
_SEEN_SHARE_LEAST: Final = 0.4
"""Of the tiles in which the place has edges, the share that must be free of people to call it another."""

_FREE_LEAST: Final = 0.5
"""Where people hide more of the picture than this leaves, no look says that the view is another."""

_STEADY: Final = 0.5
_AGREES: Final = 0.35
_DISAGREES: Final = 0.2
_DISAGREEING_SHARE: Final = 0.6
_SHIFTED_LEAST: Final = 0.3
_SHIFTED_TIMES: Final = 1.6
_SHIFT_LEAST_PX: Final = 2.0

Floats = NDArray[np.float32]


class ViewMatch(StrEnum):
    """What a look at the view says."""

    LEARNING = "learning"
    SAME = "same"
    UNSURE = "unsure"
    OTHER = "other_view"
    SHIFTED = "shifted_view"


class ViewVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """One look: what it says, and whether the camera counts as moved by now.

    `agreeing` and `disagreeing` are tiles of the picture that still show, or no longer show, the
    place's edges; the others have none, or people stand before them.
    """

    match: ViewMatch
    moved: bool
    agreeing: int = 0
    disagreeing: int = 0


class ViewReference:
    """One camera's reference. Not to be shared between threads.

    A camera is moved when its looks have fitted shifted for 2 s and at least twice, or not at all for
    4 s and at least three times; it stays so until the old view comes back or `forget` is called,
    because its calibration holds no more.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Take the next looks as the new reference: somebody has looked after the camera."""
        self._mean: Floats | None = None
        self._recent: deque[tuple[Floats, Floats]] = deque(maxlen=_SMOOTHED_LOOKS)
        self._looks = 0
        self._last_s = 0.0
        self._other_since_s: float | None = None
        self._other_last_s = 0.0
        self._other_looks = 0
        self._shifted_looks = 0
        self.moved = False

    def look(
        self,
        luma: NDArray[np.uint8],
        people: NDArray[np.float32] | None,
        monotonic_s: float,
    ) -> ViewVerdict:
        """The verdict on a luma picture (H, W), with the density map (rows, columns) of it."""
        edges = _edges(luma)
        free = _free_of(people, (edges.shape[0], edges.shape[1]))
        edges = edges * free
        if self._mean is None or self._mean.shape != edges.shape:
            self.forget()
            self._mean = np.zeros_like(edges)
        self._recent.append((edges, free))
        if self._looks < SETTLE_LOOKS:
            self._learn(edges, free, 0.0)
            self._last_s = monotonic_s
            return ViewVerdict(match=ViewMatch.LEARNING, moved=False)
        verdict = self._judge(monotonic_s)
        if verdict.match is ViewMatch.SAME:
            passed_s = min(max(monotonic_s - self._last_s, 0.0), 10.0)
            # The oldest of the looks: one of a view that only now begins to differ is not learned.
            self._learn(*self._recent[0], passed_s / MEMORY_S)
        self._last_s = monotonic_s
        return verdict

    def _learn(self, edges: Floats, free: Floats, share: float) -> None:
        """Move the mean by a share, or more while there are only few looks to it."""
        self._looks += 1
        rate = np.float32(max(share, 1.0 / self._looks))
        mean = self._mean_of(free)
        self._mean = mean + (edges - mean) * (free * rate)

    def _mean_of(self, like: Floats) -> Floats:
        return np.zeros_like(like) if self._mean is None else self._mean

    def _judge(self, monotonic_s: float) -> ViewVerdict:
        """Compares the mean of the last looks, in which rain and noise have faded."""
        edges, free = self._recent[0]
        for more_edges, more_free in islice(self._recent, 1, None):
            edges, free = edges + more_edges, free + more_free
        edges = np.asarray(edges / np.maximum(free, 1), np.float32)
        whole = self._mean_of(free)
        reference = whole * np.minimum(free, 1)
        agreeing, disagreeing = _votes(edges, reference, self._unsteady())
        known = int((_tile_products(whole, whole) >= _TILE_EDGES_LEAST).sum())
        match = _match(agreeing, disagreeing, known)
        if match is ViewMatch.OTHER and float(np.mean(self._recent[-1][1])) < _FREE_LEAST:
            match = ViewMatch.UNSURE
        if match is not ViewMatch.SAME and _shifted(edges, reference):
            match = ViewMatch.SHIFTED
        self._remember(match, monotonic_s)
        return ViewVerdict(
            match=match, moved=self.moved, agreeing=agreeing, disagreeing=disagreeing
        )

    def _unsteady(self) -> Floats:
        """How much each tile's edges changed from the look before to this one, 0 to 2."""
        (before, free_before), (now, free_now) = self._recent[-2], self._recent[-1]
        # Each look's own directions are nothing already where people stood in it.
        before, now = before * free_now, now * free_before
        own, old = _tile_products(now, now), _tile_products(before, before)
        return np.asarray(1.0 - _agreement(_tile_products(before, now), old, own), np.float32)

    def _remember(self, match: ViewMatch, monotonic_s: float) -> None:
        if match is ViewMatch.SAME:
            self._other_since_s, self._other_looks, self._shifted_looks = None, 0, 0
            self.moved = False
        elif match in (ViewMatch.OTHER, ViewMatch.SHIFTED):
            if self._other_since_s is None:
                self._other_since_s = monotonic_s
            self._other_last_s = monotonic_s
            self._other_looks += 1
            self._shifted_looks += match is ViewMatch.SHIFTED
            lasted_s = monotonic_s - self._other_since_s
            shifted = self._shifted_looks >= 2 and lasted_s >= SHIFTED_AFTER_S
            other = self._other_looks >= OTHER_LOOKS and lasted_s >= OTHER_AFTER_S
            self.moved = self.moved or shifted or other
        elif not self.moved and monotonic_s - self._other_last_s > FORGIVEN_AFTER_S:
            self._other_since_s, self._other_looks, self._shifted_looks = None, 0, 0


def _edges(luma: NDArray[np.uint8]) -> Floats:
    """Directions of edges (H, W, 2), about 1 long where an edge is clear, nearly 0 elsewhere."""
    height = max(_ROWS, round(luma.shape[0] * WIDTH_PX / luma.shape[1]))
    small = cv2.resize(luma, (WIDTH_PX, height), interpolation=cv2.INTER_AREA)
    soft = np.asarray(cv2.GaussianBlur(small.astype(np.float32), (0, 0), 1.0), np.float32)
    across = cv2.Sobel(soft, cv2.CV_32F, 1, 0, scale=0.25)
    down = cv2.Sobel(soft, cv2.CV_32F, 0, 1, scale=0.25)
    strength = cv2.magnitude(across, down)
    # Relative to the brightness around, so that an edge keeps its weight when dusk falls.
    least = _EDGE_LEAST * (0.25 + _brightness_around(soft) / 128)
    weight = strength / (strength * strength + least * least)
    return np.asarray(cv2.merge([across * weight, down * weight]), np.float32)


def _brightness_around(soft: Floats) -> Floats:
    """Blurred by eight pixels: by two at a quarter of the size, which is the same and costs little."""
    height, width = soft.shape
    small = cv2.resize(soft, (width // 4, max(height // 4, 1)), interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), 2)
    return np.asarray(cv2.resize(blurred, (width, height)), np.float32)


def _free_of(people: NDArray[np.float32] | None, shape: tuple[int, int]) -> Floats:
    """1 where no people are, 0 where they are or their bodies could be below their heads.

    As (H, W, 2), both alike, to be multiplied with directions of edges without spreading.
    """
    if people is None:
        return np.ones((*shape, 2), np.float32)
    per_px = people.size / (shape[0] * shape[1])
    size = (shape[1], shape[0])
    thin = cv2.resize(np.maximum(people, 0), size, interpolation=cv2.INTER_AREA) * per_px
    taken = (np.asarray(thin) > PEOPLE_PER_PX).astype(np.uint8)
    body = np.zeros((13, 5), np.uint8)
    body[:, 1:4] = 1
    # The kernel's anchor at its foot puts the body below the head.
    grown = cv2.dilate(taken, body, anchor=(2, 11))
    free = np.asarray(1.0 - grown, np.float32)
    return np.asarray(cv2.merge([free, free]), np.float32)


def _tile_products(one: Floats, two: Floats) -> Floats:
    """The inner product of two fields of directions (H, W, 2) over each tile."""
    values = cv2.multiply(one, two)
    high, wide = values.shape[0] // _ROWS, values.shape[1] // _COLUMNS
    cut = values[: high * _ROWS, : wide * _COLUMNS]
    # Whole pixels to a tile, so that the mean by area is exact, and far faster than sums over axes.
    means = cv2.resize(cut, (_COLUMNS, _ROWS), interpolation=cv2.INTER_AREA)
    return np.asarray(means.sum(axis=2) * np.float32(high * wide), np.float32)


def _agreement(both: Floats, one: Floats, two: Floats) -> Floats:
    """How alike the edges are in each tile, by their products: 1 the same, 0 unrelated or none."""
    return np.asarray(both / np.sqrt(np.maximum(one * two, 1e-6)), np.float32)


def _votes(edges: Floats, reference: Floats, unsteady: Floats) -> tuple[int, int]:
    """Tiles that show the reference's edges, and tiles that show others which stand still."""
    own, old = _tile_products(edges, edges), _tile_products(reference, reference)
    mine, known = own >= _TILE_EDGES_LEAST, old >= _TILE_EDGES_LEAST
    agreement = _agreement(_tile_products(edges, reference), own, old)
    other = mine & known & (agreement < _DISAGREES) & (unsteady <= _STEADY)
    return int((mine & known & (agreement >= _AGREES)).sum()), int(other.sum())


def _match(agreeing: int, disagreeing: int, known: int) -> ViewMatch:
    voters = agreeing + disagreeing
    if voters < _TILES_LEAST:
        return ViewMatch.UNSURE
    if disagreeing >= _DISAGREEING_SHARE * voters:
        enough = voters >= _SEEN_SHARE_LEAST * known
        return ViewMatch.OTHER if enough else ViewMatch.UNSURE
    return ViewMatch.SAME if agreeing >= disagreeing else ViewMatch.UNSURE


def _shifted(edges: Floats, reference: Floats) -> bool:
    """Whether the reference fits far better when shifted: the camera was turned a little."""
    height, width = edges.shape[:2]
    mine = np.fft.rfft2(edges, axes=(0, 1), s=(2 * height, 2 * width))
    known = np.fft.rfft2(reference, axes=(0, 1), s=(2 * height, 2 * width))
    field = np.fft.irfft2((mine * known.conj()).sum(axis=2), s=(2 * height, 2 * width))
    norm = float(np.sqrt((edges**2).sum() * (reference**2).sum()))
    if norm < _TILE_EDGES_LEAST * _TILES_LEAST:
        return False
    field /= norm
    row, column = np.unravel_index(int(field.argmax()), field.shape)
    down = int(row) - 2 * height if row > height else int(row)
    right = int(column) - 2 * width if column > width else int(column)
    best = float(field[row, column])
    here = float(field[0, 0])
    far = float(np.hypot(down, right)) >= _SHIFT_LEAST_PX
    return far and best >= _SHIFTED_LEAST and best >= _SHIFTED_TIMES * max(here, 0.0)
