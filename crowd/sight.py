"""Whether a camera sees anything at all: black, covered, blurred, test pictures, frozen, stale.

Blind is never empty. A counting network gives a number for every picture, also for a dead one; these
checks come first. They look for the absence of a view and not for the absence of people: an empty street
at night is live.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from model.level import Sight

_SIDE_LEAST_PX: Final = 48
_LOOK_PX: Final = 320
_FOCUS_PX: Final = 640
_ROWS: Final = 8
_COLUMNS: Final = 12
# A camera writes its name and time into the top and bottom rows of tiles, on a dead picture too.
_WRITTEN_ROWS: Final = 1
_TILES_WITH_DETAIL_MOST: Final = 1
_DETAIL_LEAST: Final = 2.0
# A sensor in the dark makes noise of up to so many grey levels at 320 pixels; it is no view. What is
# stronger is taken for what the picture shows.
_SENSOR_NOISE_MOST: Final = 3.4
_NOISE_MASK: Final = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_BLACK_MOST: Final = 24.0
_WHITE_LEAST: Final = 232.0
# Where even the brightest place is darker than this, what is left is noise and shows nobody.
_DARKEST_LIGHT: Final = 14.0
# A recorder's "no signal" screen: one plain colour without any noise, and a few words on it.
_WORDS_TILES_MOST: Final = 12
_PLAIN_SPREAD_MOST: Final = 0.4
# Surely no plain colour, with room for the rounding of sums.
_UNEVEN_VARIANCE: Final = 1.0
# Sharpest edges (second derivative) against the picture's own contrast. Street pictures have 0.14 to 0.20,
# the same at a quarter of the light too; blurred by 4 pixels of 640 they fall to 0.02.
_SHARP_LEAST: Final = 0.03
# Edges are kept as bytes: eight steps a level, and what is above 32 levels is sharp anyway.
_EDGE_SCALE: Final = 8
_BAR_SPREAD_MOST: Final = 6.0
_BAR_STEP_LEAST: Final = 18.0
# Grey is at most 0.587 of each colour, so its spread at most 1.76 times their mean; the rest is rounding.
_BAR_GREY_SPREAD_MOST: Final = 11.5
# The rows of tiles that are looked at first: people and their street are there, the sky is not.
_FIRST_ROWS: Final = slice(4, 6)
# What a blur of four pixels, or of one with the second derivative, still sees beyond a row.
_SOFT_REACH_PX, _EDGE_REACH_PX = 17, 5


class SightReason(StrEnum):
    """Why a camera is blind."""

    TOO_SMALL = "too_small"
    BLACK = "black"
    WHITE = "white"
    COVERED = "covered"
    BLURRED = "blurred"
    COLOUR_BARS = "colour_bars"
    NO_SIGNAL = "no_signal"
    FROZEN = "frozen"
    STALE = "stale"
    MOVED = "moved"


class SightVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """Live, or blind with the reason."""

    sight: Sight
    reason: SightReason | None = None


LIVE: Final = SightVerdict(sight=Sight.LIVE)


def _blind(reason: SightReason) -> SightVerdict:
    return SightVerdict(sight=Sight.BLIND, reason=reason)


def judge(picture: NDArray[np.uint8]) -> SightVerdict:
    """What one picture alone can tell: uint8, height x width x 3, BGR. About a millisecond."""
    return _judged(_Views.of(picture))


class _Views(msgspec.Struct, frozen=True):
    """A picture at the sizes that the checks look at: in colour and grey for focus, smaller for the rest."""

    side_px: int
    focus: NDArray[np.uint8]
    grey: NDArray[np.uint8]
    look: NDArray[np.uint8]

    @classmethod
    def of(cls, picture: NDArray[np.uint8]) -> _Views:
        focus = _within(picture, _FOCUS_PX)
        grey = np.asarray(cv2.cvtColor(focus, cv2.COLOR_BGR2GRAY), np.uint8)
        return cls(min(picture.shape[:2]), focus, grey, _within(grey, _LOOK_PX))


def _judged(views: _Views) -> SightVerdict:
    """Each check is made on the whole picture only where a part of it does not prove the contrary."""
    if views.side_px < _SIDE_LEAST_PX:
        return _blind(SightReason.TOO_SMALL)
    reason = None
    if not _has_detail(views.look):
        reason = _without_view(views.look.astype(np.float32))
    if reason is None and not _uneven_downwards(views.look):
        reason = _bars(_within(views.focus, _LOOK_PX))
    if reason is None and not _has_sharp_edges(views.grey, views.look):
        reason = _out_of_focus(views.grey, views.look)
    return _blind(reason) if reason else LIVE


def _has_detail(look: NDArray[np.uint8]) -> bool:
    """Whether two rows of tiles alone show what `_without_view` would look for in all of them."""
    high, wide = look.shape[0] // _ROWS, look.shape[1] // _COLUMNS
    first, last = _FIRST_ROWS.start * high, _FIRST_ROWS.stop * high
    top = max(first - _SOFT_REACH_PX, 0)
    around = look[top : last + _SOFT_REACH_PX].astype(np.float32)
    soft = np.asarray(cv2.GaussianBlur(around, (0, 0), 4), np.float32)
    inner = slice(first - top, last - top), slice(0, wide * _COLUMNS)
    lit = int(np.count_nonzero(soft[inner] >= _DARKEST_LIGHT))
    whole = (_ROWS - 2 * _WRITTEN_ROWS) * high * wide * _COLUMNS
    detail = _tile_spread(around[inner] - soft[inner], high)
    texture = _tile_spread(around[inner], high)
    detailed = int(np.count_nonzero(detail > _DETAIL_LEAST**2 + _SENSOR_NOISE_MOST**2))
    uneven = int(np.count_nonzero(texture > _UNEVEN_VARIANCE))
    return lit > 0.005 * whole and detailed > _TILES_WITH_DETAIL_MOST and uneven > _WORDS_TILES_MOST


def _tile_spread(values: NDArray[np.float32], high: int) -> NDArray[np.float32]:
    """The variance in each tile of some whole rows of tiles that are so high."""
    size = (_COLUMNS, values.shape[0] // high)
    mean = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    square = cv2.resize(cv2.multiply(values, values), size, interpolation=cv2.INTER_AREA)
    return np.asarray(square - cv2.multiply(mean, mean), np.float32)


def _uneven_downwards(look: NDArray[np.uint8]) -> bool:
    """Whether the upper half's columns differ within themselves by more than a test picture's can."""
    upper = look[: look.shape[0] // 2].astype(np.float32)
    return float(upper.std(axis=0).mean()) > _BAR_GREY_SPREAD_MOST


def _has_sharp_edges(grey: NDArray[np.uint8], look: NDArray[np.uint8]) -> bool:
    """Whether some rows alone hold as many sharp edges as `_out_of_focus` wants of the whole picture."""
    high = grey.shape[0] // _ROWS
    first, last = _FIRST_ROWS.start * high, _FIRST_ROWS.stop * high
    top = max(first - _EDGE_REACH_PX, 0)
    edges = _edges(grey[top : last + _EDGE_REACH_PX])[first - top : last - top]
    least = int(np.ceil(_SHARP_LEAST * (_contrast(look) + 5) * _EDGE_SCALE))
    return int(np.count_nonzero(edges >= least)) > 0.005 * grey.size


def sharpness(picture: NDArray[np.uint8]) -> float:
    """How sharp a picture's sharpest edges are against its own contrast: 0.14 to 0.2 in focus, under 0.03 blind."""
    views = _Views.of(picture)
    return _sharpness(views.grey, views.look)


