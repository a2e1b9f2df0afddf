"""Readings on their way to disk: journalled at once, packed by device and hour a little later.

Every commit writes its readings as one row of the journal, in the order of their arrival: a second
of a whole site is a few pages at the end of a file. Every ten minutes the rows of each source are
packed into its hour's block and summed up in its tiers (`store.packing`, `store.tiers`), and the
journal's part is let go. Killed at any moment, the journal is read again at the start.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Iterator, Mapping

import msgspec
import numpy as np

from store.columns import LAYOUTS
from store.open_rows import Journalled, OpenRows, Row
from store.packing import Rows, pack, unpack
from store.tiers import (
    DAY_MS,
    HOUR_MS,
    HOURS,
    MINUTES,
    QUARTERS,
    RAW,
    SPAN_MS,
    STEP_MS,
    replaced,
    summed,
)

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[tuple[int, tuple[float, ...]]])
_KEYS_REMEMBERED = 2048
_NO_VALUE = float("nan")
_PERIOD_BITS = 24
PACKED_UP_TO = "readings_packed_up_to"
"""Name of the snapshot with the journal's serial up to which every source is packed."""


def block_key(source: int, tier: int, at_ms: float) -> int:
    """Where the block lies that holds a moment of a source: by source, tier and time."""
    return ((source * 4 + tier) << _PERIOD_BITS) + int(at_ms // SPAN_MS[tier])


_IDENTITY = {
    "camera": slice(0, 1),
    "zone": slice(0, 1),
    "sensor": slice(0, 2),
    "counter": slice(1, 3),
}
"""What makes two readings of one source the same: time; time and sequence; boot and sequence."""


def identity(kind: str, row: Row) -> Row:
    """What makes a reading of one source itself."""
    return row[_IDENTITY[kind]]


def _holds(kind: str, rows: Rows, wanted: Row) -> bool:
    return bool((rows[:, _IDENTITY[kind]] == wanted).all(axis=1).any())


def journalled(db: sqlite3.Connection, after: int) -> Iterator[tuple[int, list[Journalled]]]:
    """The journal after a serial: what each commit brought; missing values are NaN."""
    for serial, body in db.execute(
        "SELECT serial, body FROM journal WHERE serial > ? ORDER BY serial", (after,)
    ):
        yield serial, _decoder.decode(body)


def load_open_rows(db: sqlite3.Connection) -> OpenRows:
    """What a killed or stopped service left unpacked, and everybody's newest reading."""
    rows = OpenRows()
    _load(db, rows)
    return rows


def _load(db: sqlite3.Connection, rows: OpenRows) -> None:
    packed: dict[int, int] = {}
    for source, serial, newest in db.execute("SELECT source, serial, newest FROM packed"):
        packed[source] = serial
        rows.note_newest(source, msgspec.msgpack.decode(newest, type=tuple[float, ...]))
    for serial, brought in journalled(db, packed_up_to(db)):
        rows.add(each for each in brought if serial > packed.get(each[0], -1))


class LookedUpRows(OpenRows):
    """Rows that another process has not packed yet, read again whenever it went on."""

    def __init__(self) -> None:
        super().__init__()
        self._as_of: object = None

    def refresh(self, db: sqlite3.Connection) -> None:
        """Read the journal as it stands within the reader's transaction."""
        as_of = db.execute(
            "SELECT (SELECT max(serial) FROM journal), total(serial), count(*) FROM packed"
        ).fetchone()
        if as_of != self._as_of:
            self.clear()
            _load(db, self)
            self._as_of = as_of


def packed_up_to(db: sqlite3.Connection) -> int:
    """The serial up to which the journal is packed whole."""
    row = db.execute("SELECT body FROM snapshot WHERE name = ?", (PACKED_UP_TO,)).fetchone()
    return 0 if row is None else int(row[0])


class Readings:
    """Writes readings within the transaction in progress; `applied` when it is committed."""

    def __init__(self, db: sqlite3.Connection, open_rows: OpenRows) -> None:
        self._db = db
        self._open = open_rows
        self._brought: list[Journalled] = []
        self._fresh: dict[int, list[Row]] = {}
        self._packed: list[tuple[int, int]] = []
        self._told: list[Journalled] = []
        self._round: list[int] = []
        self._round_serial: int | None = None
        self._pruning: list[int] | None = None
        self._keys: OrderedDict[int, set[tuple[float, ...]]] = OrderedDict()

    def add(self, kind: str, source: int, row: Row) -> bool:
        """Take one reading; False for one that is stored already."""
        if self._is_known(kind, source, row):
            return False
        self._brought.append((source, row))
        self._fresh.setdefault(source, []).append(row)
        return True

    def _is_known(self, kind: str, source: int, row: Row) -> bool:
        newest = self._open.newest(source)
        fresh = self._fresh.get(source, ())
        if kind != "counter" and all(row[0] > each[0] for each in fresh):
            # The common case: later than everything that this source ever said.
            if newest is None or row[0] > newest[0]:
                return False
        elif (newest is None and not fresh) or (
            newest is not None and not fresh and row[0] > newest[0] and row[2] > newest[2]
        ):
            return False
        wanted = identity(kind, row)
        if any(identity(kind, each) == wanted for each in fresh):
            return True
        held = self._open.rows(source)
        if held is not None and _holds(kind, held, wanted):
            return True
        moments = {row[0]} if newest is None else {row[0], newest[0]}
        return any(wanted in self._keys_of(kind, source, at_ms) for at_ms in moments)

    def _keys_of(self, kind: str, source: int, at_ms: float) -> set[tuple[float, ...]]:
        """The identities in one packed hour; those of late hours are remembered for a while."""
        key = block_key(source, RAW, at_ms)
        known = self._keys.get(key)
        if known is None:
            rows = self._block(key)
            known = set() if rows is None else {identity(kind, tuple(each)) for each in rows}
            self._keys[key] = known
            while len(self._keys) > _KEYS_REMEMBERED:
                self._keys.popitem(last=False)
        return known

    def _block(self, key: int) -> Rows | None:
        row = self._db.execute("SELECT body FROM block WHERE key = ?", (key,)).fetchone()
        return None if row is None else unpack(row[0])

    def write(self) -> None:
        """Put what was taken into the journal, as the last act before the commit."""
        if self._brought:
            self._db.execute(
                "INSERT INTO journal (body) VALUES (?)", (_encoder.encode(self._brought),)
            )

    def applied(self) -> None:
        """The commit is on disk: let readers see it. Called under the lock of the open rows."""
        for source, count in self._packed:
            self._open.drop(source, count)
        self._open.add(self._brought)
        for source, row in self._told:
            self._open.note_newest(source, row)
        self._clear()

    def forget(self) -> None:
        """The transaction was rolled back: begin the rounds anew."""
        self._round, self._round_serial, self._pruning = [], None, None
        self._keys.clear()
        self._clear()

    def _clear(self) -> None:
        self._brought = []
        self._fresh = {}
        self._packed = []
        self._told = []

    def pack_some(self, kind_of: Mapping[int, str], *, at_most_sources: int) -> bool:
        """Pack the rows of the next sources; True when the round is through them all.

        A step stays short, so that warnings do not wait for it. When the round is through, the
        journal up to where it stood at the round's beginning is packed whole.
        """
        if self._round_serial is None:
            self._round_serial = self._last_serial()
            self._round = self._open.sources()[::-1]
        serial = self._last_serial()
        for _ in range(min(at_most_sources, len(self._round))):
            source = self._round.pop()
            rows = self._open.rows(source)
            if rows is not None:
                self._pack(kind_of[source], source, rows)
                self._packed.append((source, len(rows)))
                self._db.execute(
                    "INSERT INTO packed VALUES (?, ?, ?) ON CONFLICT (source)"
                    " DO UPDATE SET serial = excluded.serial, newest = excluded.newest",
                    (source, serial, msgspec.msgpack.encode(self._open.newest(source))),
                )
        if self._round:
            return False
        self._db.execute(
            "INSERT INTO snapshot VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET body = excluded.body",
            (PACKED_UP_TO, str(self._round_serial).encode()),
        )
        self._round_serial = None
        return True

    def _last_serial(self) -> int:
        row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'journal'").fetchone()
        return 0 if row is None else int(row[0])

    def trim_journal(self, kept_after: int, *, at_most: int) -> bool:
        """Let go of journal rows that are packed, and that nobody waits for; True when through."""
        gone = self._db.execute(
            "DELETE FROM journal WHERE serial IN"
            " (SELECT serial FROM journal WHERE serial <= ? ORDER BY serial LIMIT ?)",
            (min(packed_up_to(self._db), kept_after), at_most),
        ).rowcount
        return gone < at_most

    def prune_some(self, before: Mapping[int, int], *, at_most_sources: int) -> tuple[int, bool]:
        """Remove blocks that end before a time, given by tier; how many, and whether all are through."""
        if self._pruning is None:
            self._pruning = [row[0] for row in self._db.execute("SELECT id FROM source")]
        removed = 0
        for _ in range(min(at_most_sources, len(self._pruning))):
            source = self._pruning.pop()
            for tier, before_ms in before.items():
                between = (block_key(source, tier, 0), block_key(source, tier, before_ms))
                removed += self._db.execute(
                    "DELETE FROM block WHERE key >= ? AND key < ?", between
                ).rowcount
        finished = not self._pruning
        if finished:
            self._pruning = None
        return removed, finished

    def add_history(self, kind: str, source: int, rows: Rows) -> None:
        """Pack many rows of one source at once, past the journal: for history from elsewhere.

        Rows of a moment that the hour holds already are taken for the same and left out.
        """
        if not len(rows):
            return
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
        self._pack(kind, source, rows, once=True)
        newest = tuple(map(float, rows[-1]))
        known = self._open.newest(source)
        if known is None or newest[0] > known[0]:
            self._told.append((source, newest))
            self._db.execute(
                "INSERT INTO packed VALUES (?, 0, ?)"
                " ON CONFLICT (source) DO UPDATE SET newest = excluded.newest",
                (source, msgspec.msgpack.encode(newest)),
            )

    def _pack(self, kind: str, source: int, rows: Rows, *, once: bool = False) -> None:
        """Merge rows into the blocks of their hours, and sum these hours up in all tiers."""
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
        for day in _parts(rows, DAY_MS):
            quarters, hours = [], []
            for hour in _parts(day, HOUR_MS):
                whole = self._merged(kind, block_key(source, RAW, hour[0, 0]), hour, once=once)
                self._put(source, MINUTES, summed(kind, whole, STEP_MS[MINUTES]))
                quarters.append(summed(kind, whole, STEP_MS[QUARTERS]))
                hours.append(summed(kind, whole, STEP_MS[HOURS]))
            for tier, parts in ((QUARTERS, quarters), (HOURS, hours)):
                key = block_key(source, tier, day[0, 0])
                self._put(source, tier, replaced(self._block(key), np.concatenate(parts)))

    def _merged(self, kind: str, key: int, new: Rows, *, once: bool) -> Rows:
        old = self._block(key)
        if once:
            new = _without_repeats(kind, old, new)
        if old is not None:
            new = np.concatenate((old, new))
            new = new[np.argsort(new[:, 0], kind="stable")]
        self._write_block(key, new)
        return new

    def _put(self, source: int, tier: int, rows: Rows) -> None:
        self._write_block(block_key(source, tier, rows[0, 0] * STEP_MS[tier]), rows)

    def _write_block(self, key: int, rows: Rows) -> None:
        self._keys.pop(key, None)
        self._db.execute(
            "INSERT INTO block VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET body = excluded.body",
            (key, pack(rows)),
        )


def _parts(rows: Rows, span_ms: int) -> list[Rows]:
    """Rows in order of time, cut at every multiple of a span."""
    spans = rows[:, 0] // span_ms
    return np.split(rows, np.flatnonzero(spans[1:] != spans[:-1]) + 1)


def _without_repeats(kind: str, old: Rows | None, new: Rows) -> Rows:
    seen = set() if old is None else {identity(kind, tuple(each)) for each in old}
    kept = []
    for number, row in enumerate(new):
        key = identity(kind, tuple(row))
        if key not in seen:
            seen.add(key)
            kept.append(number)
    return new[kept]


def row_of(kind: str, at_ms: float, values: tuple[float | None, ...]) -> Row:
    """A reading as a row; what is None has no value."""
    row = (float(at_ms), *[_NO_VALUE if value is None else float(value) for value in values])
    if len(row) != LAYOUTS[kind].width:
        raise ValueError(f"a {kind} row has {LAYOUTS[kind].width} numbers, not {len(row)}")
    return row
