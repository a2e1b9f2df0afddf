"""A camera's ground: from people in the picture to people per square metre of the site.

People are found by their heads, which a picture shows in front of ground farther away. Where the
calibration explains an upright camera, heads are therefore placed on the plane at head height;
otherwise on the ground itself, which spreads a crowd thinner than it is, and `corrected` says so.
Frame of reference: metres east and north of the site's origin; see `config.calibration`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.calibration import GroundProblem, GroundRefusedError, calibrate, through
from config.grounds import Ground as GroundMarks
from config.schema import Camera, SiteFile
from crowd.plots import CELL_M, Plot, inside

COARSEST_M_PER_PX: Final = 0.5
"""Ground that is coarser than this, in a picture 640 px wide, is too far to be judged."""

NOMINAL_WIDTH_PX: Final = 640
FINEST_SPLIT: Final = 16
LARGEST_SPAN_M: Final = 400.0
Floats = NDArray[np.float64]


class GroundReading(msgspec.Struct, frozen=True, kw_only=True):
    """People on the ground that a camera sees of its zones.

    `peak_p_m2` is the highest density of any 3 m × 3 m window wholly seen; where none fits, as in
    a narrow lane, of any that is seen by half. `elsewhere` are people counted in the picture who
    stand outside the zones or too far away to be placed.
    """

    density_p_m2: float
    peak_p_m2: float | None
    seen_area_m2: float
    people: float
    elsewhere: float


class _Spread(msgspec.Struct, frozen=True):
    """How a density map's cells fall onto ground cells: index pairs with the share of each."""

    picture_cell: NDArray[np.int64]
    ground_cell: NDArray[np.int64]
    share: Floats


