"""Which notices to people went out, so that a service that was killed tells what is owed.

What happened stands in the cases' history; here is only what each target was told of it. A notice
is noted after it went out: one that was on its way in a crash goes out twice, and none is lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from store.migrations import Migration
from store.places import Place
from store.postgres import PostgresAddress, open_place
from store.stamps import from_ms, to_ms

FILE_NAME = "notices.sqlite"
KEPT = timedelta(days=2)
_BEGUN = "begun"
"""The row of a target that says since when it is told; no notice goes by this name."""

_TABLES = """
    CREATE TABLE told (
        target TEXT NOT NULL, notice TEXT NOT NULL, at_ms INTEGER NOT NULL,
        PRIMARY KEY (target, notice)
    );
    CREATE INDEX told_at ON told (at_ms);
"""
_MIGRATIONS = (Migration(sqlite=_TABLES, postgres=_TABLES),)


class Notices:
    """What went out to whom. Any thread may call."""

    def __init__(self, place: Place) -> None:
        self._place = place

    @classmethod
    def open(cls, folder: Path, there: PostgresAddress | None = None) -> Self:
        """Open or make the file in the store's folder, or the table on PostgreSQL."""
        return cls(open_place(folder / FILE_NAME, _MIGRATIONS, there=there, name="notices"))

    def close(self) -> None:
        self._place.close()

    def begun(self, target: str, now: datetime) -> datetime | None:
        """Since when a target is told: a new one from now on, one of an older program from ever."""
        with self._place.writing() as db:
            rows = db.execute(
                "SELECT notice, at_ms FROM told WHERE target = ?", (target,)
            ).fetchall()
            if not rows:
                db.execute("INSERT INTO told VALUES (?, ?, ?)", (target, _BEGUN, to_ms(now)))
                return now
        return next((from_ms(at_ms) for notice, at_ms in rows if notice == _BEGUN), None)

    def told(self, target: str) -> set[str]:
        """The notices that went out to a target within the last days."""
        with self._place.reading() as db:
            rows = db.execute(
                "SELECT notice FROM told WHERE target = ? AND notice <> ?", (target, _BEGUN)
            ).fetchall()
        return {str(notice) for (notice,) in rows}

    def note(self, target: str, notices: Iterable[str], at: datetime) -> None:
        """These went out; what is too old to be owed is forgotten."""
        with self._place.writing() as db:
            for notice in notices:
                db.execute(
                    "INSERT INTO told VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                    (target, notice, to_ms(at)),
                )
            db.execute(
                "DELETE FROM told WHERE at_ms < ? AND notice <> ?", (to_ms(at - KEPT), _BEGUN)
            )
