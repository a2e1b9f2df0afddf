"""Counting with one camera's own correction: learned from marked pictures, kept in a file, applied live."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from crowd.band_correction import (
    BANDS,
    SCALES,
    BandCorrection,
    Floats,
    band_of,
    bands_of_heads,
    bands_of_map,
    learn,
)
from crowd.estimator import Estimate, Estimator
from crowd.evaluation import shrunk
from crowd.pictures import read_picture
from crowd.sight import judge
from crowd.stills import Still
from model.level import Sight

_FACTOR_MOST: Final = 4.0
"""A counted person stands for no more than so many; further people are spread over the band."""

_BYTES_MOST: Final = 10_000


class CorrectionError(ValueError):
    """A correction cannot be learned, read or used; the message says why."""


class CorrectedEstimator:
    """A counting network that knows one camera's own errors."""

    def __init__(self, estimator: Estimator, correction: BandCorrection) -> None:
        """Raises CorrectionError where the correction was learned for another network."""
        if correction.model != estimator.model:
            raise CorrectionError(
                f"the correction was learned for {correction.model}, not for {estimator.model}"
            )
        self._estimator = estimator
        self._correction = correction
        self.model = estimator.model

    def estimate(self, picture: NDArray[np.uint8]) -> Estimate:
        """Counts people in a picture of this camera: uint8, height x width x 3, BGR."""
        height_px = picture.shape[0]
        correction = self._correction
        found = [self._estimator.estimate(picture, scale=s) for s in correction.scales]
        people = correction.people(_counted(found, height_px, len(correction.slopes)))
        density = _moved_to(found[0], people, height_px)
        count = float(density.sum(dtype=np.float64))
        plain = found[0]
        low, high = correction.around(
            count, before=(plain.count, plain.count_low, plain.count_high)
        )
        return Estimate(
            count=count,
            count_low=low,
            count_high=high,
            density=density,
            stride_px=plain.stride_px,
            model=self.model,
            uncorrected=plain,
        )


def _counted(found: Sequence[Estimate], height_px: int, bands: int) -> Floats:
    """People in each band, averaged over the sizes at which the picture was counted."""
    by_scale = [bands_of_map(one.density, one.stride_px, height_px, bands=bands) for one in found]
    return np.asarray(np.mean(by_scale, axis=0))


def _moved_to(found: Estimate, people: Floats, height_px: int) -> NDArray[np.float32]:
    """The density map with so many people in each band: scaled, or spread where it holds too few."""
    density = found.density.astype(np.float64)
    middles = (np.arange(density.shape[0]) + 0.5) * found.stride_px
    bands = band_of(middles, height_px, len(people))
    for band, wanted in enumerate(people):
        rows = bands == band
        if not rows.any():
            continue
        counted = float(density[rows].sum())
        factor = min(wanted / counted, _FACTOR_MOST) if counted > 0 else 0.0
        density[rows] *= factor
        density[rows] += (wanted - counted * factor) / (rows.sum() * density.shape[1])
    return np.maximum(density, 0.0).astype(np.float32)


def learn_correction(
    stills: Sequence[Still], estimator: Estimator, *, shrink: tuple[int, int] | None = None
) -> BandCorrection:
    """A camera's own correction from pictures in which the heads were marked; blind ones teach nothing."""
    counted, marked = [], []
    for still in stills:
        picture = read_picture(still.path)
        whole_px = picture.shape[0]
        if shrink is not None:
            picture = shrunk(picture, shrink)
        if judge(picture).sight is not Sight.LIVE:
            continue
        found = [estimator.estimate(picture, scale=scale) for scale in SCALES]
        counted.append(_counted(found, picture.shape[0], BANDS))
        marked.append(bands_of_heads(still.heads, whole_px))
    if not marked:
        raise CorrectionError("none of the marked pictures shows anything")
    return learn(np.array(counted), np.array(marked), model=estimator.model)


def write_correction(path: Path, correction: BandCorrection) -> None:
    """Writes it as JSON; OSError where that cannot be done."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(correction), indent=2) + b"\n")


def read_correction(path: Path) -> BandCorrection:
    """Reads a written correction. Raises CorrectionError."""
    try:
        data = path.read_bytes()[: _BYTES_MOST + 1]
        return msgspec.json.decode(data, type=BandCorrection)
    except OSError as error:
        raise CorrectionError(f"{path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise CorrectionError(f"{path}: no correction: {error}") from error
