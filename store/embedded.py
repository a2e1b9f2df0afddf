"""The embedded store: readings and records of one site in one SQLite file.

A write-ahead log, synced at every commit (`full_sync`): what was committed survives a killed
process and a lost mains. Exactly one thread writes; any thread reads what was committed.
"""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Self

from model.cases import Case, Transition
from model.facts import DeviceKind, Fact
from model.orders import OrderRecord
from store import audit, history, records
from store.audit import AuditCheck
from store.database import LOCK_WAIT_S, Readers, hold_folder, open_writer
from store.errors import StoreBusyError, named_errors
from store.history import Point
from store.sources import Sources
from store.tables import COUNTED, MIGRATIONS, READING_TABLES
from store.taking_in import Intake
from store.transaction import Transaction

FILE_NAME = "yinding.sqlite"


class Store:
    """Readings, cases, orders and receipts of one site, on disk."""

    def __init__(self, path: Path, db: sqlite3.Connection, readers: Readers, hold: int) -> None:
        self.path = path
        self._db = db
        self._readers = readers
        self._hold = hold
        self._writing = Lock()
        self._tally: Counter[str] = Counter()
        self._sources = Sources(db)
        self._intake = Intake(db, self._sources, self._tally)

    @classmethod
    def open(cls, folder: Path, *, full_sync: bool = True) -> Self:
        """Open or make the store in a folder; see `store.errors` for what can be refused."""
        hold = hold_folder(folder)
        path = folder / FILE_NAME
        try:
            db = open_writer(path, full_sync=full_sync, migrations=MIGRATIONS)
            return cls(path, db, Readers(path), hold)
        except BaseException:
            os.close(hold)
            raise

    def close(self) -> None:
        """Close all connections and let go of the folder."""
        self._readers.close()
        self._db.close()
        os.close(self._hold)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One commit: all of it is on disk when the block ends, or none if it raises."""
        if not self._writing.acquire(timeout=LOCK_WAIT_S):
            raise StoreBusyError(f"{self.path}: another thread is writing")
        try:
            with named_errors(self.path), self._commit_or_roll_back():
                yield Transaction(self._db, self._sources, self._intake, self._tally)
        finally:
            self._writing.release()

    @contextmanager
    def _commit_or_roll_back(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._write_tally()
            self._db.execute("COMMIT")
        except BaseException:
            # SQLite rolls back by itself on some failures, such as a full disk.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._tally.clear()
            self._intake.forget()
            self._sources.reload()
            raise

    def _write_tally(self) -> None:
        self._db.executemany(
            "INSERT INTO tally VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET taken = taken + excluded.taken",
            [(name, taken) for name, taken in self._tally.items() if taken],
        )
        self._tally.clear()

    def series(
        self,
        kind: str,
        id: str,  # noqa: A002 - the contract's own word
        quantity: str,
        start: datetime,
        end: datetime,
        *,
        step_s: float | None = None,
    ) -> list[Point]:
        """One quantity over time, oldest first; with `step_s`, down-sampled in the store."""
        with self._readers.connection() as db:
            return history.series(db, kind, id, quantity, start=start, end=end, step_s=step_s)

    def cases(
        self, *, open_only: bool = False, limit: int = 50, before: str | None = None
    ) -> list[Case]:
        """Cases, newest first; `before` is the last id of the page before."""
        with self._readers.connection() as db:
            return records.cases(db, open_only=open_only, limit=limit, before=before)

    def case(self, case_id: str) -> Case | None:
        """One case, or none of that id."""
        with self._readers.connection() as db:
            return records.case(db, case_id)

    def transitions(self, case_id: str) -> list[Transition]:
        """A case's history in order."""
        with self._readers.connection() as db:
            return records.transitions(db, case_id)

    def orders(
        self,
        *,
        case: str | None = None,
        device: str | None = None,
        unfinished: bool = False,
        limit: int = 200,
    ) -> list[OrderRecord]:
        """Orders, newest first, of a case, a device, or those still on their way."""
        with self._readers.connection() as db:
            return records.orders(db, case=case, device=device, unfinished=unfinished, limit=limit)

    def latest(self, kind: DeviceKind | str) -> list[Fact]:
        """The newest facts of every device of a kind."""
        with self._readers.connection() as db:
            return records.latest(db, kind)

    def events(
        self, *, kind: str | None = None, source: str | None = None, limit: int = 200
    ) -> list[Fact]:
        """Receipts, alarms, status changes, decisions and lane changes, newest first."""
        with self._readers.connection() as db:
            return records.events(db, kind=kind, source=source, limit=limit)

    def state(self, name: str) -> bytes | None:
        """A decider's snapshot, or none before its first."""
        with self._readers.connection() as db:
            return records.snapshot(db, name)

    def counts(self) -> dict[str, int]:
        """Rows taken in per table, with `readings` as the sum of the field's."""
        with self._readers.connection() as db:
            taken = records.counts(db)
        tables = {name: taken.get(name, 0) for name in COUNTED}
        readings = sum(tables[name] for name in READING_TABLES)
        return tables | {"readings": readings, "quantity_refused": taken.get("quantity_refused", 0)}

    def audit_verify(self) -> AuditCheck:
        """Whether the audit chain is whole."""
        with self._readers.connection() as db:
            return audit.verify(db)
