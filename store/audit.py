"""The audit: who did what, in an append-only chain that shows any later change.

Every record's hash covers the hash before it, so that changing, inserting or removing a record
breaks the chain from there on. Cutting off the newest records leaves a whole, shorter chain:
whoever must prove completeness keeps the head's hash elsewhere (`head` of the check).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from model.facts import Id, Stamp
from store.sql import Database

_GENESIS = bytes(32)


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One act: who, when, what, on what, with details; never a secret."""

    serial: int
    at: Stamp
    actor: Id
    act: str
    subject: str
    detail: dict[str, str | int | float | bool | None] = {}


class AuditCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the chain is whole; `broken_at` is the first serial that does not fit."""

    records: int
    head: str
    broken_at: int | None = None
    why: str | None = None


def append(
    db: Database,
    *,
    at: Stamp,
    actor: Id,
    act: str,
    subject: str,
    detail: dict[str, str | int | float | bool | None],
) -> AuditRecord:
    """Add one record to the chain within the transaction in progress."""
    last = db.execute("SELECT serial, hash FROM audit ORDER BY serial DESC LIMIT 1").fetchone()
    serial, before = (1, _GENESIS) if last is None else (last[0] + 1, last[1])
    record = AuditRecord(serial=serial, at=at, actor=actor, act=act, subject=subject, detail=detail)
    body = msgspec.json.encode(record, order="sorted")
    db.execute("INSERT INTO audit VALUES (?, ?, ?)", (serial, body, _link(before, body)))
    return record


class AuditLine(msgspec.Struct, frozen=True, kw_only=True):
    """One link as it is exported: the record's exact bytes and its hash."""

    record: msgspec.Raw
    hash: str


def read(db: Database, *, after: int = 0, limit: int = 1000) -> list[AuditLine]:
    """The links after a serial, oldest first."""
    rows = db.execute(
        "SELECT CAST(record AS BLOB), CAST(hash AS BLOB) FROM audit"
        " WHERE serial > ? ORDER BY serial LIMIT ?",
        (after, limit),
    )
    return [
        AuditLine(record=msgspec.Raw(bytes(body)), hash=bytes(stored).hex())
        for body, stored in rows
    ]


def verify(db: Database, *, head: str | None = None) -> AuditCheck:
    """Walk the whole chain and name the first record that does not fit."""
    rows = db.execute(
        "SELECT serial, CAST(record AS BLOB), CAST(hash AS BLOB) FROM audit ORDER BY serial"
    )
    return walk(((serial, bytes(body), bytes(stored)) for serial, body, stored in rows), head=head)


def walk(links: Iterable[tuple[int, bytes, bytes]], *, head: str | None = None) -> AuditCheck:
    """Check links of serial, record and hash from the first on.

    With `head`, a hash that was noted elsewhere before, the chain must lead over it: a chain that was
    cut shorter, or written anew, does not.
    """
    before, records, met = _GENESIS, 0, head in (None, _GENESIS.hex())
    for serial, body, stored in links:
        records += 1
        why = _misfit(serial, records, body, stored, before)
        if why is not None:
            return AuditCheck(records=records, head=before.hex(), broken_at=serial, why=why)
        before = stored
        met = met or before.hex() == head
    if not met:
        why = "the chain does not lead over the head that was noted before"
        return AuditCheck(records=records, head=before.hex(), broken_at=records, why=why)
    return AuditCheck(records=records, head=before.hex())


def _misfit(serial: int, expected: int, body: bytes, stored: bytes, before: bytes) -> str | None:
    if serial != expected:
        return f"record {expected} is missing"
    if _link(before, body) != stored:
        return "the record or its hash was changed"
    return None


def _link(before: bytes, body: bytes) -> bytes:
    return hashlib.sha256(before + body).digest()
