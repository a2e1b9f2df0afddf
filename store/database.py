"""Opening the store's SQLite files: durability, schema versions, and files that are not whole."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from queue import Empty, LifoQueue

from store.errors import (
    StoreBusyError,
    StoreDamagedError,
    StoreError,
    StoreInUseError,
    StoreTooNewError,
    named_errors,
)
from store.migrations import Migration, statements

LOCK_WAIT_S = 5.0
QUERY_STEPS = 1_000_000_000
WHOLE_CHECK_BELOW_BYTES = 64 * 1024 * 1024
_STEPS_A_LOOK = 20_000
_CHECKPOINT_PAGES = 4000


class FolderHold:
    """A process's hold of the store's folder: alone, or shared by services under one lease."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._descriptor = os.open(folder / "writer.lock", os.O_RDWR | os.O_CREAT, 0o600)

    def take_alone(self) -> bool:
        """Whether no other process has the folder; then none can take it."""
        return self._lock(fcntl.LOCK_EX)

    def take_shared(self) -> None:
        """Have the folder together with other services that wait for the same lease."""
        if not self._lock(fcntl.LOCK_SH):
            raise self.in_use()

    def _lock(self, how: int) -> bool:
        try:
            fcntl.flock(self._descriptor, how | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def in_use(self) -> StoreInUseError:
        return StoreInUseError(f"{self._folder}: another process writes into this store")

    def close(self) -> None:
        """Let go of it."""
        os.close(self._descriptor)


def open_writer(
    path: Path, *, full_sync: bool, migrations: tuple[Migration, ...]
) -> sqlite3.Connection:
    """The one connection that writes, with the file checked and brought to today's schema."""
    _make_private(path)
    with named_errors(path):
        db = sqlite3.connect(
            path, timeout=LOCK_WAIT_S, isolation_level=None, check_same_thread=False
        )
        try:
            _configure(db, full_sync=full_sync)
            _check_whole(db, path)
            _migrate(db, path, migrations)
        except BaseException:
            db.close()
            raise
    return db


def _make_private(path: Path) -> None:
    """Create the file readable by its owner only; SQLite gives its side files the same mode."""
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))


def _configure(db: sqlite3.Connection, *, full_sync: bool) -> None:
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = " + ("FULL" if full_sync else "NORMAL"))
    db.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    db.execute("PRAGMA cache_size = -65536")
    db.execute("PRAGMA temp_store = MEMORY")


def _check_whole(db: sqlite3.Connection, path: Path) -> None:
    """Refuse a cut file at once: bring the log home, then compare the length with the header.

    Small files are read through as well; reading through months of readings would keep a
    restarted service waiting.
    """
    waits_for_others, *_ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if waits_for_others:
        return  # another process has the file open, and checked it when it opened it
    if _length(db, path) <= WHOLE_CHECK_BELOW_BYTES:
        verdict = str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
        if verdict != "ok":
            raise StoreDamagedError(path, verdict.splitlines()[0])


def _length(db: sqlite3.Connection, path: Path) -> int:
    """The file's length in bytes, which its header knows as well: one that is shorter was cut."""
    pages = int(db.execute("PRAGMA page_count").fetchone()[0])
    page_bytes = int(db.execute("PRAGMA page_size").fetchone()[0])
    length = path.stat().st_size
    if length < pages * page_bytes:
        raise StoreDamagedError(path, f"cut: {length} bytes of {pages * page_bytes}")
    return length


def check_as_reader(db: sqlite3.Connection, path: Path, migrations: tuple[Migration, ...]) -> None:
    """Refuse a newer program's file, and one that was cut, before anything is read from it.

    While a log lies beside the file it may be ahead of it, and the length says nothing.
    """
    check_version(db, path, migrations)
    log = path.with_name(f"{path.name}-wal")
    if not log.exists() or not log.stat().st_size:
        _length(db, path)


def check_version(db: sqlite3.Connection, path: Path, migrations: tuple[Migration, ...]) -> int:
    """The file's schema; one of a newer program is refused."""
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > len(migrations):
        raise StoreTooNewError(
            f"{path}: schema {version}, this program knows up to {len(migrations)}; "
            "use the newer program"
        )
    return version


def _migrate(db: sqlite3.Connection, path: Path, migrations: tuple[Migration, ...]) -> None:
    version = check_version(db, path, migrations)
    for number, migration in enumerate(migrations[version:], start=version + 1):
        db.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements(migration.sqlite):
                db.execute(statement)
            if migration.after is not None:
                migration.after(db)
            db.execute(f"PRAGMA user_version = {number}")
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


class Readers:
    """A small pool of read-only connections for any thread.

    A reader that waits longer than `LOCK_WAIT_S` for a connection, or whose query takes more
    than `QUERY_STEPS` of SQLite's own steps (some ten seconds), gets `StoreBusyError`: a slow
    chart must not hold the log forever.
    """

    def __init__(self, path: Path, size: int = 4) -> None:
        self._path = path
        self._closed = False
        self._idle: LifoQueue[sqlite3.Connection] = LifoQueue()
        self._all = [self._open() for _ in range(size)]
        for db in self._all:
            self._idle.put(db)

    def _open(self) -> sqlite3.Connection:
        uri = f"{self._path.resolve().as_uri()}?mode=ro"
        with named_errors(self._path):
            db = sqlite3.connect(
                uri, uri=True, timeout=LOCK_WAIT_S, isolation_level=None, check_same_thread=False
            )
            try:
                db.execute("PRAGMA query_only = ON")
                db.execute("PRAGMA cache_size = -8192")
            except BaseException:
                db.close()
                raise
        return db

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """Lend one connection for one bounded query; StoreError once the pool is closed."""
        try:
            db = self._idle.get(timeout=LOCK_WAIT_S)
        except Empty:
            raise StoreBusyError(f"{self._path}: every reader is at work") from None
        if self._closed:
            self._idle.put(db)
            raise StoreError(f"{self._path}: it is closed")
        budget = count(QUERY_STEPS // _STEPS_A_LOOK, -1)
        db.set_progress_handler(lambda: next(budget) < 0, _STEPS_A_LOOK)
        try:
            with named_errors(self._path):
                yield db
        finally:
            db.set_progress_handler(None, 0)
            self._idle.put(db)

    def close(self) -> None:
        """Lend no more, and close every connection once all are given back.

        Closing one under a query ends the whole process: where none comes back for `LOCK_WAIT_S`, those
        still lent are left open, to the end of the process.
        """
        self._closed = True
        given_back: list[sqlite3.Connection] = []
        with suppress(Empty):
            while len(given_back) < len(self._all):
                given_back.append(self._idle.get(timeout=LOCK_WAIT_S))
        for db in given_back:
            db.close()
            # Who waits for one, or comes too late, is told at once that it is closed.
            self._idle.put(db)
