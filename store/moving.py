"""Moving history, day by day: the embedded store's readings to a time-series server, or back.

Each day is counted on the other side before it is done, and written down as done: an interrupted
move goes on from there. The same reading twice is the same row, on both sides. To a server the
store is only read, beside a running service too; from a server it is written, and held alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

import msgspec
import numpy as np

from model.facts import Stamp
from store.columns import LAYOUTS
from store.embedded import StoreReader
from store.errors import StoreError
from store.history import Curve, Source
from store.line_protocol import lines, tags
from store.packing import Rows

DAY: Final = timedelta(days=1)
LINES_AT_ONCE: Final = 10_000
SHOWN_WITHIN_S: Final = 60.0
"""A server shows what it took after some seconds."""

ASK_AGAIN_S: Final = 1.0

Counts = dict[tuple[str, str, str, str], int]
"""Values by kind, field, quantity and id of the source: moments that have a number."""


class MovedLessError(StoreError):
    """Fewer readings are on the other side than were sent there."""


class Taker(Protocol):
    """Where the readings go."""

    def write(self, lines: list[str], /) -> None: ...


class Counted(Protocol):
    """A server that can be asked what it has."""

    def curves(
        self,
        kind: str,
        quantity: str,
        start: datetime,
        end: datetime,
        /,
        *,
        step_s: float | None = None,
    ) -> dict[str, Curve]: ...


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """What was moved: sources with readings in the span, readings, and whether they were counted there."""

    sources: int
    readings: int
    counted: bool


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a move has come: everything from `start` until before `done` is there."""

    way: str
    start: Stamp
    done: Stamp

    @staticmethod
    def read(path: Path, way: str) -> Progress | None:
        """What stands of this way; none before its first day, or of another."""
        try:
            found = msgspec.json.decode(path.read_bytes(), type=Progress)
        except (OSError, msgspec.DecodeError):
            return None
        return found if found.way == way else None

    def write(self, path: Path) -> None:
        """Keep it, whole or not at all."""
        part = path.with_suffix(".part")
        part.write_bytes(msgspec.json.encode(self))
        part.replace(path)


def days(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """A span in parts of a day, oldest first."""
    while start < end:
        until = min(start + DAY, end)
        yield start, until
        start = until


def move_day(
    store: StoreReader, server: Taker, *, site: str, start: datetime, end: datetime
) -> tuple[set[int], int, Counts]:
    """Send all readings of one day; the numbers of the sources, readings, and values by series."""
    seen: set[int] = set()
    moved, counts = 0, Counts()
    for source in store.sources():
        rows = store.rows(source, start, end)
        if not len(rows):
            continue
        seen.add(source.number)
        moved += len(rows)
        for part in _in_parts(lines(tags(site, source), source.kind, rows)):
            server.write(part)
        _count(counts, source, rows)
    return seen, moved, counts


def _count(counts: Counts, source: Source, rows: Rows) -> None:
    """A server keeps one value a millisecond, and none where there is no number."""
    for field, quantity in LAYOUTS[source.kind].quantities.items():
        values = quantity.of(rows[:, quantity.column])
        moments = len(set(rows[~np.isnan(values), 0].tolist()))
        if moments:
            key = (source.kind, field, source.quantity, source.name)
            counts[key] = counts.get(key, 0) + moments


def missing_there(
    server: Counted, counts: Counts, *, start: datetime, end: datetime
) -> tuple[str, int, int] | None:
    """The first series of which the server has fewer values than were sent: its name, had, sent."""
    for kind, field, quantity in sorted({key[:3] for key in counts}):
        asked = quantity if kind == "sensor" else field
        found = server.curves(kind, asked, start, end, step_s=DAY.total_seconds())
        for (of_kind, of_field, of_quantity, name), sent in counts.items():
            if (of_kind, of_field, of_quantity) != (kind, field, quantity):
                continue
            had = int(found[name].n.sum()) if name in found else 0
            if had < sent:
                return f"{kind} {name} {asked}", had, sent
    return None


def wait_until_there(
    server: Counted,
    counts: Counts,
    *,
    start: datetime,
    end: datetime,
    monotonic: Callable[[], float],
    wait: Callable[[float], object],
) -> None:
    """Return when the server shows all that was sent; MovedLessError when it does not in time."""
    end_s = monotonic() + SHOWN_WITHIN_S
    while (less := missing_there(server, counts, start=start, end=end)) is not None:
        if monotonic() >= end_s:
            series, had, sent = less
            raise MovedLessError(
                f"{start:%Y-%m-%d}: {series}: the server has {had} of {sent} values; "
                "does it keep days as old as this (-retentionPeriod)?"
            )
        wait(ASK_AGAIN_S)


def _in_parts(told: Iterator[str]) -> Iterator[list[str]]:
    while part := list(islice(told, LINES_AT_ONCE)):
        yield part
