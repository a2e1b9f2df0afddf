"""The newest reading of every device, as facts again."""

from __future__ import annotations

import math
import sqlite3
from datetime import datetime
from typing import Literal

from model.facts import (
    Body,
    CounterReading,
    DensityBlind,
    DensityLive,
    DeviceKind,
    Fact,
    SensorReading,
)
from store.columns import CAMERA_NUMBERS
from store.history import Source, sources, words
from store.open_rows import OpenRows, Row
from store.stamps import from_ms

NEVER_FRESH = float("-inf")
"""The monotonic arrival of a fact that was read back: it is older than any limit."""


def newest_readings(db: sqlite3.Connection, open_rows: OpenRows, kind: str) -> list[Fact]:
    """One fact per camera or counter, one per quantity of a sensor; none for other kinds.

    Readings are stored with the field's time only, which stands for their arrival as well.
    """
    if kind not in (DeviceKind.CAMERA, DeviceKind.COUNTER, DeviceKind.SENSOR):
        return []
    newest = [(source, open_rows.newest(source.number)) for source in sources(db, kind)]
    # Read after the rows: every word in them is on disk by then.
    known = words(db)
    return [
        recalled(kind, source.name, from_ms(int(row[0])), body_of(source, row, known))
        for source, row in newest
        if row is not None
    ]


def recalled(kind: str, source: str, arrived: datetime, body: Body) -> Fact:
    """A fact as read back; its monotonic arrival is over, so that it never counts as fresh."""
    known: DeviceKind | Literal["person"] = "person" if kind == "person" else DeviceKind(kind)
    return Fact(
        kind=known, source=source, arrived=arrived, arrived_monotonic_s=NEVER_FRESH, body=body
    )


def body_of(source: Source, row: Row | list[float], known: dict[int, str]) -> Body:
    """A row of a camera, counter or sensor as the reading that it was."""
    at = from_ms(int(row[0]))
    match source.kind:
        case "camera":
            model, blind, *numbers = row[1:]
            if not math.isnan(blind):
                return DensityBlind(at=at, reason=known[int(blind)], model=known[int(model)])
            told = {
                name: None if math.isnan(number) else number
                for name, number in zip(CAMERA_NUMBERS, numbers, strict=True)
            }
            return DensityLive(at=at, model=known[int(model)], **told)  # type: ignore[arg-type]
        case "counter":
            boot, seq, in_total, out_total = (int(each) for each in row[1:])
            return CounterReading(
                at=at, boot=known[boot], seq=seq, in_total=in_total, out_total=out_total
            )
        case _:
            return SensorReading(
                at=at,
                quantity=source.quantity,
                unit=source.unit,
                value=row[2],
                seq=int(row[1]) or None,
            )