class Ground:
    """One calibrated camera over the zones that it watches; without zones, over all it sees.

    Ground that is not `placed` on the map is in metres to the right and ahead of the camera: it has
    densities, over all that is seen, and no zones.
    """

    def __init__(
        self,
        marks: GroundMarks,
        outlines: Sequence[Sequence[tuple[float, float]]],
        *,
        at: tuple[float, float] | None = None,
        bearing_deg: float | None = None,
    ) -> None:
        """`at` and `bearing_deg` are the camera's own. Raises GroundRefusedError."""
        self.calibration = calibrate(marks, at=at, bearing_deg=bearing_deg)
        self.corrected, self.placed = self.calibration.corrected, self.calibration.placed
        self._width_px, self._height_px = marks.width_px, marks.height_px
        self._to_picture = self.calibration.heads
        self._to_ground = np.asarray(np.linalg.inv(self._to_picture), np.float64)
        self._front, self._back = self._signs()
        self._plot = self._survey(outlines if self.placed else ())
        self.seen_area_m2 = self._plot.area_m2
        self._spreads: dict[tuple[int, int, float, int, int], _Spread] = {}

    def place(self, pixels: Floats) -> Floats:
        """Where people stand (N, 2) whose heads are at pixels (N, 2) of the calibrated picture.

        NaN on and above the horizon: what is seen there stands on no ground.
        """
        places, depth = through(self._to_ground, pixels)
        return np.where((depth * self._back > 0)[:, None], places, np.nan)

    def stand(self, pixels: Floats, *, width_px: int, height_px: int) -> Floats:
        """Where people stand (N, 2) whose heads are at pixels (N, 2) of a picture of this size."""
        return self.place(pixels * (self._width_px / width_px, self._height_px / height_px))

    def watches(self, metres: Floats) -> NDArray[np.bool_]:
        """Which places (N, 2) lie on the ground of its zones that the camera sees."""
        return np.asarray(self._plot.index_of(metres) >= 0)

    def picture(self, metres: Floats) -> Floats:
        """Where the heads of people are in the picture (N, 2) who stand at metres (N, 2).

        NaN for people behind the camera, who are not seen mirrored in front of it.
        """
        pixels, depth = through(self._to_picture, metres)
        return np.where((depth * self._front > 0)[:, None], pixels, np.nan)

    def sees(self, metres: Floats) -> NDArray[np.bool_]:
        """Which places (N, 2) are in the picture, in front of the camera and near enough."""
        pixels, depth = through(self._to_picture, metres)
        in_picture = ((pixels >= 0) & (pixels <= np.array([self._width_px, self._height_px]))).all(
            axis=1
        )
        seen = in_picture & (depth * self._front > 0)
        seen[seen] &= self._coarseness(metres[seen]) <= COARSEST_M_PER_PX
        return np.asarray(seen)

    def read(
        self, density: NDArray[np.float32], *, stride_px: float, width_px: int, height_px: int
    ) -> GroundReading:
        """Densities from a map (rows, columns) of people per cell of `stride_px` pixels.

        The map belongs to a picture of `width_px` × `height_px`, of any scale.
        """
        key = (density.shape[0], density.shape[1], stride_px, width_px, height_px)
        if key not in self._spreads:
            self._spreads.clear()
            self._spreads[key] = self._spread(*key)
        spread = self._spreads[key]
        weights = density.ravel()[spread.picture_cell].astype(np.float64) * spread.share
        flat = np.bincount(spread.ground_cell, weights=weights, minlength=self._plot.ours.size)
        people = flat.astype(np.float64).reshape(self._plot.ours.shape)
        on_ground = float(people.sum())
        return GroundReading(
            density_p_m2=on_ground / self.seen_area_m2,
            peak_p_m2=self._plot.peak(people),
            seen_area_m2=self.seen_area_m2,
            people=on_ground,
            elsewhere=max(0.0, float(density.sum(dtype=np.float64)) - on_ground),
        )

    def _signs(self) -> tuple[float, float]:
        """The signs of depth of what is in front of the camera, on the way there and on the way back.

        The picture's foot shows ground in front of the camera.
        """
        foot = np.array([[self._width_px / 2, self._height_px - 1.0]])
        place, back = through(self._to_ground, foot)
        front = through(self._to_picture, place)[1]
        return float(np.sign(front[0])), float(np.sign(back[0]))

    def _coarseness(self, metres: Floats) -> Floats:
        """Metres of ground per pixel in the worse direction, in a picture 640 px wide."""
        pixels, depth = through(self._to_picture, metres)
        rows = self._to_picture
        slope_u = (rows[0, :2] - pixels[:, :1] * rows[2, :2]) / depth[:, None]
        slope_v = (rows[1, :2] - pixels[:, 1:] * rows[2, :2]) / depth[:, None]
        square = (slope_u**2 + slope_v**2).sum(axis=1)
        turn = slope_u[:, 0] * slope_v[:, 1] - slope_u[:, 1] * slope_v[:, 0]
        least = (square - np.sqrt(np.maximum(square**2 - 4 * turn**2, 0.0))) / 2
        per_metre = np.sqrt(np.maximum(least, 1e-18)) * NOMINAL_WIDTH_PX / self._width_px
        return np.asarray(1.0 / per_metre)

    def _survey(self, outlines: Sequence[Sequence[tuple[float, float]]]) -> Plot:
        """The grid of ground cells that the camera sees of its zones."""
        columns = np.linspace(0.0, self._width_px, 65)
        rows = np.linspace(0.0, self._height_px, 65)
        pixels = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
        places = self.place(pixels)
        near = places[self.sees(places)]
        if not len(near):
            what = f"all ground in the picture is coarser than {COARSEST_M_PER_PX:g} m per pixel"
            raise GroundRefusedError(GroundProblem.NOTHING_SEEN, what)
        west_south, east_north = near.min(axis=0), near.max(axis=0)
        low, high = west_south - CELL_M, east_north + CELL_M
        if outlines:
            corners = np.concatenate([np.asarray(outline, np.float64) for outline in outlines])
            low, high = np.maximum(low, corners.min(axis=0)), np.minimum(high, corners.max(axis=0))
        high = np.minimum(high, low + LARGEST_SPAN_M)
        plot = Plot.over(low, high)
        ours = self.sees(plot.centres)
        if outlines:
            ours &= np.any([inside(plot.centres, outline) for outline in outlines], axis=0)
        if not ours.any():
            what = (
                f"by its marks it sees ground from {west_south[0]:.0f} to {east_north[0]:.0f} m east and "
                f"{west_south[1]:.0f} to {east_north[1]:.0f} m north, outside its zones"
            )
            raise GroundRefusedError(GroundProblem.NOTHING_SEEN, what)
        return plot.keeping(ours)

    def _spread(
        self, rows: int, columns: int, stride_px: float, width_px: int, height_px: int
    ) -> _Spread:
        """Share every map cell out over ground cells, split finely enough for the far ones."""
        scale = np.array([self._width_px / width_px, self._height_px / height_px])
        row, column = np.divmod(np.arange(rows * columns), columns)
        corner = np.stack([column, row], axis=-1) * stride_px
        middles = np.minimum(corner + stride_px / 2, np.array([width_px, height_px]))
        footprint = (
            self._coarseness(self.place(middles * scale))
            * stride_px
            * (NOMINAL_WIDTH_PX / width_px)
        )
        with np.errstate(invalid="ignore"):
            wanted = np.nan_to_num(footprint / (CELL_M / 2), nan=1.0, posinf=FINEST_SPLIT)
        splits = 2 ** np.ceil(np.log2(np.clip(wanted, 1, FINEST_SPLIT))).astype(np.int64)
        found = []
        for split in np.unique(splits):
            cells = np.flatnonzero(splits == split)
            steps = (np.arange(int(split)) + 0.5) / float(split) * stride_px
            offsets = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
            pixels = (corner[cells][:, None, :] + offsets[None, :, :]) * scale
            found.append(self._fall(cells, pixels))
        return _merged(found, size=self._plot.ours.size)

    def _fall(self, cells: NDArray[np.int64], pixels: Floats) -> _Spread:
        """Where the parts (cells, parts, 2) of map cells fall; parts off our ground are left out."""
        parts = pixels.shape[1]
        places = self.place(pixels.reshape(-1, 2))
        index = self._plot.index_of(places)
        depth = through(self._to_picture, places)[1]
        kept = (index >= 0) & (depth * self._front > 0)
        return _Spread(
            np.repeat(cells, parts)[kept], index[kept], np.full(int(kept.sum()), 1.0 / parts)
        )


