"""Plots of ground: a grid of cells in site metres, which of them are ours, and local peaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

CELL_M: Final = 0.5
WINDOW_CELLS: Final = 6
"""A local peak is taken over 3 m × 3 m."""

Floats = NDArray[np.float64]


class Plot(msgspec.Struct, frozen=True):
    """A grid whose cells lie on multiples of the cell's side, so that plots of cameras agree.

    `first` is the lowest cell's (east, north) index, `ours` (north, east) says which cells count.
    """

    first: tuple[int, int]
    ours: NDArray[np.bool_]
    cell_m: float = CELL_M

    @classmethod
    def over(cls, low: Floats, high: Floats, *, cell_m: float = CELL_M) -> Plot:
        """The plot that covers a rectangle, at least one cell."""
        first = np.floor(low / cell_m).astype(np.int64)
        size = np.maximum(np.ceil(high / cell_m).astype(np.int64) - first, 1)
        ours = np.ones((int(size[1]), int(size[0])), dtype=np.bool_)
        return cls((int(first[0]), int(first[1])), ours, cell_m)

    def keeping(self, wanted: NDArray[np.bool_]) -> Plot:
        """The same plot, with only the wanted cells (flat) counting."""
        return Plot(self.first, self.ours & wanted.reshape(self.ours.shape), self.cell_m)

    @property
    def area_m2(self) -> float:
        return float(self.ours.sum()) * self.cell_m**2

    @property
    def centres(self) -> Floats:
        """The middles (N, 2) of all cells, in the flat order of `ours`."""
        rows, columns = np.divmod(np.arange(self.ours.size), self.ours.shape[1])
        index = np.stack([columns + self.first[0], rows + self.first[1]], axis=-1)
        return np.asarray((index + 0.5) * self.cell_m)

    def index_of(self, places: Floats) -> NDArray[np.int64]:
        """The flat index of the cell of each place (N, 2); -1 outside and on cells not ours."""
        with np.errstate(invalid="ignore"):
            at = np.floor(np.clip(places / self.cell_m, -1e9, 1e9)).astype(np.int64)
        column, row = at[:, 0] - self.first[0], at[:, 1] - self.first[1]
        rows, columns = self.ours.shape
        within = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        flat = np.where(within, row * columns + column, 0)
        return np.where(within & self.ours.ravel()[flat], flat, -1)

    def peak(self, people: Floats) -> float | None:
        """The highest density of any 3 m × 3 m window wholly on our cells, people per m².

        Where no such window fits, of any that lies on them by half, over that part.
        """
        rows, columns = (max(0, WINDOW_CELLS - side) for side in self.ours.shape)
        margin = ((rows, rows), (columns, columns))
        cells = _window_sums(np.pad(self.ours.astype(np.float64), margin))
        sums = _window_sums(np.pad(people, margin))
        whole = cells >= WINDOW_CELLS**2 - 0.5
        fits = whole if whole.any() else cells >= WINDOW_CELLS**2 / 2
        if not fits.any():
            return None
        return max(0.0, float((sums[fits] / cells[fits]).max()) / self.cell_m**2)


def inside(places: Floats, outline: Sequence[tuple[float, float]]) -> NDArray[np.bool_]:
    """Which places (N, 2) lie inside an outline, by crossings of a ray to the east."""
    corners = np.asarray(outline, dtype=np.float64)
    within = np.zeros(len(places), dtype=np.bool_)
    x, y = places[:, 0], places[:, 1]
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        spans = (y0 > y) != (y1 > y)
        within ^= spans & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return within


def _window_sums(values: Floats) -> Floats:
    """Sums over every window of `WINDOW_CELLS` × `WINDOW_CELLS`."""
    total = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    np.cumsum(np.cumsum(values, axis=0), axis=1, out=total[1:, 1:])
    side = WINDOW_CELLS
    return np.asarray(
        total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    )
