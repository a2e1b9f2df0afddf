"""The newest reading of every device, as facts again, straight from the reading tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
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
from store.stamps import from_ms
from store.taking_in import CAMERA_NUMBERS

NEVER_FRESH = float("-inf")
"""The monotonic arrival of a fact that was read back: it is older than any limit."""


def newest_readings(db: sqlite3.Connection, kind: str) -> list[Fact]:
    """One fact per camera or counter, one per quantity of a sensor; none for other kinds.

    Readings are stored with the field's time only, which stands for their arrival as well.
    """
    match kind:
        case DeviceKind.CAMERA:
            return [recalled(kind, name, body.at, body) for name, body in _cameras(db)]
        case DeviceKind.COUNTER:
            return [recalled(kind, name, body.at, body) for name, body in _counters(db)]
        case DeviceKind.SENSOR:
            return [recalled(kind, name, body.at, body) for name, body in _sensors(db)]
        case _:
            return []


def recalled(kind: str, source: str, arrived: datetime, body: Body) -> Fact:
    """A fact as read back; its monotonic arrival is over, so that it never counts as fresh."""
    known: DeviceKind | Literal["person"] = "person" if kind == "person" else DeviceKind(kind)
    return Fact(
        kind=known, source=source, arrived=arrived, arrived_monotonic_s=NEVER_FRESH, body=body
    )


def _cameras(db: sqlite3.Connection) -> Iterator[tuple[str, DensityLive | DensityBlind]]:
    rows = db.execute(
        "SELECT s.name, m.name, r.* FROM source s"
        " JOIN camera_reading r ON r.source = s.id AND r.at_ms ="
        " (SELECT max(at_ms) FROM camera_reading WHERE source = s.id)"
        " JOIN source m ON m.id = r.model WHERE s.kind = 'camera'"
    )
    for name, model, _source, at_ms, _model, blind, *numbers in rows:
        if blind is not None:
            yield name, DensityBlind(at=from_ms(at_ms), reason=blind, model=model)
        else:
            told = dict(zip(CAMERA_NUMBERS, numbers, strict=True))
            yield name, DensityLive(at=from_ms(at_ms), model=model, **told)


def _counters(db: sqlite3.Connection) -> Iterator[tuple[str, CounterReading]]:
    rows = db.execute(
        "SELECT s.name, r.boot, r.seq, r.at_ms, r.in_total, r.out_total FROM source s"
        " JOIN counter_reading r ON r.source = s.id AND (r.boot, r.seq) ="
        " (SELECT boot, seq FROM counter_reading WHERE source = s.id"
        "  ORDER BY at_ms DESC, seq DESC LIMIT 1) WHERE s.kind = 'counter'"
    )
    for name, boot, seq, at_ms, in_total, out_total in rows:
        yield (
            name,
            CounterReading(
                at=from_ms(at_ms), boot=boot, seq=seq, in_total=in_total, out_total=out_total
            ),
        )


def _sensors(db: sqlite3.Connection) -> Iterator[tuple[str, SensorReading]]:
    rows = db.execute(
        "SELECT s.name, s.quantity, s.unit, r.at_ms, r.seq, r.value FROM source s"
        " JOIN sensor_reading r ON r.source = s.id AND (r.at_ms, r.seq) ="
        " (SELECT at_ms, seq FROM sensor_reading WHERE source = s.id"
        "  ORDER BY at_ms DESC, seq DESC LIMIT 1) WHERE s.kind = 'sensor'"
    )
    for name, quantity, unit, at_ms, seq, value in rows:
        yield (
            name,
            SensorReading(
                at=from_ms(at_ms), quantity=quantity, unit=unit, value=value, seq=seq or None
            ),
        )