def _merged(found: list[_Spread], *, size: int) -> _Spread:
    """One entry for each pair of map cell and ground cell."""
    picture = np.concatenate([one.picture_cell for one in found])
    ground = np.concatenate([one.ground_cell for one in found])
    share = np.concatenate([one.share for one in found])
    pairs, where = np.unique(picture * size + ground, return_inverse=True)
    summed = np.bincount(where, weights=share, minlength=len(pairs)).astype(np.float64)
    return _Spread(pairs // size, pairs % size, summed)


def ground_of(
    camera: Camera, outlines: Mapping[str, Sequence[tuple[float, float]]]
) -> Ground | None:
    """A camera's calibrated ground over its zones, None without one. Raises GroundRefusedError."""
    if camera.ground is None:
        return None
    watched = [outlines[zone] for zone in camera.zones]
    return Ground(camera.ground, watched, at=camera.at, bearing_deg=camera.bearing_deg)


def grounds_of(site: SiteFile) -> tuple[dict[str, Ground], dict[str, GroundProblem]]:
    """The cameras whose ground lies on the map, and what is wrong with any ground.

    Ground by marks that no upright camera explains is used where it lies on the map, and named: a
    crowd there looks thinner than it is, often by a third.
    """
    outlines = {zone.id: zone.outline for zone in site.zones}
    grounds: dict[str, Ground] = {}
    problems: dict[str, GroundProblem] = {}
    for camera in site.cameras:
        try:
            ground = ground_of(camera, outlines)
        except GroundRefusedError as error:
            problems[camera.id] = error.problem
            continue
        if ground is None:
            continue
        if ground.placed:
            grounds[camera.id] = ground
        if ground.calibration.problem is not None:
            problems[camera.id] = ground.calibration.problem
    return grounds, problems
