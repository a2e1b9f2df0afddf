"""Moving history: every reading of the embedded store to a time-series server, day by day.

The store is only read, beside a running service too. Sent again, the same reading is the same row,
so that an interrupted move is simply begun anew, or from the day that it had come to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Protocol

import msgspec

from store.embedded import StoreReader
from store.line_protocol import lines, tags

DAY = timedelta(days=1)
LINES_AT_ONCE = 10_000


class Taker(Protocol):
    """Where the readings go."""

    def write(self, lines: list[str], /) -> None: ...


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """What was moved: sources with readings in the span, and readings."""

    sources: int
    readings: int


def move_readings(
    store: StoreReader,
    server: Taker,
    *,
    site: str,
    start: datetime,
    end: datetime,
    say: Callable[[datetime, int], None],
) -> Moved:
    """Send all readings from `start` until before `end`, oldest day first."""
    moved, seen = 0, set()
    day = start
    while day < end:
        until = min(day + DAY, end)
        for source in store.sources():
            rows = store.rows(source, day, until)
            if not len(rows):
                continue
            seen.add(source.number)
            moved += len(rows)
            for part in _in_parts(lines(tags(site, source), source.kind, rows)):
                server.write(part)
        say(day, moved)
        day = until
    return Moved(sources=len(seen), readings=moved)


def _in_parts(told: Iterator[str]) -> Iterator[list[str]]:
    while part := list(islice(told, LINES_AT_ONCE)):
        yield part
