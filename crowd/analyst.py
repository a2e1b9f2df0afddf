"""One camera's way from a picture to a reading: sight first, then people, then their density."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Final, Protocol

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from crowd.estimator import Counting, Estimate
from crowd.motion import Motion, MotionGap, MotionGround, read_motion
from crowd.sight import SightReason, SightWatch
from crowd.view_reference import ViewReference
from model.facts import DensityBlind, DensityLive
from model.level import Sight
from model.picture import Picture
from model.workers import CameraStill

STILL_WIDTH_PX: Final = 448
KEPT_AS_IT_IS_PX: Final = 720
STILL_QUALITY: Final = 70
OVERLAY_COLUMNS_MOST: Final = 80
STILL_BYTES_MOST: Final = 40_000


class GroundReading(Protocol):
    """What calibrated ground adds to a count."""

    @property
    def density_p_m2(self) -> float | None:
        """People per m² of seen ground within the camera's zones."""

    @property
    def peak_p_m2(self) -> float | None:
        """The highest density of any 3 m × 3 m window."""


class Ground(MotionGround, Protocol):
    """A camera's calibration: where each cell of a density map stands on the ground."""

    def read(
        self, density: NDArray[np.float32], *, stride_px: float, width_px: int, height_px: int
    ) -> GroundReading:
        """Densities from a map of people per cell over a picture of this size."""
        ...


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What was analysed last, kept for whoever comes to look."""

    at: datetime
    pixels: NDArray[np.uint8]
    estimate: Estimate | None


class Analyst:
    """Reads one camera's pictures. `ground` is None where the camera is not calibrated.

    The stills keep the count as the network gave it before the camera's own correction, so that more
    pictures can be marked against it.

    `view` holds the picture against the camera's settled view and blinds one that was turned; it is
    None for a camera that is steered.
    """

    def __init__(
        self,
        camera: str,
        *,
        ground: Ground | None,
        started_s: float,
        view: ViewReference | None = None,
    ) -> None:
        self._camera = camera
        self._ground = ground
        self._sight = SightWatch(started_s=started_s)
        self._view = view
        self._seen: _Seen | None = None

    def read(self, picture: Picture, estimator: Counting) -> DensityLive | DensityBlind:
        """The reading of one picture. Takes milliseconds: call it away from the event loop."""
        verdict = self._sight.look(picture.pixels, picture.arrived_monotonic_s)
        if verdict.sight is not Sight.LIVE:
            reason = str(verdict.reason or "unknown")
            return self._blind(picture, reason, estimator.model)
        estimate = estimator.estimate(picture.pixels)
        if self._was_turned(picture, estimate):
            return self._blind(picture, SightReason.MOVED.value, estimator.model)
        self._keep(picture, estimate.uncorrected or estimate)
        return self._reading(picture, estimate)

    def still(self) -> CameraStill | None:
        """A small JPEG of what was analysed last, with its overlay.

        None before the first picture, and where it cannot be made small enough to send.
        """
        return None if self._seen is None else _still(self._camera, self._seen)

    def _keep(self, picture: Picture, estimate: Estimate | None) -> None:
        """Pictures of main streams are kept small: of hundreds of cameras they would fill the memory."""
        wide = picture.pixels.shape[1] > KEPT_AS_IT_IS_PX
        pixels = _small(picture.pixels) if wide else picture.pixels
        self._seen = _Seen(at=picture.at, pixels=pixels, estimate=estimate)

    def _blind(self, picture: Picture, reason: str, model: str) -> DensityBlind:
        self._keep(picture, None)
        return DensityBlind(at=picture.at, reason=reason, model=model)

    def _was_turned(self, picture: Picture, estimate: Estimate) -> bool:
        luma = self._sight.shown
        if self._view is None or luma is None:
            return False
        return self._view.look(luma, estimate.density, picture.arrived_monotonic_s).moved

    def _reading(self, picture: Picture, estimate: Estimate) -> DensityLive:
        density, peak = None, None
        if self._ground is not None:
            height_px, width_px = picture.pixels.shape[:2]
            found = self._ground.read(
                estimate.density,
                stride_px=estimate.stride_px,
                width_px=width_px,
                height_px=height_px,
            )
            density, peak = found.density_p_m2, found.peak_p_m2
        motion = _motion(picture, estimate, self._ground)
        return DensityLive(
            at=picture.at,
            count=round(estimate.count, 2),
            count_low=round(max(0.0, estimate.count_low), 2),
            count_high=round(estimate.count_high, 2),
            density_p_m2=_within_contract(density),
            peak_p_m2=_within_contract(peak),
            speed_m_s=_rounded(motion.speed_m_s, 3, most=20.0),
            direction_deg=_rounded(motion.direction_deg, 1, most=360.0),
            counterflow=_rounded(motion.counterflow, 3, most=1.0),
            pressure_s2=_rounded(motion.pressure_s2, 4, most=100.0),
            model=estimate.model,
        )


def _motion(picture: Picture, estimate: Estimate, ground: Ground | None) -> Motion:
    """How the people of this picture move; without figures where there is no burst."""
    if not picture.burst:
        return Motion(gap=MotionGap.NO_BURST)
    height, width = picture.burst[0].luma.shape
    scale = width / picture.pixels.shape[1]
    first = cv2.cvtColor(picture.pixels, cv2.COLOR_BGR2GRAY)
    if scale != 1:
        first = cv2.resize(first, (width, height), interpolation=cv2.INTER_AREA)
    return read_motion(
        [np.asarray(first, np.uint8), *(one.luma for one in picture.burst)],
        [0.0, *(one.after_s for one in picture.burst)],
        estimate.density,
        stride_px=estimate.stride_px * scale,
        ground=ground,
    )


def _rounded(value: float | None, decimals: int, *, most: float) -> float | None:
    return None if value is None else round(min(max(value, 0.0), most), decimals)


def _within_contract(density_p_m2: float | None) -> float | None:
    """A density as it may leave: three decimals, no more than the contract's 50 per m²."""
    if density_p_m2 is None or not math.isfinite(density_p_m2):
        return None
    return round(min(max(density_p_m2, 0.0), 50.0), 3)


