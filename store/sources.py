"""Who sent a reading, as a small number: the first column of every reading table."""

from __future__ import annotations

import sqlite3

Name = tuple[str, str, str, str]
"""kind, id, quantity, unit; the last two are empty but for sensors."""

QUANTITIES_A_SENSOR = 32
"""A sensor that invents ever new quantities or units fills its own bound, not the disk."""


class Sources:
    """The numbers of all sources, kept in memory and written when a new one turns up."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._numbers: dict[Name, int] = {}
        self._quantities_of: dict[str, int] = {}
        self.kinds: dict[int, str] = {}
        """The kind of every number."""
        self.reload()

    def reload(self) -> None:
        """Read all numbers again: at the start, and after a rollback took new ones back."""
        self._numbers.clear()
        self._quantities_of.clear()
        self.kinds.clear()
        for number, *name in self._db.execute("SELECT id, kind, name, quantity, unit FROM source"):
            self._keep((name[0], name[1], name[2], name[3]), number)

    def number(self, kind: str, name: str) -> int:
        """The number of a device, a zone or a word."""
        key = (kind, name, "", "")
        known = self._numbers.get(key)
        return self._new(key) if known is None else known

    def quantity(self, name: str, quantity: str, unit: str) -> int | None:
        """The number of one quantity of a sensor; none when its bound of quantities is full."""
        key = ("sensor", name, quantity, unit)
        known = self._numbers.get(key)
        if known is not None:
            return known
        if self._quantities_of.get(name, 0) >= QUANTITIES_A_SENSOR:
            return None
        return self._new(key)

    def _new(self, key: Name) -> int:
        cursor = self._db.execute(
            "INSERT INTO source (kind, name, quantity, unit) VALUES (?, ?, ?, ?)", key
        )
        assert cursor.lastrowid is not None  # noqa: S101 - SQLite gives every insert a row id
        self._keep(key, cursor.lastrowid)
        return cursor.lastrowid

    def _keep(self, key: Name, number: int) -> None:
        kind, name, quantity, _ = key
        self._numbers[key] = number
        self.kinds[number] = kind
        if kind == "sensor" and quantity:
            self._quantities_of[name] = self._quantities_of.get(name, 0) + 1
