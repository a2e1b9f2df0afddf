"""One transaction: everything that a step of the spine makes durable at once, or not at all."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from model.cases import Case, CaseState, Transition
from model.facts import Fact, Id, Stamp
from model.level import Sight
from model.orders import FINAL_ORDER_STATES, OrderRecord
from model.zones import ZoneView
from store import audit
from store.audit import AuditRecord
from store.sources import Sources
from store.stamps import to_ms
from store.taking_in import Intake

SEEN_FOR = timedelta(hours=26)
"""How long a key is remembered: facts over 24 h behind are refused before they come here."""

_COUNTER = "order_counter"
_ZONE_NUMBERS = ("occupancy", "occupancy_low", "occupancy_high", "density_p_m2", "peak_p_m2")


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """What one round of retention removed, and whether anything old is left."""

    rows: int
    finished: bool


class Transaction:
    """Writes within one commit; made by `Store.transaction()` and of no use after it."""

    def __init__(
        self, db: sqlite3.Connection, sources: Sources, intake: Intake, tally: Counter[str]
    ) -> None:
        self._db = db
        self._sources = sources
        self._intake = intake
        self._tally = tally

    def add_facts(self, facts: Sequence[Fact]) -> tuple[bool, ...]:
        """Store facts in order; True for a new one, False for one that is stored already."""
        return self._intake.take(facts)

    def add_zone_views(self, views: Iterable[ZoneView]) -> None:
        """Keep the zones' fused views, at most one per zone and second: the first of each."""
        for view in views:
            source = self._sources.number("zone", view.zone)
            at_ms = to_ms(view.at) // 1000 * 1000
            blind = view.sight is Sight.BLIND
            numbers = [None if blind else getattr(view, name) for name in _ZONE_NUMBERS]
            self._tally["zone_reading"] += self._db.execute(
                "INSERT INTO zone_reading VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (source, at_ms, view.sight, *numbers),
            ).rowcount

    def save_case(self, case: Case, transitions: Iterable[Transition] = ()) -> None:
        """Write a case as it stands now and add its new transitions.

        A second open case for one subject and hazard is our own bug and fails the transaction.
        """
        known = self._db.execute("SELECT 1 FROM warning_case WHERE id = ?", (case.id,)).fetchone()
        self._tally["warning_case"] += known is None
        self._db.execute(
            "INSERT INTO warning_case VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET state = excluded.state, body = excluded.body",
            (
                case.id,
                case.subject_kind,
                case.subject,
                case.hazard,
                case.exercise,
                CaseState(case.state),
                to_ms(case.opened),
                msgspec.json.encode(case),
            ),
        )
        rows = [(t.case, t.serial, msgspec.json.encode(t)) for t in transitions]
        self._db.executemany("INSERT INTO transition VALUES (?, ?, ?)", rows)
        self._tally["transition"] += len(rows)

    def save_order(self, order: OrderRecord) -> None:
        """Write an order as the outbox knows it now; id, device and counter never change."""
        known = self._db.execute("SELECT 1 FROM device_order WHERE id = ?", (order.id,)).fetchone()
        self._tally["device_order"] += known is None
        self._db.execute(
            "INSERT INTO device_order VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET finished = excluded.finished, body = excluded.body",
            (
                order.id,
                order.device,
                order.case,
                order.counter,
                order.state in FINAL_ORDER_STATES,
                msgspec.json.encode(order),
            ),
        )

    def last_counter(self) -> int:
        """The highest order counter ever given out; 0 in a new store."""
        body = self._read_snapshot(_COUNTER)
        return 0 if body is None else int(body)

    def set_last_counter(self, counter: int) -> None:
        """Note the highest counter given out; it only grows, also when the clock steps back."""
        if counter < self.last_counter():
            raise ValueError(f"order counter {counter} is below {self.last_counter()}")
        self.save_state(_COUNTER, str(counter).encode())

    def save_state(self, name: str, body: bytes) -> None:
        """Keep a decider's snapshot under its name, in place of the one before."""
        self._db.execute("INSERT OR REPLACE INTO snapshot VALUES (?, ?)", (name, body))

    def _read_snapshot(self, name: str) -> bytes | None:
        row = self._db.execute("SELECT body FROM snapshot WHERE name = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])

    def add_audit(
        self,
        *,
        at: Stamp,
        actor: Id,
        act: str,
        subject: str,
        detail: dict[str, str | int | float | bool | None] | None = None,
    ) -> AuditRecord:
        """Add one act to the audit chain."""
        self._tally["audit"] += 1
        return audit.append(
            self._db, at=at, actor=actor, act=act, subject=subject, detail=detail or {}
        )

    def prune(self, older_than: datetime, *, at_most_rows: int = 20_000) -> Pruned:
        """Remove readings and events from before a time, some thousand rows a round.

        Call it again until `finished`: a round stays short, so that warnings do not wait for it.
        Cases, orders and the audit are kept.
        """
        before = to_ms(older_than)
        removed = 0
        for table in ("camera_reading", "zone_reading", "sensor_reading", "counter_reading"):
            for (source,) in self._db.execute("SELECT id FROM source").fetchall():
                removed += self._db.execute(_PRUNE[table], (source, before)).rowcount
                if removed >= at_most_rows:
                    return Pruned(rows=removed, finished=False)
        events = self._db.execute(
            "DELETE FROM event WHERE serial IN (SELECT serial FROM event WHERE at_ms < ? LIMIT ?)",
            (before, at_most_rows - removed),
        ).rowcount
        return Pruned(rows=removed + events, finished=removed + events < at_most_rows)

    def forget_keys(self, now: datetime) -> int:
        """Forget the keys of facts that are too old to be let in again; how many.

        Alarms that were cleared before then are no longer kept as the newest of their device.
        """
        before = to_ms(now - SEEN_FOR)
        self._db.execute(
            "DELETE FROM latest WHERE type = 'SensorAlarm' AND arrived_ms < ?"
            " AND json_extract(CAST(body AS TEXT), '$.state') = 'cleared'",
            (before,),
        )
        return self._db.execute("DELETE FROM seen WHERE at_ms < ?", (before,)).rowcount


_PRUNE = {
    "camera_reading": "DELETE FROM camera_reading WHERE source = ? AND at_ms < ?",
    "zone_reading": "DELETE FROM zone_reading WHERE source = ? AND at_ms < ?",
    "sensor_reading": "DELETE FROM sensor_reading WHERE source = ? AND at_ms < ?",
    "counter_reading": "DELETE FROM counter_reading WHERE source = ? AND at_ms < ?",
}
