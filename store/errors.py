"""What can go wrong with the store.

StoreError
├── StoreDamagedError   the file is cut or overwritten: restore it, nothing is repaired silently
├── StoreMissingError   there is no store where one was to be looked into
├── StoreTooNewError    a newer program wrote it: an older one must not touch it
├── StoreInUseError     another service holds the folder
├── StoreBusyError      a lock or a query took longer than its deadline
├── StoreFullError      the disk took no more: nothing of the transaction was kept
├── RecordsAwayError    the records' server does not answer
├── BrokenRuleError     what was to be written breaks a rule of the tables: our own bug
├── LeaseLostError      another service of the site acts
└── FeedClosedError     the feed ended while somebody waited on it
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StoreError(Exception):
    """The store cannot do what was asked."""


class StoreDamagedError(StoreError):
    """The store's file is not whole; it is refused and left as it is."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(
            f"{path}: {what}. The file was left as it is. Restore it from a backup, or move it "
            f"aside (mv {path.name} {path.name}.damaged, with its -wal and -shm) to start empty."
        )
        self.path = path


class StoreMissingError(StoreError):
    """There is no store where one was to be looked into."""


class StoreTooNewError(StoreError):
    """The store was written by a newer program."""


class StoreInUseError(StoreError):
    """Another process writes into this store."""


class StoreBusyError(StoreError):
    """A lock or a query took longer than its deadline."""


class StoreFullError(StoreError):
    """The disk is full or refuses to write; the transaction left nothing behind."""


class RecordsAwayError(StoreError):
    """The server that keeps the records does not answer."""


class BrokenRuleError(StoreError):
    """What was to be written breaks a rule of the tables, such as a second open case for one thing."""


class LeaseLostError(StoreError):
    """Another service of this site acts: nothing may be written or sent here."""


class FeedClosedError(StoreError):
    """The feed has ended."""


_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_INTERRUPT}
_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY}


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Give SQLite's failures the store's own names; everything else passes unchanged."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise BrokenRuleError(f"{path}: {error}") from error
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _DAMAGED:
            raise StoreDamagedError(path, str(error)) from error
        if code in _BUSY:
            raise StoreBusyError(f"{path}: {error}") from error
        if code in _FULL:
            raise StoreFullError(f"{path}: {error}; free some space on its disk") from error
        if code == sqlite3.SQLITE_CANTOPEN:
            raise StoreError(f"{path}: {error}") from error
        raise
