"""Why a message was set aside: named reasons, and counts that a flood cannot make grow."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import datetime
from enum import StrEnum

import msgspec


class RefusalReason(StrEnum):
    """What was wrong with a message. Each is counted and shown to the operator by this name."""

    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    WRONG_TYPE = "wrong_type"
    OUT_OF_BOUNDS = "out_of_bounds"
    MISSING_FIELD = "missing_field"
    UNKNOWN_TOPIC = "unknown_topic"
    UNKNOWN_DEVICE = "unknown_device"
    STAMP_AHEAD = "stamp_ahead"
    STAMP_BEHIND = "stamp_behind"
    DUPLICATE_MEMBER = "duplicate_member"
    NOT_FINITE = "not_finite"
    BAD_ID = "bad_id"
    BLIND_WITH_NUMBER = "blind_with_number"
    TOO_FAST = "too_fast"


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was set aside, and why.

    `source` is `<kind>/<id>` where the device is known to the site and empty otherwise, so that
    counts by source stay bounded. `where` is the field's path, such as `$.count`; `at` the message's
    own stamp, where that was the fault.
    """

    reason: RefusalReason
    topic: str
    source: str = ""
    where: str = ""
    detail: str = ""
    at: datetime | None = None


class Cleared(msgspec.Struct, frozen=True, kw_only=True):
    """An empty message: somebody cleared a retained topic. Never malformed, and not a fact."""

    topic: str


def printable(text: str, limit: int) -> str:
    """At most `limit` characters of foreign text, safe to store, log and show."""
    kept = text[:limit]
    if kept.isprintable():
        return kept
    return "".join(mark if mark.isprintable() else "\ufffd" for mark in kept)


class BoundedTally:
    """Counts by name for at most `limit` names; the names after that share one, `other`."""

    OTHER = "other"

    def __init__(self, limit: int = 256) -> None:
        self._limit = limit
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, name: str, amount: int = 1) -> None:
        """Count a name once more, or `amount` times."""
        with self._lock:
            if name not in self._counts and len(self._counts) >= self._limit:
                name = self.OTHER
            self._counts[name] += amount

    def snapshot(self) -> dict[str, int]:
        """A copy of the counts at this moment."""
        with self._lock:
            return dict(self._counts)

    def total(self) -> int:
        """The sum over all names."""
        with self._lock:
            return self._counts.total()
