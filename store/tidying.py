"""Tidying: packing what the journal holds and forgetting what is too old, in short steps.

One round goes through the packing of all sources, the journal, the retention of blocks, of events
and of remembered keys. Each call does a few milliseconds of it, so that warnings do not wait.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

import msgspec

from model.facts import SensorAlarm
from store.readings import Readings
from store.sql import Database
from store.stamps import to_ms
from store.tiers import HOURS, MINUTES, QUARTERS, RAW

SEEN_FOR: Final = timedelta(hours=26)
"""How long a key is remembered: facts over 24 h behind are refused before they come here."""

_SOURCES_A_STEP = 1
"""A camera's half-filled hour takes some 6 ms to pack, and a warning may wait for it."""
_JOURNAL_A_STEP = 50
_PRUNED_SOURCES_A_STEP = 50
_EVENTS_A_STEP = 2_000
NOBODY_WAITS: Final = 2**62


class Keeping(msgspec.Struct, frozen=True, kw_only=True):
    """How long readings and events are kept whole, and how long their down-sampled tiers."""

    readings: timedelta
    summaries: timedelta


class _Stage(Enum):
    PACK = auto()
    TRIM = auto()
    PRUNE = auto()
    EVENTS = auto()


class Tidying:
    """Where the present round stands."""

    def __init__(self, records: Database, readings: Readings, kind_of: Mapping[int, str]) -> None:
        self._records = records
        self._readings = readings
        self._kind_of = kind_of
        self._stage = _Stage.PACK
        self.journal_kept_after: Callable[[], int] = lambda: NOBODY_WAITS
        """The journal's serial after which somebody still waits for rows."""

    def begin_anew(self) -> None:
        """A step was rolled back."""
        self._stage = _Stage.PACK

    def step(self, now: datetime, keeping: Keeping) -> bool:
        """Do a little; True at the end of the round."""
        if not self._is_through(now, keeping):
            return False
        stages = list(_Stage)
        last = self._stage is stages[-1]
        self._stage = stages[0] if last else stages[stages.index(self._stage) + 1]
        return last

    def _is_through(self, now: datetime, keeping: Keeping) -> bool:
        match self._stage:
            case _Stage.PACK:
                return self._readings.pack_some(self._kind_of, at_most_sources=_SOURCES_A_STEP)
            case _Stage.TRIM:
                kept_after = self.journal_kept_after()
                return self._readings.trim_journal(kept_after, at_most=_JOURNAL_A_STEP)
            case _Stage.PRUNE:
                return self._prune(now, keeping)
            case _Stage.EVENTS:
                return self._forget_events(now, keeping)

    def _prune(self, now: datetime, keeping: Keeping) -> bool:
        # As long as a late reading may still come, its hour must be there to be summed up anew.
        raw_ms = to_ms(now - max(keeping.readings, SEEN_FOR))
        summaries_ms = to_ms(now - max(keeping.summaries, keeping.readings, SEEN_FOR))
        before = {RAW: raw_ms} | dict.fromkeys((MINUTES, QUARTERS, HOURS), summaries_ms)
        _, through = self._readings.prune_some(before, at_most_sources=_PRUNED_SOURCES_A_STEP)
        return through

    def _forget_events(self, now: datetime, keeping: Keeping) -> bool:
        gone = self._records.execute(
            "DELETE FROM event WHERE serial IN (SELECT serial FROM event WHERE at_ms < ? LIMIT ?)",
            (to_ms(now - keeping.readings), _EVENTS_A_STEP),
        ).rowcount
        if gone == _EVENTS_A_STEP:
            return False
        forget_keys(self._records, now)
        return True


def forget_keys(db: Database, now: datetime) -> int:
    """Forget the keys of facts that are too old to be let in again; how many.

    Alarms that were cleared before then are no longer kept as the newest of their device.
    """
    before = to_ms(now - SEEN_FOR)
    alarms = db.execute(
        "SELECT kind, source, topic, body FROM latest WHERE type = 'SensorAlarm' AND arrived_ms < ?",
        (before,),
    ).fetchall()
    for kind, source, topic, body in alarms:
        if msgspec.json.decode(body, type=SensorAlarm).state == "cleared":
            db.execute(
                "DELETE FROM latest WHERE kind = ? AND source = ? AND topic = ?",
                (kind, source, topic),
            )
    return db.execute("DELETE FROM seen WHERE at_ms < ?", (before,)).rowcount
