"""What was: readings of one device or zone over time, or of many at once, down-sampled.

A step that is a whole number of minutes, quarter-hours or hours is answered from the tier of that
length; what is not packed yet, and the ends of the span that cut a step, from the readings.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Final

import msgspec
import numpy as np

from model.facts import Stamp
from store.columns import Quantity, UnknownQuantityError, quantity_of
from store.open_rows import OpenRows
from store.packing import Rows, unpack
from store.readings import block_key
from store.stamps import from_ms, to_ms
from store.tiers import (
    HOURS,
    MINUTES,
    QUARTERS,
    RAW,
    STEP_MS,
    columns_of,
    gathered,
    one_by_one,
)

POINTS_AT_MOST: Final = 20_000
"""No answer is longer; a longer span needs a `step_s`."""

__all__ = ["POINTS_AT_MOST", "Curve", "Point", "Source", "UnknownQuantityError"]


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a series: mean, low (minimum), high (maximum) of the `n` readings in it.

    `at` is where the step begins. A step without any reading has no point: missing is not zero.
    """

    at: Stamp
    mean: float
    low: float
    high: float
    n: int


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """A series as columns: `at_ms` since 1970 where each step begins, and its numbers."""

    at_ms: Rows
    n: Rows
    mean: Rows
    low: Rows
    high: Rows


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Who sends readings; `quantity` and `unit` are empty but for sensors."""

    number: int
    kind: str
    name: str
    quantity: str = ""
    unit: str = ""


def sources(db: sqlite3.Connection, kind: str | None = None) -> list[Source]:
    """Who ever sent readings, in the order in which they first did."""
    rows = db.execute(
        "SELECT id, kind, name, quantity, unit FROM source"
        " WHERE (:kind IS NULL OR kind = :kind) AND kind <> 'word' ORDER BY id",
        {"kind": kind},
    )
    return [
        Source(number=number, kind=sort, name=name, quantity=quantity, unit=unit)
        for number, sort, name, quantity, unit in rows
    ]


def words(db: sqlite3.Connection) -> dict[int, str]:
    """The words that stand as numbers in rows: models, reasons of blindness, boots."""
    return dict(db.execute("SELECT id, name FROM source WHERE kind = 'word'").fetchall())


def series(
    db: sqlite3.Connection,
    open_rows: OpenRows,
    kind: str,
    name: str,
    quantity: str,
    *,
    start: datetime,
    end: datetime,
    step_s: float | None = None,
) -> list[Point]:
    """Readings of one quantity from `start` until before `end`, oldest first."""
    found = curves(
        db, open_rows, kind, quantity, start=start, end=end, step_s=step_s, names=(name,)
    ).get(name)
    if found is None:
        return []
    columns = (found.at_ms, found.mean, found.low, found.high, found.n)
    rows = zip(*(column[:POINTS_AT_MOST].tolist() for column in columns), strict=True)
    return [
        Point(at=from_ms(int(at_ms)), mean=mean, low=low, high=high, n=int(n))
        for at_ms, mean, low, high, n in rows
    ]


def curves(
    db: sqlite3.Connection,
    open_rows: OpenRows,
    kind: str,
    quantity: str,
    *,
    start: datetime,
    end: datetime,
    step_s: float | None = None,
    names: Iterable[str] | None = None,
) -> dict[str, Curve]:
    """The same quantity of many sources of a kind, those without any reading left out.

    Where full resolution has been let go already, a first or last step that the span cuts is
    left out too.
    """
    place, read = quantity_of(kind, quantity)
    asked = _asked(db, kind, quantity, names)
    span = (float(to_ms(start)), float(to_ms(end)))
    step_ms = _step_ms(step_s)
    found = {}
    with _seen_at_once(db, open_rows, asked.values()) as held:
        for name, source in asked.items():
            parts = _parts(db, source, place, read, span=span, step_ms=step_ms)
            if (rows := held.get(source)) is not None:
                parts.append(_pieces(rows[:, 0], read.of(rows[:, read.column]), span))
            rows = _joined(parts, step_ms)
            if len(rows):
                at_ms, n, whole, low, high = rows.T
                found[name] = Curve(at_ms=at_ms, n=n, mean=whole / n, low=low, high=high)
    return found


def rows(
    db: sqlite3.Connection, open_rows: OpenRows, source: int, *, start: datetime, end: datetime
) -> Rows:
    """A source's readings as they were, in the layout of their kind, oldest first."""
    first, last = to_ms(start), to_ms(end)
    with _seen_at_once(db, open_rows, (source,)) as held:
        parts = [unpack(body) for body in _blocks(db, source, RAW, first, last)]
        if (unpacked := held.get(source)) is not None:
            parts.append(unpacked)
    if not parts:
        return np.empty((0, 0))
    every = np.concatenate(parts)
    every = every[(every[:, 0] >= first) & (every[:, 0] < last)]
    return every[np.argsort(every[:, 0], kind="stable")]


