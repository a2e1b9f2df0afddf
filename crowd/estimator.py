"""How many people are in one picture, and where: the shipped networks on ONNX Runtime."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import cv2
import msgspec
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from crowd.weights_file import BOUNDS_KEY, NAME_KEY, bounds_from_text, fingerprint, shipped

Size = Literal["small", "full"]

_CELL_PX: Final = 8
_SIDE_UNIT_PX: Final = 16
_GREY: Final = 128
# The networks were trained on people as these many pixels show them; a larger picture is shrunk to fit.
_PIXELS_MOST: Final[dict[str, int]] = {"small": 640 * 480, "full": 1920 * 1088}


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """People in one picture.

    `density` is float32, rows x columns, people per cell, and sums to `count`; a cell is a square of
    `stride_px` picture pixels, the first one in the top left corner. The truth lies within
    [count_low, count_high] nine times in ten. `uncorrected` is what the network gave before its camera's
    own correction, where there is one.
    """

    count: float
    count_low: float
    count_high: float
    density: NDArray[np.float32]
    stride_px: float
    model: str
    uncorrected: Estimate | None = None


class Counting(Protocol):
    """What counts people: a shipped network, or one that is corrected for its camera."""

    @property
    def model(self) -> str:
        """The network's name."""

    def estimate(self, picture: NDArray[np.uint8]) -> Estimate:
        """Counts people in a picture: uint8, height x width x 3, BGR, of any size."""
        ...


class Estimator:
    """One counting network, ready to run on `threads` threads; not to be shared between threads.

    `size` names a shipped network: *small* for sub streams up to 640 x 480, *full* up to 1080p. Larger
    pictures are shrunk first. Sight is not judged here: ask `crowd.sight` before believing a number.
    """

    def __init__(self, size: Size, *, threads: int = 1, weights: Path | None = None) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        file = weights or shipped(size)
        self._session: Any = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
        about = self._session.get_modelmeta().custom_metadata_map
        self.model = f"{about[NAME_KEY]}-{fingerprint(file)}"
        self._bounds = bounds_from_text(about[BOUNDS_KEY])
        self._pixels_most = _PIXELS_MOST[size]

    def estimate(self, picture: NDArray[np.uint8], *, scale: float = 1.0) -> Estimate:
        """Counts people in a picture: uint8, height x width x 3, BGR, of any size.

        `scale` makes what the network sees larger or smaller than it would be.
        """
        density, doubt, shown_scale = self._run(picture, scale)
        count = float(density.sum(dtype=np.float64))
        low, high = self._bounds.around(count, doubt)
        return Estimate(
            count=count,
            count_low=low,
            count_high=high,
            density=density,
            stride_px=_CELL_PX / shown_scale,
            model=self.model,
        )

    def count_and_doubt(self, picture: NDArray[np.uint8]) -> tuple[float, float]:
        """People, and how many of them the network only half sees: what bounds are learned from."""
        density, doubt, _ = self._run(picture)
        return float(density.sum(dtype=np.float64)), doubt

    def _run(
        self, picture: NDArray[np.uint8], wanted_scale: float = 1.0
    ) -> tuple[NDArray[np.float32], float, float]:
        _check(picture)
        shown, scale = _shrink(picture, self._pixels_most)
        if wanted_scale != 1.0:
            shown, scale = _scaled(picture, scale * wanted_scale)
        people, doubt = self._session.run(None, {"picture": _pad(shown)[None]})
        rows, columns = -(-shown.shape[0] // _CELL_PX), -(-shown.shape[1] // _CELL_PX)
        return np.ascontiguousarray(people[:rows, :columns]), float(doubt[0]), scale


def _check(picture: NDArray[np.uint8]) -> None:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise ValueError(
            f"a picture is uint8, height x width x 3, not {picture.dtype} {picture.shape}"
        )


def _shrink(picture: NDArray[np.uint8], pixels_most: int) -> tuple[NDArray[np.uint8], float]:
    """The picture at no more than so many pixels, and its scale."""
    height, width = picture.shape[:2]
    if height * width <= pixels_most:
        return picture, 1.0
    return _scaled(picture, math.sqrt(pixels_most / (height * width)))


def _scaled(picture: NDArray[np.uint8], scale: float) -> tuple[NDArray[np.uint8], float]:
    height, width = picture.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8), scale


def _pad(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture on grey whose sides are whole units, untouched where they are already."""
    height, width = picture.shape[:2]
    down, right = -height % _SIDE_UNIT_PX, -width % _SIDE_UNIT_PX
    if not down and not right:
        return np.ascontiguousarray(picture)
    padded = np.full((height + down, width + right, 3), _GREY, np.uint8)
    padded[:height, :width] = picture
    return padded
