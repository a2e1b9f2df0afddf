"""What was: readings of one device or zone over time, down-sampled where the store keeps them."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Final

import msgspec

from model.facts import Stamp
from store.stamps import from_ms, to_ms
from store.taking_in import CAMERA_NUMBERS

POINTS_AT_MOST = 20_000
"""No answer is longer; a longer span needs a `step_s`."""


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a series: mean, low (minimum), high (maximum) of the `n` readings in it.

    `at` is where the step begins. A step without any reading has no point: missing is not zero.
    """

    at: Stamp
    mean: float
    low: float
    high: float
    n: int


class UnknownQuantityError(ValueError):
    """This kind of source has no such quantity."""


_BLIND_CAMERA: Final = "(blind IS NOT NULL)"
_ZONE_COLUMNS = ("occupancy", "occupancy_low", "occupancy_high", "density_p_m2", "peak_p_m2")

COLUMNS: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "camera": (
        "camera_reading",
        # A mean of directions says nothing: north is both 1 and 359 degrees.
        {name: name for name in CAMERA_NUMBERS if name != "direction_deg"}
        | {"blind": _BLIND_CAMERA},
    ),
    "zone": (
        "zone_reading",
        {name: name for name in _ZONE_COLUMNS}
        | {"blind": "(sight = 'blind')", "partial": "(sight = 'partial')"},
    ),
    "counter": ("counter_reading", {"in_total": "in_total", "out_total": "out_total"}),
    "sensor": ("sensor_reading", {}),
}
"""Which quantities each kind has, and how the store works them out. A sensor has what it sends."""


def series(
    db: sqlite3.Connection,
    kind: str,
    name: str,
    quantity: str,
    *,
    start: datetime,
    end: datetime,
    step_s: float | None = None,
) -> list[Point]:
    """Readings of one quantity from `start` until before `end`, oldest first."""
    source = _source(db, kind, name, quantity)
    if source is None:
        return []
    span = {"source": source, "start": to_ms(start), "end": to_ms(end), "limit": POINTS_AT_MOST}
    span["step"] = _step_ms(step_s)
    return [
        Point(at=from_ms(at_ms), mean=mean, low=low, high=high, n=n)
        for at_ms, mean, low, high, n in db.execute(_statement(kind, quantity, step_s), span)
    ]


def _step_ms(step_s: float | None) -> int:
    if step_s is None:
        return 1
    if step_s < 0.001:
        raise ValueError("step_s must be at least a millisecond")
    return round(step_s * 1000)


def _source(db: sqlite3.Connection, kind: str, name: str, quantity: str) -> int | None:
    """The number of the source; of a sensor that changed its unit, the newer one."""
    if kind not in COLUMNS:
        raise UnknownQuantityError(f"no readings of kind {kind!r}; there are {sorted(COLUMNS)}")
    row = db.execute(
        "SELECT id FROM source WHERE kind = ? AND name = ? AND quantity = ? ORDER BY id DESC",
        (kind, name, quantity if kind == "sensor" else ""),
    ).fetchone()
    return None if row is None else int(row[0])


def _statement(kind: str, quantity: str, step_s: float | None) -> str:
    table, columns = COLUMNS[kind]
    column = "value" if kind == "sensor" else columns.get(quantity)
    if column is None:
        raise UnknownQuantityError(f"a {kind} has no {quantity!r}; it has {sorted(columns)}")
    where = (
        f" FROM {table} WHERE source = :source AND at_ms >= :start AND at_ms < :end"
        f" AND {column} IS NOT NULL"
    )
    # Table and column come from the constant map above, never from a caller.
    if step_s is None:
        return f"SELECT at_ms, {column}, {column}, {column}, 1{where} ORDER BY at_ms LIMIT :limit"
    return (
        f"SELECT at_ms / :step * :step AS step_at, avg({column}), min({column}), max({column}),"
        f" count(*){where} GROUP BY step_at ORDER BY step_at LIMIT :limit"
    )