@contextmanager
def _seen_at_once(
    db: sqlite3.Connection, open_rows: OpenRows, wanted: Iterable[int]
) -> Iterator[Mapping[int, Rows]]:
    """Blocks and unpacked rows as of one commit: packing in between neither hides nor doubles."""
    with open_rows.lock:
        db.execute("BEGIN")
        db.execute("SELECT 1 FROM block LIMIT 1").fetchone()
        open_rows.refresh(db)
        held = {each: found for each in wanted if (found := open_rows.rows(each)) is not None}
    try:
        yield held
    finally:
        db.execute("COMMIT")


def _asked(
    db: sqlite3.Connection, kind: str, quantity: str, names: Iterable[str] | None
) -> dict[str, int]:
    """The numbers of the sources asked for; of a sensor that changed its unit, the newer one."""
    known = {
        each.name: each.number
        for each in sources(db, kind)
        if each.quantity == (quantity if kind == "sensor" else "")
    }
    if names is None:
        return known
    return {name: known[name] for name in names if name in known}


def _step_ms(step_s: float | None) -> int | None:
    if step_s is None:
        return None
    if step_s < 0.001:
        raise ValueError("step_s must be at least a millisecond")
    return round(step_s * 1000)


def _tier_for(step_ms: int | None) -> int:
    if step_ms is not None:
        for tier in (HOURS, QUARTERS, MINUTES):
            if step_ms % STEP_MS[tier] == 0:
                return tier
    return RAW


def _parts(
    db: sqlite3.Connection,
    source: int,
    place: int,
    read: Quantity,
    *,
    span: tuple[float, float],
    step_ms: int | None,
) -> list[Rows]:
    """Pieces `at_ms, n, sum, low, high` of what is packed within a span."""
    tier = _tier_for(step_ms)
    start, end = span
    if tier == RAW:
        return _raw_parts(db, source, read, span)
    step = STEP_MS[tier]
    whole_from, whole_to = -(-start // step) * step, end // step * step
    if whole_to <= whole_from:
        return _raw_parts(db, source, read, span)
    parts = _tier_parts(db, source, place, tier, (whole_from, whole_to))
    for edge in ((start, whole_from), (whole_to, end)):
        if edge[1] > edge[0]:
            parts += _raw_parts(db, source, read, edge)
    return parts


def _tier_parts(
    db: sqlite3.Connection, source: int, place: int, tier: int, span: tuple[float, float]
) -> list[Rows]:
    parts, (start, end) = [], span
    for body in _blocks(db, source, tier, start, end):
        found = unpack(body, columns_of(place))
        found[:, 0] *= STEP_MS[tier]
        wanted = (found[:, 0] >= start) & (found[:, 0] < end) & (found[:, 1] > 0)
        parts.append(found[wanted])
    return parts


def _raw_parts(
    db: sqlite3.Connection, source: int, read: Quantity, span: tuple[float, float]
) -> list[Rows]:
    parts = []
    for body in _blocks(db, source, RAW, *span):
        found = unpack(body, (0, read.column))
        parts.append(_pieces(found[:, 0], read.of(found[:, 1]), span))
    return parts


def _blocks(
    db: sqlite3.Connection, source: int, tier: int, start: float, end: float
) -> Iterator[bytes]:
    if end <= start:
        return
    between = (block_key(source, tier, start), block_key(source, tier, end - 1))
    for (body,) in db.execute("SELECT body FROM block WHERE key BETWEEN ? AND ?", between):
        yield body


def _pieces(at_ms: Rows, values: Rows, span: tuple[float, float]) -> Rows:
    wanted = (at_ms >= span[0]) & (at_ms < span[1])
    return one_by_one(at_ms[wanted], values[wanted])


def _joined(parts: list[Rows], step_ms: int | None) -> Rows:
    if step_ms is not None:
        return gathered(parts, step_ms)
    every = np.concatenate(parts) if parts else np.empty((0, 5))
    return every[np.argsort(every[:, 0], kind="stable")]
