"""Down-sampling: minutes, quarter-hours and hours of every quantity, with count, mean, low, high.

A tier's rows are `slot, (n, sum, low, high) per quantity`; `slot` counts steps since 1970. The sum
is kept and not the mean, since the sum of decimals is a decimal again and packs small. A step
without any reading has no row: missing is not zero.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from store.columns import LAYOUTS
from store.packing import Rows

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS

RAW, MINUTES, QUARTERS, HOURS = range(4)
"""Full resolution, and the tiers of 1 min, 15 min and 1 h."""

STEP_MS: Final = {MINUTES: 60_000, QUARTERS: 900_000, HOURS: HOUR_MS}
SPAN_MS: Final = {RAW: HOUR_MS, MINUTES: HOUR_MS, QUARTERS: DAY_MS, HOURS: DAY_MS}
"""How much time one block of a tier holds."""

_SUM_DIGITS = 6


def summed(kind: str, rows: Rows, step_ms: int) -> Rows:
    """Rows of readings, sorted by time, as rows of a tier."""
    slots = rows[:, 0] // step_ms
    starts = np.flatnonzero(np.concatenate(([True], slots[1:] != slots[:-1])))
    found = [slots[starts]]
    for quantity in LAYOUTS[kind].quantities.values():
        found.extend(_four(quantity.of(rows[:, quantity.column]), starts))
    return np.column_stack(found)


def _four(values: Rows, starts: NDArray[np.intp]) -> list[Rows]:
    missing = np.isnan(values)
    n = np.add.reduceat((~missing).astype(np.float64), starts)
    whole = np.round(np.add.reduceat(np.where(missing, 0.0, values), starts), _SUM_DIGITS)
    low, high = np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)
    return [n, np.where(n > 0, whole, np.nan), low, high]


def replaced(old: Rows | None, new: Rows) -> Rows:
    """A tier's rows with those of the same slots put in their place, in order of time."""
    if old is None or not len(old):
        return new
    kept = old[~np.isin(old[:, 0], new[:, 0])]
    both = np.concatenate((kept, new))
    return both[np.argsort(both[:, 0], kind="stable")]


def columns_of(place: int) -> tuple[int, ...]:
    """Which columns of a tier's block hold one quantity, the slot first."""
    return (0, *range(1 + 4 * place, 5 + 4 * place))


def gathered(parts: list[Rows], step_ms: float) -> Rows:
    """Pieces `at_ms, n, sum, low, high` put together in steps of `step_ms`, oldest first."""
    if not parts:
        return np.empty((0, 5))
    every = np.concatenate(parts)
    slots = every[:, 0] // step_ms
    order = np.argsort(slots, kind="stable")
    every, slots = every[order], slots[order]
    if not len(every):
        return every
    starts = np.flatnonzero(np.concatenate(([True], slots[1:] != slots[:-1])))
    return np.column_stack(
        [
            slots[starts] * step_ms,
            np.add.reduceat(every[:, 1], starts),
            np.add.reduceat(every[:, 2], starts),
            np.minimum.reduceat(every[:, 3], starts),
            np.maximum.reduceat(every[:, 4], starts),
        ]
    )


def one_by_one(at_ms: Rows, values: Rows) -> Rows:
    """Readings as pieces of one each, those without a value left out."""
    there = ~np.isnan(values)
    at, value = at_ms[there], values[there]
    return np.column_stack([at, np.ones(len(at)), value, value, value])
