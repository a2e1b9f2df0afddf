"""Steps of the schema, written once for SQLite and PostgreSQL."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator

import msgspec


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """One step: statements in SQLite's words, and PostgreSQL's own where a rename does not do.

    `after` moves data within SQLite's step, where statements alone cannot.
    """

    sqlite: str
    postgres: str | None = None
    after: Callable[[sqlite3.Connection], None] | None = None


def statements(script: str) -> Iterator[str]:
    """The statements of a script one by one: a trigger's or function's body is not cut."""
    held = ""
    for piece in re.split(r"(?<=;)\s*\n", script):
        held += piece + "\n"
        if sqlite3.complete_statement(held) and held.count("$$") % 2 == 0:
            yield held
            held = ""
    if held.strip():
        yield held


_IN_POSTGRES = (
    (re.compile(r"\bBLOB\b"), "BYTEA"),
    (re.compile(r"\bINTEGER PRIMARY KEY( AUTOINCREMENT)?"), "BIGSERIAL PRIMARY KEY"),
    (re.compile(r"\bINTEGER\b"), "BIGINT"),
    (re.compile(r"\bREAL\b"), "DOUBLE PRECISION"),
    (re.compile(r"\s*WITHOUT ROWID"), ""),
)


def for_postgres(script: str) -> str:
    """A step in PostgreSQL's words."""
    for pattern, word in _IN_POSTGRES:
        script = pattern.sub(word, script)
    return script
