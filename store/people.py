"""Accounts of the people of the site file: passwords as Argon2 hashes, sessions as token hashes.

They lie in a file of their own, so that signing in never waits for readings. Who a person is and
what they may do stands in the site file; here is only how they prove it.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Self

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from model.clock import Clock
from model.facts import Id, Stamp
from store.migrations import Migration
from store.places import Place
from store.postgres import PostgresAddress, open_place
from store.sql import Database
from store.stamps import from_ms, to_ms

FILE_NAME = "people.sqlite"
SESSION_FOR = timedelta(hours=12)
WALL_FOR = timedelta(days=365)
"""A wall is signed in once a year: nobody stands before it to type a password."""
ONE_TIME_FOR = timedelta(hours=24)
FAILURES_ALLOWED = 5
LOCKED_FOR = timedelta(minutes=1)
PASSWORD_MIN_LENGTH = 12
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"

_MIGRATIONS = (
    Migration(
        sqlite="""
    CREATE TABLE account (
        person TEXT PRIMARY KEY, hash TEXT NOT NULL, once_until_ms INTEGER
    ) WITHOUT ROWID;
    CREATE TABLE failure (
        person TEXT PRIMARY KEY, failures INTEGER NOT NULL, last_ms INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE session (
        token_hash BLOB PRIMARY KEY, id TEXT NOT NULL, person TEXT NOT NULL,
        began_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX session_person ON session (person);
    """
    ),
    Migration(sqlite="ALTER TABLE session ADD COLUMN wall INTEGER NOT NULL DEFAULT 0;"),
)


class SignIn(StrEnum):
    """What became of an attempt to sign in."""

    SIGNED_IN = "signed_in"
    MUST_CHANGE = "signed_in_must_change_password"
    WRONG = "wrong_person_or_password"
    LOCKED = "too_many_failures"


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One sign-in of one person; `id` may be shown and logged, the token may not.

    A `wall` session is a screen's: it lasts long and is good for looking only.
    """

    id: Id
    person: Id
    began: Stamp
    expires: Stamp
    wall: bool = False


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of signing in; the token is given out once, only its hash is kept."""

    outcome: SignIn
    token: str | None = None
    session: Session | None = None


class WeakPasswordError(ValueError):
    """The new password is too short."""


class Accounts:
    """Who can sign in to this site, and who is signed in. Any thread may call."""

    def __init__(self, place: Place, clock: Clock, hasher: PasswordHasher) -> None:
        self._place = place
        self._clock = clock
        self._hasher = hasher
        self._nobody = self._hasher.hash(secrets.token_urlsafe(16))

    @classmethod
    def open(
        cls,
        folder: Path,
        clock: Clock,
        *,
        hasher: PasswordHasher | None = None,
        there: PostgresAddress | None = None,
    ) -> Self:
        """Open or make the accounts in the store's folder, or on PostgreSQL.

        `hasher` sets how much work a guess costs; by default the library's recommendation.
        """
        place = open_place(folder / FILE_NAME, _MIGRATIONS, there=there, name="people")
        return cls(place, clock, hasher or PasswordHasher())

    def close(self) -> None:
        self._place.close()

    def create_one_time_password(self, person: Id) -> str:
        """Give a person a new password that signs in once within a day; the old one is void."""
        password = "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))
        until = to_ms(self._clock.now() + ONE_TIME_FOR)
        self._set(person, password, once_until_ms=until)
        return password

    def set_password(self, person: Id, password: str) -> None:
        """Set a person's own password; every session of theirs ends."""
        if len(password) < PASSWORD_MIN_LENGTH:
            raise WeakPasswordError(f"a password has at least {PASSWORD_MIN_LENGTH} characters")
        self._set(person, password, once_until_ms=None)

    def _set(self, person: Id, password: str, *, once_until_ms: int | None) -> None:
        hashed = self._hasher.hash(password)
        with self._place.writing() as db:
            db.execute(
                "INSERT INTO account VALUES (?, ?, ?) ON CONFLICT (person)"
                " DO UPDATE SET hash = excluded.hash, once_until_ms = excluded.once_until_ms",
                (person, hashed, once_until_ms),
            )
            db.execute("DELETE FROM session WHERE person = ?", (person,))
            db.execute("DELETE FROM failure WHERE person = ?", (person,))

    def sign_in(self, person: Id, password: str, *, wall: bool = False) -> Attempt:
        """Check a password and begin a session, a wall's if asked for.

        After `FAILURES_ALLOWED` wrong ones in a row the person waits `LOCKED_FOR`. A person who
        is not known takes as long to refuse as a wrong password.
        """
        if self._is_locked(person):
            return Attempt(outcome=SignIn.LOCKED)
        hashed, once = self._stored(person)
        good = self._matches(hashed or self._nobody, password) and hashed is not None
        with self._place.writing() as db:
            # A one-time password is spent only if nobody spent it in the meantime.
            if good and once:
                good = (
                    db.execute(
                        "UPDATE account SET once_until_ms = 0"
                        " WHERE person = ? AND hash = ? AND once_until_ms > ?",
                        (person, hashed, to_ms(self._clock.now())),
                    ).rowcount
                    == 1
                )
            if not good:
                self._count_failure(db, person)
                return Attempt(outcome=SignIn.WRONG)
            db.execute("DELETE FROM failure WHERE person = ?", (person,))
            outcome = SignIn.MUST_CHANGE if once else SignIn.SIGNED_IN
            return self._begin(db, person, outcome, wall=wall)

    def _stored(self, person: Id) -> tuple[str | None, bool]:
        """The password's hash, and whether it is a one-time password."""
        with self._place.reading() as db:
            row = db.execute(
                "SELECT hash, once_until_ms FROM account WHERE person = ?", (person,)
            ).fetchone()
        return (None, False) if row is None else (str(row[0]), row[1] is not None)

    def _matches(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except VerificationError:
            return False

    def _is_locked(self, person: Id) -> bool:
        since = to_ms(self._clock.now() - LOCKED_FOR)
        with self._place.reading() as db:
            row = db.execute(
                "SELECT 1 FROM failure WHERE person = ? AND failures >= ? AND last_ms > ?",
                (person, FAILURES_ALLOWED, since),
            ).fetchone()
        return row is not None

    def _count_failure(self, db: Database, person: Id) -> None:
        """Count for known people only, so that invented names fill no table."""
        db.execute(
            "INSERT INTO failure SELECT person, 1, ? FROM account WHERE person = ?"
            " ON CONFLICT (person) DO UPDATE SET last_ms = excluded.last_ms, failures ="
            " CASE WHEN failure.last_ms <= ? THEN 1 ELSE failure.failures + 1 END",
            (to_ms(self._clock.now()), person, to_ms(self._clock.now() - LOCKED_FOR)),
        )

    def _begin(self, db: Database, person: Id, outcome: SignIn, *, wall: bool) -> Attempt:
        token, now = secrets.token_urlsafe(32), self._clock.now()
        session = Session(
            id=f"s-{secrets.token_hex(8)}",
            person=person,
            began=now,
            expires=now + (WALL_FOR if wall else SESSION_FOR),
            wall=wall,
        )
        db.execute("DELETE FROM session WHERE expires_ms <= ?", (to_ms(now),))
        db.execute(
            "INSERT INTO session VALUES (?, ?, ?, ?, ?, ?)",
            (_hash(token), session.id, person, to_ms(now), to_ms(session.expires), int(wall)),
        )
        return Attempt(outcome=outcome, token=token, session=session)

    def session(self, token: str) -> Session | None:
        """Whose session a token is; none if it ended, expired or never was."""
        with self._place.reading() as db:
            row = db.execute(
                "SELECT id, person, began_ms, expires_ms, wall FROM session"
                " WHERE token_hash = ? AND expires_ms > ?",
                (_hash(token), to_ms(self._clock.now())),
            ).fetchone()
        if row is None:
            return None
        return Session(
            id=row[0],
            person=row[1],
            began=from_ms(row[2]),
            expires=from_ms(row[3]),
            wall=bool(row[4]),
        )

    def sign_out(self, token: str) -> None:
        """End one session."""
        with self._place.writing() as db:
            db.execute("DELETE FROM session WHERE token_hash = ?", (_hash(token),))

    def sign_out_everywhere(self, person: Id) -> None:
        """End all sessions of a person."""
        with self._place.writing() as db:
            db.execute("DELETE FROM session WHERE person = ?", (person,))

    def has_password(self, person: Id) -> bool:
        """Whether the person was ever given a password."""
        return self._stored(person)[0] is not None


def _hash(token: str) -> bytes:
    """Tokens are 256 random bits, so that a plain hash keeps them; passwords need Argon2."""
    return hashlib.sha256(token.encode()).digest()
