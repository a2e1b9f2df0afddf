"""Readings that are committed and not packed yet, and the newest reading of every source.

The journal on disk holds the same rows in the order of their arrival; here they lie by source, so
that a curve, a duplicate and the newest are found without reading the disk. One thread writes,
any thread reads, both under `lock`.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterable
from threading import RLock
from typing import Final

import numpy as np

from store.packing import Rows

Row = tuple[float, ...]
Journalled = tuple[int, Row]
"""A source's number and a row of its kind."""


class OpenRows:
    """By source: rows not packed yet, and the newest row ever."""

    def __init__(self) -> None:
        self.lock: Final = RLock()
        self._rows: dict[int, array[float]] = {}
        self._newest: dict[int, Row] = {}

    def add(self, rows: Iterable[Journalled]) -> None:
        """Take rows that are on disk."""
        for source, row in rows:
            held = self._rows.get(source)
            if held is None:
                held = self._rows[source] = array("d")
            held.extend(row)
            self.note_newest(source, row)

    def note_newest(self, source: int, row: Row) -> None:
        """Keep a row as the newest of its source, if it is."""
        newest = self._newest.get(source)
        # A camera's row has no sequence number: its first columns then only break a tie.
        if newest is None or row[0] >= newest[0]:
            self._newest[source] = row

    def newest(self, source: int) -> Row | None:
        """The newest row of a source, packed or not."""
        return self._newest.get(source)

    def rows(self, source: int) -> Rows | None:
        """A copy of a source's rows in the order of their arrival; None where there are none."""
        held = self._rows.get(source)
        if not held:
            return None
        return np.array(held).reshape(-1, len(self._newest[source]))

    def drop(self, source: int, count: int) -> None:
        """Let go of the first rows of a source: they are packed now."""
        held = self._rows[source]
        del held[: count * len(self._newest[source])]
        if not held:
            del self._rows[source]

    def clear(self) -> None:
        """Forget all of it."""
        self._rows.clear()
        self._newest.clear()

    def sources(self) -> list[int]:
        """Sources with rows to pack."""
        return sorted(self._rows)

    def refresh(self, db: sqlite3.Connection) -> None:
        """Be as the disk is in this moment: a writer's own rows always are."""

    def __len__(self) -> int:
        return sum(
            len(held) // len(self._newest[source]) for source, held in list(self._rows.items())
        )
