"""The lease: of several services of one site, the one that acts.

It lies in the records, with an epoch that only grows. Whoever acts beats within each of its own
commits: a service that stands still, or whose commits fail, loses it. A standby takes over when the
beat has not moved for `LEASE_S` on its own monotonic clock; no wall clock is asked. The acting
service counts itself as such only for `SURE_S` after a commit began: woken up later, it is silent
before it has even looked, and its next commit fails.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Final

import msgspec

from store.errors import LeaseLostError
from store.places import Place
from store.sql import Database

LEASE_S: Final = 8.0
SURE_S: Final = 6.0
NAME: Final = "serve"


def seconds_awake_or_not() -> float:
    """Seconds that also pass while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts: its name, and the epoch and beat of its lease."""

    holder: str
    epoch: int
    beat: int


class Lease:
    """One service's claim to act; `try_take` until it says yes."""

    def __init__(self, who: str, *, monotonic: Callable[[], float] = seconds_awake_or_not) -> None:
        self.who = who
        self._holder = f"{who}#{secrets.token_hex(8)}"
        self._monotonic = monotonic
        self._seen: tuple[Held, float] | None = None
        self._sure_until_s = float("-inf")
        self._begun_s = float("-inf")
        self.epoch = 0

    def try_take(self, place: Place, *, alone: bool) -> Held | None:
        """Take the lease if nobody holds it or its holder stands still; else who holds it.

        `alone`: no other process of this machine has our folder, so that a holder of our own name
        is dead, and is not waited for.
        """
        begun_s = self._monotonic()
        with place.reading() as db:
            held = _read(db)
        if held is not None and not self._is_free(held, begun_s, alone=alone):
            return held
        was = held or Held(holder="", epoch=0, beat=0)
        with place.writing() as db:
            # At once with another standby only one of the two finds the row as it was.
            db.execute("INSERT INTO lease VALUES (?, '', 0, 0) ON CONFLICT DO NOTHING", (NAME,))
            taken = db.execute(
                "UPDATE lease SET holder = ?, epoch = ?, beat = 0"
                " WHERE name = ? AND epoch = ? AND beat = ?",
                (self._holder, was.epoch + 1, NAME, was.epoch, was.beat),
            ).rowcount
            if taken != 1:
                return was
        self.epoch = was.epoch + 1
        self._sure_until_s = begun_s + SURE_S
        return None

    def _is_free(self, held: Held, now_s: float, *, alone: bool) -> bool:
        if not held.holder or (alone and held.holder.rpartition("#")[0] == self.who):
            return True
        if self._seen is None or self._seen[0] != held:
            self._seen = (held, now_s)
        return now_s - self._seen[1] >= LEASE_S

    def beat(self, db: Database) -> None:
        """Hold on to the lease within a commit. Raises LeaseLostError where another one acts."""
        self._begun_s = self._monotonic()
        held = db.execute(
            "UPDATE lease SET beat = beat + 1 WHERE name = ? AND epoch = ? AND holder = ?",
            (NAME, self.epoch, self._holder),
        ).rowcount
        if held != 1:
            self._sure_until_s = float("-inf")
            raise LeaseLostError("another service of this site acts now; this one ends")

    def committed(self) -> None:
        """The commit of the last beat is on disk."""
        self._sure_until_s = self._begun_s + SURE_S

    def is_sure(self) -> bool:
        """Whether no other service can act at this moment."""
        return self._monotonic() < self._sure_until_s

    def release(self, place: Place) -> None:
        """Give the lease back, so that a standby need not wait."""
        self._sure_until_s = float("-inf")
        with place.writing() as db:
            db.execute(
                "UPDATE lease SET holder = '' WHERE name = ? AND epoch = ? AND holder = ?",
                (NAME, self.epoch, self._holder),
            )


def _read(db: Database) -> Held | None:
    row = db.execute("SELECT holder, epoch, beat FROM lease WHERE name = ?", (NAME,)).fetchone()
    return None if row is None else Held(holder=row[0], epoch=int(row[1]), beat=int(row[2]))
