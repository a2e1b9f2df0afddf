"""The embedded store: readings and records of one site in one SQLite file.

A write-ahead log, synced at every commit (`full_sync`): what was committed survives a killed
process and a lost mains. Exactly one thread writes; any thread reads what was committed.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Self

from model.cases import Case, Transition
from model.facts import DeviceKind, Fact
from model.orders import OrderRecord
from store import audit, history, records
from store.audit import AuditCheck, AuditLine
from store.database import LOCK_WAIT_S, FolderHold, Readers, check_as_reader, open_writer
from store.errors import StoreBusyError, StoreMissingError, named_errors
from store.further_history import FurtherHistory
from store.history import Curve, Point, Source
from store.lease import Lease
from store.moment import Moment, readings_at, records_at
from store.newest import newest_readings
from store.open_rows import Journalled, OpenRows
from store.packing import Rows
from store.postgres import PostgresPlace
from store.readings import LookedUpRows, Readings, journalled, load_open_rows
from store.sources import Sources
from store.sql import Database
from store.tables import MIGRATIONS
from store.taking_in import Intake
from store.tidying import Tidying
from store.transaction import Transaction

FILE_NAME = "yinding.sqlite"


class StoreReader:
    """What was stored, for any thread; and for other processes while a service writes.

    Opened by itself it shows the readings as of that moment, and the records as they are.
    """

    def __init__(
        self,
        path: Path,
        readers: Readers,
        open_rows: OpenRows,
        records_there: PostgresPlace | None = None,
    ) -> None:
        self.path = path
        self._records_there = records_there
        self._readers = readers
        self._open_rows = open_rows
        self._further: FurtherHistory | None = None

    def look_further(self, history_there: FurtherHistory) -> None:
        """Ask a time-series server for what is kept here no longer."""
        self._further = history_there

    @classmethod
    def look(cls, folder: Path, *, records_there: PostgresPlace | None = None) -> StoreReader:
        """Look into the store of a folder, also while a service writes into it."""
        path = folder / FILE_NAME
        if not path.is_file():
            raise StoreMissingError(f"{path}: there is no store")
        readers = Readers(path, size=1)
        with readers.connection() as db:
            check_as_reader(db, path, MIGRATIONS)
        return StoreReader(path, readers, LookedUpRows(), records_there)

    def close(self) -> None:
        """Close all connections."""
        self._readers.close()
        if self._records_there is not None:
            self._records_there.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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
        further = self._further
        if further is not None and further.is_asked(start, step_s):
            return further.server.series(kind, id, quantity, start, end, step_s=step_s)
        with self._readers.connection() as db:
            return history.series(
                db, self._open_rows, kind, id, quantity, start=start, end=end, step_s=step_s
            )

    def curves(
        self,
        kind: str,
        quantity: str,
        start: datetime,
        end: datetime,
        *,
        step_s: float | None = None,
        names: Iterable[str] | None = None,
    ) -> dict[str, Curve]:
        """One quantity of many devices or zones of a kind (by default all), as columns."""
        with self._readers.connection() as db:
            return history.curves(
                db,
                self._open_rows,
                kind,
                quantity,
                start=start,
                end=end,
                step_s=step_s,
                names=names,
            )

    def sources(self, kind: str | None = None) -> list[Source]:
        """Who ever sent readings."""
        with self._readers.connection() as db:
            return history.sources(db, kind)

    def words(self) -> dict[int, str]:
        """The words behind the numbers in `rows`."""
        with self._readers.connection() as db:
            return history.words(db)

    def rows(self, source: Source, start: datetime, end: datetime) -> Rows:
        """Readings at full resolution, `at_ms` and the columns of the kind, oldest first."""
        with self._readers.connection() as db:
            return history.rows(db, self._open_rows, source.number, start=start, end=end)

    @contextmanager
    def _records(self) -> Iterator[Database]:
        """One connection to the records for one bounded query."""
        there = self._records_there
        with self._readers.connection() if there is None else there.reading() as db:
            yield db

    def cases(
        self, *, open_only: bool = False, limit: int = 50, before: str | None = None
    ) -> list[Case]:
        """Cases, newest first; `before` is the last id of the page before."""
        with self._records() as db:
            return records.cases(db, open_only=open_only, limit=limit, before=before)

    def case(self, case_id: str) -> Case | None:
        """One case, or none of that id."""
        with self._records() as db:
            return records.case(db, case_id)

    def transitions(self, case_id: str) -> list[Transition]:
        """A case's history in order."""
        with self._records() as db:
            return records.transitions(db, case_id)

    def zone_steps(self, since: datetime) -> list[tuple[Case, Transition]]:
        """What happened in the zones' cases since a time, oldest first."""
        with self._records() as db:
            return records.zone_steps(db, since)

    def orders(
        self,
        *,
        case: str | None = None,
        device: str | None = None,
        unfinished: bool = False,
        limit: int = 200,
    ) -> list[OrderRecord]:
        """Orders, newest first, of a case, a device, or those still on their way."""
        with self._records() as db:
            return records.orders(db, case=case, device=device, unfinished=unfinished, limit=limit)

    def latest(self, kind: DeviceKind | str) -> list[Fact]:
        """The newest facts of every device of a kind."""
        with self._records() as db:
            known = records.latest(db, kind)
        with self._readers.connection() as db, self._open_rows.lock:
            self._open_rows.refresh(db)
            return known + newest_readings(db, self._open_rows, kind)

    def moment(self, at: datetime) -> Moment:
        """The whole room as it was at one moment."""
        with self._readers.connection() as db:
            zones, readings = readings_at(db, self._open_rows, at)
        with self._records() as db:
            return records_at(db, at, zones, readings)

    def events(
        self, *, kind: str | None = None, source: str | None = None, limit: int = 200
    ) -> list[Fact]:
        """Receipts, alarms, status changes, decisions and lane changes, newest first."""
        with self._records() as db:
            return records.events(db, kind=kind, source=source, limit=limit)

    def state(self, name: str) -> bytes | None:
        """A decider's snapshot, or none before its first."""
        with self._records() as db:
            return records.snapshot(db, name)

    def counts(self) -> dict[str, int]:
        """Rows taken in per table, with `readings` as the sum of the field's."""
        with self._records() as db:
            return records.counts(db)

    def audit_verify(self, *, head: str | None = None) -> AuditCheck:
        """Whether the audit chain is whole, and leads over a head that was noted before."""
        with self._records() as db:
            return audit.verify(db, head=head)

    def audit(self, *, after: int = 0, limit: int = 1000) -> list[AuditLine]:
        """The audit's links after a serial, oldest first."""
        with self._records() as db:
            return audit.read(db, after=after, limit=limit)


