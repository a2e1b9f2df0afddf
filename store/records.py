"""What the room looks up: cases with their history, orders, events, the newest of every device."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from model.cases import Case, Transition
from model.facts import (
    Body,
    BollardReceipt,
    BollardState,
    CounterReading,
    Decision,
    DensityBlind,
    DensityLive,
    DeviceKind,
    DeviceStatus,
    Fact,
    SensorAlarm,
    SensorReading,
    TerminalReceipt,
)
from model.orders import OrderRecord
from store.newest import recalled
from store.sql import Database
from store.stamps import from_ms
from store.tables import COUNTED, READING_TABLES

ROWS_AT_MOST = 1000
_NEWEST_MS = 2**62

_BODIES: Final[dict[str, type[Body]]] = {
    kind.__name__: kind
    for kind in (
        DeviceStatus,
        DensityLive,
        DensityBlind,
        CounterReading,
        SensorReading,
        SensorAlarm,
        TerminalReceipt,
        BollardReceipt,
        BollardState,
        Decision,
    )
}


def cases(
    db: Database, *, open_only: bool = False, limit: int = 50, before: str | None = None
) -> list[Case]:
    """Cases, newest first; `before` is the id of the last case of the page before."""
    rows = db.execute(
        "SELECT body FROM warning_case WHERE (NOT :open_only OR state <> 'closed')"
        " AND (:before IS NULL OR (opened_ms, id) <"
        "  (SELECT opened_ms, id FROM warning_case WHERE id = :before))"
        " ORDER BY opened_ms DESC, id DESC LIMIT :limit",
        {"open_only": open_only, "before": before, "limit": min(limit, ROWS_AT_MOST)},
    )
    return [msgspec.json.decode(body, type=Case) for (body,) in rows]


def case(db: Database, case_id: str) -> Case | None:
    row = db.execute("SELECT body FROM warning_case WHERE id = ?", (case_id,)).fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=Case)


def transitions(db: Database, case_id: str) -> list[Transition]:
    """A case's whole history in order."""
    rows = db.execute("SELECT body FROM transition WHERE case_id = ? ORDER BY serial", (case_id,))
    return [msgspec.json.decode(body, type=Transition) for (body,) in rows]


def zone_steps(db: Database, since: datetime) -> list[tuple[Case, Transition]]:
    """What happened in the zones' cases since a time, oldest first; devices' faults are passed over."""
    changed: list[Case] = []
    page: tuple[int, str] | None = (_NEWEST_MS, "")
    while page is not None:
        rows = db.execute(
            "SELECT opened_ms, id, body FROM warning_case"
            " WHERE subject_kind = 'zone' AND (opened_ms, id) < (?, ?)"
            " ORDER BY opened_ms DESC, id DESC LIMIT ?",
            (*page, ROWS_AT_MOST),
        ).fetchall()
        cases = (msgspec.json.decode(body, type=Case) for _, _, body in rows)
        changed += [case for case in cases if case.changed >= since]
        page = rows[-1][:2] if len(rows) == ROWS_AT_MOST else None
    steps = [(case, step) for case in changed for step in transitions(db, case.id)]
    fresh = [(case, step) for case, step in steps if step.at >= since]
    return sorted(fresh, key=lambda pair: (pair[1].at, pair[1].serial))


def orders(
    db: Database,
    *,
    case: str | None = None,
    device: str | None = None,
    unfinished: bool = False,
    limit: int = 200,
) -> list[OrderRecord]:
    """Orders, newest first, of a case, a device, or those still on their way."""
    wanted = [
        clause
        for clause, asked in (
            ("case_id = :case", case is not None),
            ("device = :device", device is not None),
            ("finished = 0", unfinished),
        )
        if asked
    ]
    where = "WHERE " + " AND ".join(wanted) if wanted else ""
    rows = db.execute(
        f"SELECT body FROM device_order {where} ORDER BY counter DESC LIMIT :limit",  # noqa: S608 - constant clauses
        {"case": case, "device": device, "limit": limit},
    )
    return [_order(body) for (body,) in rows]


def _order(body: bytes) -> OrderRecord:
    return msgspec.json.decode(body, type=OrderRecord)


def latest(db: Database, kind: DeviceKind | str) -> list[Fact]:
    """The newest status, state and alarms of every device of a kind."""
    rows = db.execute(
        "SELECT kind, source, arrived_ms, type, body FROM latest WHERE kind = ?", (kind,)
    )
    return [fact_of(*row) for row in rows]


def events(
    db: Database,
    *,
    kind: str | None = None,
    source: str | None = None,
    limit: int = 200,
) -> list[Fact]:
    """Receipts, alarms, status changes, decisions and lane changes, newest first."""
    rows = db.execute(
        "SELECT kind, source, arrived_ms, type, body FROM event"
        " WHERE (:kind IS NULL OR kind = :kind) AND (:source IS NULL OR source = :source)"
        " ORDER BY serial DESC LIMIT :limit",
        {"kind": kind, "source": source, "limit": min(limit, ROWS_AT_MOST)},
    )
    return [fact_of(*row) for row in rows]


def snapshot(db: Database, name: str) -> bytes | None:
    row = db.execute("SELECT body FROM snapshot WHERE name = ?", (name,)).fetchone()
    return None if row is None else bytes(row[0])


def counts(db: Database) -> dict[str, int]:
    """How many rows each table ever took in, and `readings` of all; retention does not lower them."""
    rows = db.execute("SELECT name, taken FROM tally")
    taken = {str(name): int(count) for name, count in rows}
    tables = {name: taken.get(name, 0) for name in COUNTED}
    readings = sum(tables[name] for name in READING_TABLES)
    return tables | {"readings": readings, "quantity_refused": taken.get("quantity_refused", 0)}


def fact_of(kind: str, source: str, arrived_ms: int, type_name: str, body: bytes) -> Fact:
    """A row of the events as the fact that it was."""
    decoded = msgspec.json.decode(body, type=_BODIES[type_name])
    return recalled(kind, source, from_ms(arrived_ms), decoded)