def _small(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    scale = min(1.0, STILL_WIDTH_PX / width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _still(camera: str, seen: _Seen) -> CameraStill | None:
    small, estimate = _small(seen.pixels), seen.estimate
    for quality in (STILL_QUALITY, 50, 30):
        done, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if done and jpeg.size <= STILL_BYTES_MOST:
            break
    else:
        return None
    sight = Sight.BLIND if estimate is None else Sight.LIVE
    still = CameraStill(camera=camera, at=seen.at, sight=sight, jpeg=jpeg.tobytes())
    if estimate is None:
        return still
    cells = _coarse(estimate.density)
    most = float(cells.max(initial=0.0))
    levels = cells * (255.0 / most) if most > 0 else cells
    return msgspec.structs.replace(
        still,
        count=round(max(0.0, estimate.count), 1),
        columns=cells.shape[1],
        rows=cells.shape[0],
        cells=np.clip(levels, 0, 255).astype(np.uint8).tobytes(),
        people_per_cell=most,
        model=estimate.model,
    )


def _coarse(density: NDArray[np.float32]) -> NDArray[np.float32]:
    """The density map summed over blocks of cells, at most so many columns wide."""
    block = math.ceil(density.shape[1] / OVERLAY_COLUMNS_MOST)
    if block == 1:
        return density
    rows, columns = (-(-side // block) * block for side in density.shape)
    padded = np.zeros((rows, columns), np.float32)
    padded[: density.shape[0], : density.shape[1]] = density
    blocks = padded.reshape(rows // block, block, columns // block, block)
    return np.asarray(blocks.sum(axis=(1, 3)), np.float32)
