"""Taking facts in: each is stored once, however often it is told.

The key that makes two facts the same one:

camera density    camera, time (to the millisecond)
counter           counter, boot, sequence number
sensor reading    sensor, quantity, unit, time, sequence number
bollard state     lane, time, sequence number
alarm             sensor, alarm, state, time
status            device, state, time; a last will has no time and is always new
receipt           device, order, stage or result
decision          person, decision id
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from operator import attrgetter

import msgspec

from model.facts import (
    BollardReceipt,
    BollardState,
    CounterReading,
    Decision,
    DensityBlind,
    DensityLive,
    DeviceStatus,
    Fact,
    SensorAlarm,
    SensorReading,
    TerminalReceipt,
)
from store.columns import CAMERA_NUMBERS, TABLES
from store.open_rows import Row
from store.readings import Readings, row_of
from store.sources import Sources
from store.sql import Database
from store.stamps import to_ms

Remembered = DeviceStatus | SensorAlarm | TerminalReceipt | BollardReceipt | BollardState | Decision
"""What is remembered by its key in `seen`; readings are remembered by their own rows."""


class Intake:
    """Writes facts within the transaction in progress and says of each whether it was new."""

    def __init__(
        self, db: Database, readings: Readings, sources: Sources, tally: Counter[str]
    ) -> None:
        self._db = db
        self._readings = readings
        self._sources = sources
        self._tally = tally
        self._postures: dict[str, tuple[str, str, str | None]] = {}

    def forget(self) -> None:
        """Drop what was remembered of a transaction that was rolled back."""
        self._postures.clear()

    def take(self, facts: Sequence[Fact]) -> tuple[bool, ...]:
        """Store the facts in order; True for new, False for one that was stored before."""
        latest: dict[tuple[str, str, str], Fact] = {}
        new = []
        for fact in facts:
            is_new = self._take_one(fact)
            new.append(is_new)
            if is_new and (topic := _latest_topic(fact)) is not None:
                latest[fact.kind, fact.source, topic] = fact
        self._write_latest(latest)
        return tuple(new)

    def _take_one(self, fact: Fact) -> bool:
        match fact.body:
            case DensityLive() | DensityBlind() as density:
                return self._camera(fact, density)
            case CounterReading() as reading:
                return self._counter(fact, reading)
            case SensorReading() as reading:
                return self._sensor(fact, reading)
            case BollardState() as state:
                return self._bollard(fact, state)
            case other:
                return self._remember(fact, other) and self._event(fact)

    def _reading(self, kind: str, source: int, row: Row) -> bool:
        is_new = self._readings.add(kind, source, row)
        self._tally[TABLES[kind]] += is_new
        return is_new

    def _camera(self, fact: Fact, body: DensityLive | DensityBlind) -> bool:
        source = self._sources.number(fact.kind, fact.source)
        model = self._sources.number("word", body.model)
        values: tuple[float | None, ...]
        if isinstance(body, DensityBlind):
            values = (model, self._sources.number("word", body.reason), *_NO_NUMBERS)
        else:
            values = (model, None, *_camera_numbers(body))
        return self._reading("camera", source, row_of("camera", to_ms(body.at), values))

    def _counter(self, fact: Fact, reading: CounterReading) -> bool:
        source = self._sources.number(fact.kind, fact.source)
        boot = self._sources.number("word", reading.boot)
        values = (boot, reading.seq, reading.in_total, reading.out_total)
        return self._reading("counter", source, row_of("counter", to_ms(reading.at), values))

    def _sensor(self, fact: Fact, reading: SensorReading) -> bool:
        source = self._sources.quantity(fact.source, reading.quantity, reading.unit)
        if source is None:
            self._tally["quantity_refused"] += 1
            return False
        values = (reading.seq or 0, reading.value)
        return self._reading("sensor", source, row_of("sensor", to_ms(reading.at), values))

    def _bollard(self, fact: Fact, state: BollardState) -> bool:
        """A lane reports every second; only what changed becomes an event."""
        if not self._remember(fact, state):
            return False
        before = self._postures.get(fact.source) or self._stored_posture(fact.source)
        posture = _posture(state)
        self._postures[fact.source] = posture
        if posture != before:
            self._event(fact)
        return True

    def _stored_posture(self, lane: str) -> tuple[str, str, str | None] | None:
        row = self._db.execute(
            "SELECT body FROM latest WHERE kind = 'bollard' AND source = ? AND topic = 'state'",
            (lane,),
        ).fetchone()
        return None if row is None else _posture(msgspec.json.decode(row[0], type=BollardState))

    def _remember(self, fact: Fact, body: Remembered) -> bool:
        key = _key(fact, body)
        if key is None:
            return True
        row = (key, to_ms(fact.field_time))
        return (
            self._db.execute("INSERT INTO seen VALUES (?, ?) ON CONFLICT DO NOTHING", row).rowcount
            == 1
        )

    def _event(self, fact: Fact) -> bool:
        self._db.execute(
            "INSERT INTO event (at_ms, arrived_ms, kind, source, type, body)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (to_ms(fact.field_time), to_ms(fact.arrived), fact.kind, fact.source, *_packed(fact)),
        )
        self._tally["event"] += 1
        return True

    def _write_latest(self, latest: dict[tuple[str, str, str], Fact]) -> None:
        if not latest:
            return
        self._db.executemany(
            "INSERT INTO latest VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (kind, source, topic)"
            " DO UPDATE SET arrived_ms = excluded.arrived_ms, type = excluded.type,"
            " body = excluded.body",
            list(_latest_rows(latest)),
        )


_NO_NUMBERS = (None,) * len(CAMERA_NUMBERS)
_camera_numbers = attrgetter(*CAMERA_NUMBERS)


def _latest_rows(
    latest: dict[tuple[str, str, str], Fact],
) -> Iterable[tuple[str, str, str, int, str, bytes]]:
    for (kind, source, topic), fact in latest.items():
        type_name, body = _packed(fact)
        yield kind, source, topic, to_ms(fact.arrived), type_name, body


def _packed(fact: Fact) -> tuple[str, bytes]:
    return type(fact.body).__name__, msgspec.json.encode(fact.body)


def _posture(state: BollardState) -> tuple[str, str, str | None]:
    return state.position, state.loop, state.fault


def _latest_topic(fact: Fact) -> str | None:
    """Under which name the newest of its kind is kept beside the history.

    None for what is only history, and for readings: their newest row is found at once.
    """
    match fact.body:
        case SensorAlarm(id=alarm):
            return f"alarm:{alarm}"
        case DeviceStatus():
            return "status"
        case BollardState():
            return "state"
        case _:
            return None


def _key(fact: Fact, body: Remembered) -> bytes | None:
    """The natural key as bytes; time-like keys sort by time, so that new ones stay together."""
    who = (fact.kind, fact.source)
    match body:
        case BollardState():
            moment = to_ms(body.at).to_bytes(8, "big", signed=True)
            return moment + _digest("state", *who, str(body.seq))
        case DeviceStatus():
            return (
                None
                if body.at is None
                else _digest("status", *who, str(to_ms(body.at)), body.state)
            )
        case SensorAlarm():
            return _digest("alarm", *who, str(to_ms(body.at)), body.id, body.state)
        case TerminalReceipt():
            return _digest("receipt", *who, body.order, body.stage)
        case BollardReceipt():
            return _digest("receipt", *who, body.order, body.result)
        case Decision():
            return _digest("decision", *who, body.id)


def _digest(*parts: str) -> bytes:
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).digest()
