"""Readings of an older store, one row each, packed into blocks when it is opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import numpy as np

from store.columns import CAMERA_NUMBERS, SIGHTS, ZONE_NUMBERS
from store.open_rows import OpenRows
from store.packing import Rows
from store.readings import Readings
from store.sources import Sources

_ROWS_AT_ONCE = 200_000

_OLD = {
    "camera": f"at_ms, model, blind, {', '.join(CAMERA_NUMBERS)}",
    "zone": f"at_ms, sight, {', '.join(ZONE_NUMBERS)}",
    "counter": "at_ms, boot, seq, in_total, out_total",
    "sensor": "at_ms, seq, value",
}


def rows_to_blocks(db: sqlite3.Connection) -> None:
    """Move all reading tables into blocks, and drop them."""
    db.execute("UPDATE source SET kind = 'word' WHERE kind = 'model'")
    known = Sources(db)
    for kind, columns in _OLD.items():
        for number in [each for each, sort in known.kinds.items() if sort == kind]:
            readings = Readings(db, OpenRows())
            for rows in _old_rows(db, known, kind, columns, number):
                readings.add_history(kind, number, rows)
        db.execute(f"DROP TABLE {kind}_reading")


def _old_rows(
    db: sqlite3.Connection, known: Sources, kind: str, columns: str, source: int
) -> Iterator[Rows]:
    # Kind and columns come from the map above, never from a caller.
    cursor = db.execute(
        f"SELECT {columns} FROM {kind}_reading WHERE source = ? ORDER BY at_ms",  # noqa: S608
        (source,),
    )
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        yield np.array([_numbers(known, kind, row) for row in rows], np.float64)


def _numbers(known: Sources, kind: str, row: tuple[object, ...]) -> list[float | None]:
    numbers: list[object] = list(row)
    word = {"camera": 2, "counter": 1}.get(kind)
    if word is not None and numbers[word] is not None:
        numbers[word] = known.number("word", str(numbers[word]))
    if kind == "zone":
        numbers[1] = [sight.value for sight in SIGHTS].index(str(numbers[1]))
    return [None if each is None else float(str(each)) for each in numbers]
