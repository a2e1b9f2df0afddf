"""Where a set of tables lies: a SQLite file of its own, or PostgreSQL. Any thread may call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Lock
from typing import Protocol

from store.database import open_writer
from store.errors import named_errors
from store.migrations import Migration
from store.sql import Database


class Place(Protocol):
    """One set of tables with one connection that writes."""

    def writing(self) -> AbstractContextManager[Database]:
        """One transaction: all of it is kept when the block ends, or none if it raises."""
        ...

    def reading(self) -> AbstractContextManager[Database]:
        """One bounded query."""
        ...

    def close(self) -> None: ...


class SqlitePlace:
    """A SQLite file of its own, so that nothing here waits for readings."""

    def __init__(self, path: Path, migrations: tuple[Migration, ...]) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path
        self._db = open_writer(path, full_sync=True, migrations=migrations)
        self._guard = Lock()

    @contextmanager
    def writing(self) -> Iterator[Database]:
        with self._guard, named_errors(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[Database]:
        with self._guard, named_errors(self._path):
            yield self._db

    def close(self) -> None:
        with self._guard:
            self._db.close()
