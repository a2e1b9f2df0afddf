"""Records on PostgreSQL: the same statements, the same schema, by address.

A transaction that stands still for `IDLE_AT_MOST_S` is ended by the server, so that a stopped
service holds no row that its successor needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from queue import Empty, LifoQueue
from threading import Lock
from typing import Any, Final

import msgspec
import psycopg
from psycopg.pq import TransactionStatus

from store.errors import (
    BrokenRuleError,
    RecordsAwayError,
    StoreBusyError,
    StoreError,
    StoreFullError,
    StoreTooNewError,
)
from store.migrations import Migration, for_postgres, statements
from store.places import Place, SqlitePlace
from store.sql import Cursor, Database

CONNECT_WITHIN_S: Final = 5
IDLE_AT_MOST_S: Final = 4
STATEMENT_AT_MOST_S: Final = 30
READERS: Final = 4
READER_WAIT_S: Final = 5.0
_MIGRATING: Final = 8_610_471
"""A lock that two services starting at once take in turn."""

_NAMED = re.compile(r"(?<![:\w]):([a-z_]+)")
_BLOB = re.compile(r"\bBLOB\b")


class PostgresAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where the database is, with its secret: never log it."""

    host: str
    port: int
    database: str
    username: str
    password: str | None = None
    tls: bool = False
    ca_file: str | None = None


class PostgresDatabase:
    """One connection that takes the store's statements."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    def execute(self, sql: str, parameters: Any = (), /) -> Cursor:
        cursor = psycopg.ClientCursor(self.connection)
        return cursor.execute(_translated(sql).encode(), parameters or None)

    def executemany(self, sql: str, parameters: Any, /) -> Cursor:
        cursor = psycopg.ClientCursor(self.connection)
        cursor.executemany(_translated(sql).encode(), parameters)
        return cursor


@lru_cache(maxsize=512)
def _translated(sql: str) -> str:
    """A statement in PostgreSQL's words; without values a `%` would stand for itself."""
    sql = _BLOB.sub("BYTEA", sql)
    if "?" in sql:
        return sql.replace("%", "%%").replace("?", "%s")
    if _NAMED.search(sql):
        return _NAMED.sub(r"%(\1)s", sql.replace("%", "%%"))
    return sql


@contextmanager
def _named(where: str) -> Iterator[None]:
    """Give PostgreSQL's failures the store's own names; everything else passes unchanged."""
    try:
        yield
    except (psycopg.IntegrityError, psycopg.errors.RaiseException) as error:
        raise BrokenRuleError(f"{where}: {_first_line(error)}") from error
    except psycopg.errors.DiskFull as error:
        raise StoreFullError(f"{where}: {_first_line(error)}") from error
    except (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable) as error:
        raise StoreBusyError(f"{where}: {_first_line(error)}") from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise RecordsAwayError(f"{where}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


class PostgresPlace:
    """One set of tables on PostgreSQL: one connection writes, some read."""

    def __init__(
        self, address: PostgresAddress, migrations: tuple[Migration, ...], *, name: str
    ) -> None:
        self._address = address
        self.where = f"postgresql {address.host}:{address.port}/{address.database}"
        self._guard = Lock()
        self._idle: LifoQueue[PostgresDatabase | None] = LifoQueue()
        for _ in range(READERS):
            self._idle.put(None)
        with _named(self.where):
            self.db = self._open()
            _migrate(self.db, migrations, name=name, where=self.where)

    def _open(self) -> PostgresDatabase:
        address = self._address
        return PostgresDatabase(
            psycopg.connect(
                host=address.host,
                port=address.port,
                dbname=address.database,
                user=address.username,
                password=address.password,
                sslmode="verify-full" if address.tls else "prefer",
                sslrootcert=address.ca_file or ("system" if address.tls else None),
                connect_timeout=CONNECT_WITHIN_S,
                keepalives_idle=10,
                application_name="yinding",
                autocommit=True,
                options=(
                    f"-c idle_in_transaction_session_timeout={IDLE_AT_MOST_S}s"
                    f" -c statement_timeout={STATEMENT_AT_MOST_S}s"
                    " -c synchronous_commit=on -c client_min_messages=warning"
                ),
            )
        )

    def begin(self) -> None:
        """Begin the transaction of the connection that writes; open it anew if it was lost."""
        with _named(self.where):
            if self.db.connection.closed or self.db.connection.broken:
                self.db = self._open()
            self.db.execute("BEGIN")

    def commit(self) -> None:
        with _named(self.where):
            self.db.execute("COMMIT")

    def rollback(self) -> None:
        """Undo the transaction in progress, if the connection still has one."""
        if self.db.connection.info.transaction_status in (
            TransactionStatus.INTRANS,
            TransactionStatus.INERROR,
        ):
            self.db.execute("ROLLBACK")

    @contextmanager
    def naming_errors(self) -> Iterator[None]:
        """Give failures within a transaction the store's own names."""
        with _named(self.where):
            yield

    @contextmanager
    def writing(self) -> Iterator[Database]:
        """One transaction on the connection that writes."""
        with self._guard, _named(self.where):
            self.begin()
            try:
                yield self.db
                self.commit()
            except BaseException:
                self.rollback()
                raise

    @contextmanager
    def reading(self) -> Iterator[Database]:
        """Lend one connection for one bounded query."""
        try:
            db = self._idle.get(timeout=READER_WAIT_S)
        except Empty:
            raise StoreBusyError(f"{self.where}: every reader is at work") from None
        try:
            with _named(self.where):
                if db is None or db.connection.closed or db.connection.broken:
                    db = self._open()
                yield db
        finally:
            self._idle.put(db)

    def close(self) -> None:
        """Close all connections."""
        self.db.connection.close()
        for _ in range(READERS):
            db = self._idle.get()
            if db is not None:
                db.connection.close()


def _migrate(
    db: PostgresDatabase, migrations: tuple[Migration, ...], *, name: str, where: str
) -> None:
    """Bring the tables of one name to today's schema, in one transaction."""
    db.execute("BEGIN")
    try:
        db.execute(f"SELECT pg_advisory_xact_lock({_MIGRATING})")
        db.execute(
            "CREATE TABLE IF NOT EXISTS schema_version"
            " (name TEXT PRIMARY KEY, version INTEGER NOT NULL)"
        )
        row = db.execute("SELECT version FROM schema_version WHERE name = ?", (name,)).fetchone()
        version = 0 if row is None else int(row[0])
        _check_version(version, len(migrations), where)
        for migration in migrations[version:]:
            script = migration.sqlite if migration.postgres is None else migration.postgres
            for statement in statements(for_postgres(script)):
                db.execute(statement)
        db.execute(
            "INSERT INTO schema_version VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET version = excluded.version",
            (name, len(migrations)),
        )
        db.execute("COMMIT")
    except BaseException as error:
        if not db.connection.closed:
            db.execute("ROLLBACK")
        if isinstance(error, psycopg.ProgrammingError):
            raise StoreError(f"{where}: {_first_line(error)}") from error
        raise


def _check_version(version: int, known: int, where: str) -> None:
    if version > known:
        raise StoreTooNewError(
            f"{where}: schema {version}, this program knows up to {known}; use the newer program"
        )


def open_place(
    path: Path, migrations: tuple[Migration, ...], *, there: PostgresAddress | None, name: str
) -> Place:
    """A set of tables in a SQLite file of its own, or by its name on PostgreSQL."""
    if there is None:
        return SqlitePlace(path, migrations)
    return PostgresPlace(there, migrations, name=name)
