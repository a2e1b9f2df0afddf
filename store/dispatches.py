"""Dispatches and the photographs that belong to them, in a file of their own.

A report from the street is never lost behind readings, and its pictures do not swell the file
that warnings are written to. Photographs arrive here re-encoded and bounded; they are removed with
`forget_photos` once their time is over.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Self

import msgspec

from model.dispatch import Dispatch, DispatchState
from store.migrations import Migration
from store.places import Place
from store.postgres import PostgresAddress, open_place
from store.stamps import to_ms

FILE_NAME = "dispatches.sqlite"
LISTED_AT_MOST = 500
PHOTOS_AT_MOST = 20_000

_TABLES = """
    CREATE TABLE dispatch (
        id TEXT PRIMARY KEY, unit TEXT NOT NULL, state TEXT NOT NULL,
        reporter TEXT NOT NULL, changed_ms INTEGER NOT NULL, body BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX dispatch_changed ON dispatch (changed_ms);
    CREATE INDEX dispatch_open ON dispatch (state) WHERE state <> 'closed';
    CREATE TABLE photo (
        id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, person TEXT NOT NULL, jpeg BLOB NOT NULL
    );
    CREATE INDEX photo_at ON photo (at_ms);
    """

# SQLite finds bytes within bytes by this name.
_FIND_BYTES = """
    CREATE FUNCTION instr(whole BYTEA, part BYTEA) RETURNS INTEGER LANGUAGE sql IMMUTABLE AS
        $$ SELECT position(part IN whole) $$;
"""

_MIGRATIONS = (Migration(sqlite=_TABLES, postgres=_TABLES + _FIND_BYTES),)


class TooManyPhotosError(Exception):
    """The album is full until old photographs are removed."""


class Dispatches:
    """Every problem ever reported, and its photographs. Any thread may call."""

    def __init__(self, place: Place) -> None:
        self._place = place

    @classmethod
    def open(cls, folder: Path, there: PostgresAddress | None = None) -> Self:
        """Open or make the file in the store's folder, or the tables on PostgreSQL."""
        return cls(open_place(folder / FILE_NAME, _MIGRATIONS, there=there, name="dispatches"))

    def close(self) -> None:
        self._place.close()

    def save(self, dispatch: Dispatch, *, expected_steps: int) -> bool:
        """Write a dispatch; False where it has not so many steps any more, and nothing is written.

        A new dispatch expects none. So two people who act at once never undo each other.
        """
        with self._place.writing() as db:
            row = db.execute("SELECT body FROM dispatch WHERE id = ?", (dispatch.id,)).fetchone()
            if (0 if row is None else len(_decode(row[0]).steps)) != expected_steps:
                return False
            db.execute(
                "INSERT INTO dispatch VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
                " unit = excluded.unit, state = excluded.state, reporter = excluded.reporter,"
                " changed_ms = excluded.changed_ms, body = excluded.body",
                (
                    dispatch.id,
                    dispatch.unit,
                    dispatch.state.value,
                    dispatch.reporter,
                    to_ms(dispatch.changed),
                    msgspec.json.encode(dispatch),
                ),
            )
        return True

    def one(self, dispatch_id: str) -> Dispatch | None:
        """One dispatch, or none of that id."""
        with self._place.reading() as db:
            row = db.execute("SELECT body FROM dispatch WHERE id = ?", (dispatch_id,)).fetchone()
        return None if row is None else _decode(row[0])

    def listed(self, *, since: datetime | None = None) -> list[Dispatch]:
        """All that are open, and those closed since; the newest change first."""
        with self._place.reading() as db:
            rows = db.execute(
                "SELECT body FROM dispatch WHERE state <> ? OR changed_ms >= ?"
                " ORDER BY changed_ms DESC LIMIT ?",
                (
                    DispatchState.CLOSED.value,
                    2**62 if since is None else to_ms(since),
                    LISTED_AT_MOST,
                ),
            ).fetchall()
        return [_decode(body) for (body,) in rows]

    def with_photo(self, photo_id: str) -> list[Dispatch]:
        """The dispatches that a photograph belongs to."""
        with self._place.reading() as db:
            rows = db.execute(
                "SELECT body FROM dispatch WHERE instr(body, ?) > 0",
                (f'"{photo_id}"'.encode(),),
            ).fetchall()
        return [
            one
            for one in (_decode(body) for (body,) in rows)
            if any(photo_id in step.photos for step in one.steps)
        ]

    def add_photo(self, photo_id: str, *, at: datetime, person: str, jpeg: bytes) -> None:
        """Keep a photograph; raises TooManyPhotosError. The same id again changes nothing."""
        with self._place.writing() as db:
            kept = int(db.execute("SELECT count(*) FROM photo").fetchone()[0])
            if kept >= PHOTOS_AT_MOST:
                raise TooManyPhotosError
            db.execute(
                "INSERT INTO photo VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (photo_id, to_ms(at), person, jpeg),
            )

    def photo(self, photo_id: str) -> bytes | None:
        """A photograph as JPEG, or none of that id."""
        with self._place.reading() as db:
            row = db.execute("SELECT jpeg FROM photo WHERE id = ?", (photo_id,)).fetchone()
        return None if row is None else bytes(row[0])

    def forget_photos(self, before: datetime) -> int:
        """Remove photographs older than this; returns how many went."""
        with self._place.writing() as db:
            return db.execute("DELETE FROM photo WHERE at_ms < ?", (to_ms(before),)).rowcount


def _decode(body: bytes) -> Dispatch:
    return msgspec.json.decode(body, type=Dispatch)