def _within(picture: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    scale = side_px / max(height, width)
    if scale >= 1:
        return picture
    size = (max(_COLUMNS, round(width * scale)), max(_ROWS, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _tiles(values: NDArray[np.float32]) -> NDArray[np.float32]:
    high, wide = values.shape[0] // _ROWS, values.shape[1] // _COLUMNS
    cut = values[: high * _ROWS, : wide * _COLUMNS].reshape(_ROWS, high, _COLUMNS, wide)
    inner = cut.transpose(0, 2, 1, 3)[_WRITTEN_ROWS : _ROWS - _WRITTEN_ROWS]
    return inner.reshape(-1, high * wide)


def _without_view(look: NDArray[np.float32]) -> SightReason | None:
    """Nearly all tiles without detail: dark ones, bright ones, or something in front of the lens."""
    soft = np.asarray(cv2.GaussianBlur(look, (0, 0), 4), np.float32)
    # What is darker than a byte's steps apart is no light: counting in bytes is exact enough, and fast.
    if _percentile(_tiles(soft).astype(np.uint8), 99.5) < _DARKEST_LIGHT:
        return SightReason.BLACK
    tiles = _tiles(look)
    spread = _tiles(look - soft).std(axis=1)
    noise = min(_sensor_noise(look), _SENSOR_NOISE_MOST)
    empty = spread**2 - noise**2 < _DETAIL_LEAST**2
    if int((~empty).sum()) > _TILES_WITH_DETAIL_MOST:
        return _no_signal(tiles)
    level = tiles.mean(axis=1)[empty]
    if float(np.percentile(level, 95)) < _BLACK_MOST:
        return SightReason.BLACK
    if float(np.percentile(level, 5)) > _WHITE_LEAST:
        return SightReason.WHITE
    return SightReason.COVERED


def _no_signal(tiles: NDArray[np.float32]) -> SightReason | None:
    """All but a few tiles of exactly one colour: nothing that a lens ever gave."""
    plain = tiles.std(axis=1) < _PLAIN_SPREAD_MOST
    if int((~plain).sum()) > _WORDS_TILES_MOST:
        return None
    level = tiles.mean(axis=1)[plain]
    return SightReason.NO_SIGNAL if float(np.ptp(level)) < _PLAIN_SPREAD_MOST else None


def _sensor_noise(look: NDArray[np.float32]) -> float:
    """Standard deviation of what differs from pixel to pixel without any shape, in the calmest tiles.

    The mask answers neither to slopes nor to straight edges (Immerkær 1996).
    """
    rough = cv2.filter2D(look, cv2.CV_32F, _NOISE_MASK)
    by_tile = np.abs(_tiles(np.asarray(rough, np.float32))).mean(axis=1)
    return float(np.percentile(by_tile, 20)) * float(np.sqrt(np.pi / 2)) / 6


def _bars(look: NDArray[np.uint8]) -> SightReason | None:
    """A test picture: upright bars of plain colour over the upper half, five to twelve of them."""
    upper = look[: look.shape[0] // 2].astype(np.float32)
    columns = upper.mean(axis=0)
    if float(upper.std(axis=0).mean()) > _BAR_SPREAD_MOST:
        return None
    steps = np.abs(np.diff(columns, axis=0)).max(axis=1) > _BAR_STEP_LEAST
    edges = int((steps[1:] & ~steps[:-1]).sum()) + int(steps[0])
    return SightReason.COLOUR_BARS if 4 <= edges <= 12 else None


def _out_of_focus(grey: NDArray[np.uint8], look: NDArray[np.uint8]) -> SightReason | None:
    """No sharp edge anywhere, measured against the contrast that is there."""
    return SightReason.BLURRED if _sharpness(grey, look) < _SHARP_LEAST else None


def _sharpness(grey: NDArray[np.uint8], look: NDArray[np.uint8]) -> float:
    return _percentile(_edges(grey), 99.5) / _EDGE_SCALE / (_contrast(look) + 5)


def _edges(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    soft = cv2.GaussianBlur(grey, (0, 0), 1)
    return np.asarray(
        cv2.convertScaleAbs(cv2.Laplacian(soft, cv2.CV_16S), alpha=_EDGE_SCALE), np.uint8
    )


def _contrast(look: NDArray[np.uint8]) -> int:
    darkest, brightest = _percentiles(look, 1, 99)
    return brightest - darkest


def _percentile(values: NDArray[np.uint8], percent: float) -> int:
    return _percentiles(values, percent)[0]


def _percentiles(values: NDArray[np.uint8], *percents: float) -> list[int]:
    """By histogram: exact for bytes and far faster than sorting."""
    histogram = np.cumsum(cv2.calcHist([values], [0], None, [256], [0, 256]), dtype=np.float64)
    return [int(np.searchsorted(histogram, histogram[-1] * each / 100)) for each in percents]


class SightWatch:
    """One camera over time: adds frozen and stale to what single pictures tell.

    Frozen is the same picture for `frozen_s` although time went on: sensors have noise, so that two live
    pictures are never the same. Stale is no picture at all for `stale_s`. Both in monotonic seconds.
    """

    def __init__(self, *, frozen_s: float = 7.0, stale_s: float = 8.0, started_s: float) -> None:
        self._frozen_s = frozen_s
        self._stale_s = stale_s
        self._seen_s = started_s
        self._same_since_s = started_s
        self._last: NDArray[np.uint8] | None = None
        self._verdict = LIVE

    @property
    def shown(self) -> NDArray[np.uint8] | None:
        """The last picture in grey, 320 pixels wide or high at most."""
        return self._last

    def look(self, picture: NDArray[np.uint8], monotonic_s: float) -> SightVerdict:
        """The verdict on a picture that arrived at this time."""
        views = _Views.of(picture)
        if self._last is None or not np.array_equal(views.look, self._last):
            self._same_since_s = monotonic_s
        self._last = views.look
        self._seen_s = monotonic_s
        self._verdict = _judged(views)
        same_s = monotonic_s - self._same_since_s
        if self._verdict.sight is Sight.LIVE and same_s >= self._frozen_s:
            self._verdict = _blind(SightReason.FROZEN)
        return self._verdict

    def now(self, monotonic_s: float) -> SightVerdict:
        """The verdict without a new picture: the last one, until it is stale."""
        if monotonic_s - self._seen_s >= self._stale_s:
            return _blind(SightReason.STALE)
        return self._verdict
