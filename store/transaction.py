"""One transaction: everything that a step of the spine makes durable at once, or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter

import msgspec

from model.cases import Case, CaseState, Transition
from model.facts import Fact, Id, Stamp
from model.level import Sight
from model.orders import FINAL_ORDER_STATES, OrderRecord
from model.zones import ZoneView
from store import audit
from store.audit import AuditRecord
from store.columns import SIGHTS, TABLES, ZONE_NUMBERS
from store.moved_history import Column, history_rows
from store.readings import Readings, row_of
from store.sources import Sources
from store.sql import Database
from store.stamps import to_ms
from store.taking_in import Intake
from store.tidying import Keeping, Tidying, forget_keys

_COUNTER = "order_counter"
_NO_NUMBERS = (None,) * len(ZONE_NUMBERS)
_zone_numbers = attrgetter(*ZONE_NUMBERS)


class Transaction:
    """Writes within one commit; made by `Store.transaction()` and of no use after it."""

    def __init__(
        self,
        *,
        db: Database,
        readings: Readings,
        sources: Sources,
        intake: Intake,
        tidying: Tidying,
        tally: Counter[str],
    ) -> None:
        self._db = db
        self._readings = readings
        self._sources = sources
        self._intake = intake
        self._tidying = tidying
        self._tally = tally

    def add_facts(self, facts: Sequence[Fact]) -> tuple[bool, ...]:
        """Store facts in order; True for a new one, False for one that is stored already."""
        return self._intake.take(facts)

    def add_zone_views(self, views: Iterable[ZoneView]) -> None:
        """Keep the zones' fused views, at most one per zone and second: the first of each."""
        for view in views:
            source = self._sources.number("zone", view.zone)
            blind = view.sight is Sight.BLIND
            numbers = _NO_NUMBERS if blind else _zone_numbers(view)
            row = row_of(
                "zone", to_ms(view.at) // 1000 * 1000, (SIGHTS.index(view.sight), *numbers)
            )
            self._tally[TABLES["zone"]] += self._readings.add("zone", source, row)

    def add_history(
        self,
        kind: str,
        name: str,
        columns: Mapping[str, Column],
        *,
        quantity: str = "",
        unit: str = "",
    ) -> int:
        """Store much history of one source at once: for simulated months and moved stores.

        `columns` holds `at_ms` (milliseconds since 1970) and the columns of the kind
        (`store.columns.LAYOUTS`); those left out, None and NaN have no value. Words, such as a
        camera's `model`, are given once for all rows or one a row; a zone's `sight` is its name.
        Packed at once, it costs a fraction of `add_facts`: give a day or more at a time. Nothing is
        judged on it. A reading whose moment is stored already is left out. Returns the rows given.
        """
        rows = history_rows(kind, columns, word=lambda text: self._sources.number("word", text))
        source = (
            self._sources.quantity(name, quantity, unit)
            if kind == "sensor"
            else self._sources.number(kind, name)
        )
        if source is None:
            raise ValueError(f"sensor {name} has too many quantities")
        self._readings.add_history(kind, source, rows)
        self._tally[TABLES[kind]] += len(rows)
        return len(rows)

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
                int(case.exercise),
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
                int(order.state in FINAL_ORDER_STATES),
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
        self._db.execute(
            "INSERT INTO snapshot VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET body = excluded.body",
            (name, body),
        )

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

    def tidy(self, now: datetime, keeping: Keeping) -> bool:
        """One short step of packing and forgetting; True when everything is done for a while."""
        return self._tidying.step(now, keeping)

    def forget_keys(self, now: datetime) -> int:
        """Forget the keys of facts that are too old to be let in again; how many."""
        return forget_keys(self._db, now)
