"""What one reading of each kind of source consists of, as a row of numbers.

The first number is always the field's time in milliseconds since 1970. A missing value is NaN: it
is never zero. Words, such as a model's name, stand as the numbers that the store gave them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np

from model.level import Sight
from store.packing import Rows

CAMERA_NUMBERS: Final = (
    "count",
    "count_low",
    "count_high",
    "density_p_m2",
    "peak_p_m2",
    "speed_m_s",
    "direction_deg",
    "counterflow",
    "pressure_s2",
)
"""The columns of a live camera's numbers, in their order."""

ZONE_NUMBERS: Final = (
    "occupancy",
    "occupancy_low",
    "occupancy_high",
    "density_p_m2",
    "peak_p_m2",
)

SIGHTS: Final = (Sight.LIVE, Sight.PARTIAL, Sight.BLIND)
"""A zone's sight as a number."""


class Quantity(msgspec.Struct, frozen=True, kw_only=True):
    """One curve that can be drawn of a kind: the column that it is read from, and how."""

    column: int
    read: Callable[[Rows], Rows] | None = None

    def of(self, column: Rows) -> Rows:
        """Its values, from the values of its column."""
        return column if self.read is None else self.read(column)


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of one kind after the time, and the quantities that are read from them."""

    columns: tuple[str, ...]
    quantities: dict[str, Quantity]
    words: frozenset[str] = frozenset()

    @property
    def width(self) -> int:
        """Numbers in a row, the time among them."""
        return len(self.columns) + 1


def _layout(
    *columns: str,
    read: tuple[str, ...],
    derived: dict[str, Quantity] | None = None,
    words: tuple[str, ...] = (),
) -> Layout:
    plain = {name: Quantity(column=columns.index(name) + 1) for name in read}
    return Layout(columns=columns, quantities=plain | (derived or {}), words=frozenset(words))


def _is_there(column: Rows) -> Rows:
    return (~np.isnan(column)).astype(np.float64)


def _sees(sight: Sight) -> Callable[[Rows], Rows]:
    number = SIGHTS.index(sight)
    return lambda column: (column == number).astype(np.float64)


LAYOUTS: Final[dict[str, Layout]] = {
    "camera": _layout(
        "model",
        "blind",
        *CAMERA_NUMBERS,
        # A mean of directions says nothing: north is both 1 and 359 degrees.
        read=tuple(name for name in CAMERA_NUMBERS if name != "direction_deg"),
        derived={"blind": Quantity(column=2, read=_is_there)},
        words=("model", "blind"),
    ),
    "zone": _layout(
        "sight",
        *ZONE_NUMBERS,
        read=ZONE_NUMBERS,
        derived={
            "blind": Quantity(column=1, read=_sees(Sight.BLIND)),
            "partial": Quantity(column=1, read=_sees(Sight.PARTIAL)),
        },
    ),
    "counter": _layout(
        "boot", "seq", "in_total", "out_total", read=("in_total", "out_total"), words=("boot",)
    ),
    "sensor": _layout("seq", "value", read=("value",)),
}
"""Kinds of source that send readings."""

TABLES: Final = {kind: f"{kind}_reading" for kind in LAYOUTS}
"""Under which name the rows of a kind are tallied."""


class UnknownQuantityError(ValueError):
    """This kind of source has no such quantity."""


def quantity_of(kind: str, name: str) -> tuple[int, Quantity]:
    """Which quantity of its kind it is, and how it is read. A sensor's is what it sends."""
    if kind not in LAYOUTS:
        raise UnknownQuantityError(f"no readings of kind {kind!r}; there are {sorted(LAYOUTS)}")
    quantities = LAYOUTS[kind].quantities
    wanted = "value" if kind == "sensor" else name
    if wanted not in quantities:
        raise UnknownQuantityError(f"a {kind} has no {name!r}; it has {sorted(quantities)}")
    return list(quantities).index(wanted), quantities[wanted]