class Store(StoreReader):
    """The store of one site, with the one connection that writes."""

    def __init__(
        self,
        path: Path,
        db: sqlite3.Connection,
        readers: Readers,
        hold: FolderHold,
        *,
        records_there: PostgresPlace | None = None,
        lease: Lease | None = None,
    ) -> None:
        super().__init__(path, readers, load_open_rows(db), records_there)
        self._db = db
        self._hold = hold
        self._lease = lease
        self._writing = Lock()
        self._tally: Counter[str] = Counter()
        self._sources = Sources(db)
        self._written = Readings(db, self._open_rows)
        kept: Database = db if records_there is None else records_there.db
        self._intake = Intake(kept, self._written, self._sources, self._tally)
        self._tidying = Tidying(kept, self._written, self._sources.kinds)

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        full_sync: bool = True,
        hold: FolderHold | None = None,
        records_there: PostgresPlace | None = None,
        lease: Lease | None = None,
    ) -> Self:
        """Open or make the store in a folder; see `store.errors` for what can be refused.

        Alone, unless a `hold` is shared under a `lease`. The records lie in the same file, or on
        PostgreSQL. `hold` and `records_there` are closed with the store.
        """
        if hold is None:
            hold = FolderHold(folder)
            if not hold.take_alone():
                hold.close()
                raise hold.in_use()
        path = folder / FILE_NAME
        try:
            db = open_writer(path, full_sync=full_sync, migrations=MIGRATIONS)
            return cls(path, db, Readers(path), hold, records_there=records_there, lease=lease)
        except BaseException:
            hold.close()
            raise

    def close(self) -> None:
        """Close all connections and let go of the folder."""
        super().close()
        self._db.close()
        self._hold.close()

    def journal(self, after: int, *, at_most: int) -> list[tuple[int, list[Journalled]]]:
        """What the commits after a serial brought, in their order."""
        with self._readers.connection() as db:
            return list(islice(journalled(db, after), at_most))

    def journal_after(self, serial: int) -> tuple[int, int | None]:
        """How many commits came after one, and the field time of the first reading among them."""
        with self._readers.connection() as db:
            asked = db.execute("SELECT count(*) FROM journal WHERE serial > ?", (serial,))
            commits = int(asked.fetchone()[0])
            first = next(journalled(db, serial), None)
        return commits, None if first is None else int(first[1][0][1][0])

    def journal_floor(self, at_most_bytes: int) -> int:
        """The serial up to which the journal has to be let go to keep within a size."""
        held = 0
        with self._readers.connection() as db:
            sizes = db.execute("SELECT serial, length(body) FROM journal ORDER BY serial DESC")
            for serial, length in sizes:
                held += length
                if held > at_most_bytes:
                    return int(serial)
        return 0

    def journal_kept_after(self, serial: Callable[[], int]) -> None:
        """Keep journal rows after a serial until somebody has sent them on."""
        self._tidying.journal_kept_after = serial

    def free_bytes(self) -> int:
        """What is free within the file, to be used again."""
        with self._readers.connection() as db:
            pages = int(db.execute("PRAGMA freelist_count").fetchone()[0])
            return pages * int(db.execute("PRAGMA page_size").fetchone()[0])

    @property
    def unpacked(self) -> int:
        """Readings that are in the journal and not packed yet."""
        return len(self._open_rows)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One commit: all of it is on disk when the block ends, or none if it raises."""
        if not self._writing.acquire(timeout=LOCK_WAIT_S):
            raise StoreBusyError(f"{self.path}: another thread is writing")
        try:
            with self._named_errors(), self._commit_or_roll_back():
                yield Transaction(
                    db=self._kept,
                    readings=self._written,
                    sources=self._sources,
                    intake=self._intake,
                    tidying=self._tidying,
                    tally=self._tally,
                )
        finally:
            self._writing.release()

    def _named_errors(self) -> AbstractContextManager[object]:
        if self._records_there is None:
            return named_errors(self.path)
        with ExitStack() as stack:
            stack.enter_context(self._records_there.naming_errors())
            stack.enter_context(named_errors(self.path))
            return stack.pop_all()

    @property
    def _kept(self) -> Database:
        """The connection that writes records."""
        return self._db if self._records_there is None else self._records_there.db

    @contextmanager
    def _commit_or_roll_back(self) -> Iterator[None]:
        there, lease = self._records_there, self._lease
        self._db.execute("BEGIN IMMEDIATE")
        try:
            if there is not None:
                there.begin()
            if lease is not None:
                lease.beat(self._kept)
            yield
            self._write_tally()
            self._written.write()
            if there is not None:
                # First the records: a reading that is then lost was not acknowledged either.
                there.commit()
            with self._open_rows.lock:
                self._db.execute("COMMIT")
                self._written.applied()
            if lease is not None:
                lease.committed()
        except BaseException:
            # SQLite rolls back by itself on some failures, such as a full disk.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if there is not None:
                there.rollback()
            self._tally.clear()
            self._intake.forget()
            self._written.forget()
            self._tidying.begin_anew()
            self._sources.reload()
            raise

    def _write_tally(self) -> None:
        self._kept.executemany(
            "INSERT INTO tally VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET taken = tally.taken + excluded.taken",
            [(name, taken) for name, taken in self._tally.items() if taken],
        )
        self._tally.clear()
