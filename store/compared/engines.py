"""The engines: ours, one SQLite row a reading, DuckDB, and VictoriaMetrics, behind one face."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from store.compared.load import (
    BEGIN_MS,
    CAMERAS,
    HISTORY_DAYS,
    ZONE,
    Second,
    history_of,
    zone_day,
)
from store.embedded import Store
from store.history import Source
from store.line_protocol import lines, tags
from store.series_server import SeriesServer, ServerAddress
from store.stamps import from_ms
from store.tidying import Keeping

FROM = from_ms(BEGIN_MS)
UNTIL = FROM + timedelta(days=HISTORY_DAYS)
DAY_AGO = UNTIL - timedelta(days=1)
KEEPING = Keeping(readings=timedelta(days=30), summaries=timedelta(days=1096))
STEPS_AT_ONCE = 100
_TABLES = """
    CREATE TABLE camera (series INTEGER, at_ms BIGINT, count DOUBLE PRECISION, low DOUBLE PRECISION,
        high DOUBLE PRECISION, density DOUBLE PRECISION {key}){end};
    CREATE TABLE sensor (series INTEGER, at_ms BIGINT, value DOUBLE PRECISION {key}){end};
    CREATE TABLE zone (series INTEGER, at_ms BIGINT, value DOUBLE PRECISION {key}){end};
"""
SECONDS_MS = BEGIN_MS + HISTORY_DAYS * 86_400_000
_ZONE_DAY = (
    "SELECT at_ms / 60000, count(*), avg(value), min(value), max(value) FROM zone"
    " WHERE series = 0 AND at_ms >= ? GROUP BY 1 ORDER BY 1"
)
_HOURS = (
    "SELECT series, at_ms / 3600000, count(*), avg(count), min(count), max(count) FROM camera"
    " WHERE at_ms < ? GROUP BY 1, 2 ORDER BY 1, 2"
)
_DAY_FROM = [SECONDS_MS - 86_400_000]
_UNTIL = [SECONDS_MS]


class Engine(Protocol):
    """One engine with its files in one folder."""

    free_bytes: int

    def commit(self, second: Second) -> None:
        """Make one second's readings durable."""
        ...

    def fill(self) -> None:
        """Put seven days of all cameras, and a day of one zone, before the seconds."""
        ...

    def settle(self) -> None:
        """Do what the engine does by and by: packing, merging."""
        ...

    def zone_day(self) -> int:
        """One zone's last 24 h by minutes; how many steps."""
        ...

    def hours(self) -> int:
        """The hourly picture of all cameras over seven days; how many steps."""
        ...

    def readings(self) -> int:
        """How many readings of the seconds are there."""
        ...

    def close(self) -> None: ...


class Embedded:
    """Ours: journal, blocks and tiers in one SQLite file."""

    free_bytes = 0
    """What the journal left free in the file, to be used again."""

    def __init__(self, folder: Path) -> None:
        self._store = Store.open(folder)

    def commit(self, second: Second) -> None:
        with self._store.transaction() as tx:
            tx.add_facts(second.facts)
            if second.at_ms // 1000 % 600 >= 60:
                tx.tidy(from_ms(second.at_ms), KEEPING)

    def fill(self) -> None:
        for camera in range(CAMERAS):
            at_ms, count = history_of(camera)
            with self._store.transaction() as tx:
                tx.add_history(
                    "camera",
                    f"camera-{camera}",
                    {"at_ms": at_ms, "count": count, "model": "small"},
                )
        at_ms, occupancy = zone_day()
        with self._store.transaction() as tx:
            tx.add_history("zone", ZONE, {"at_ms": at_ms, "occupancy": occupancy, "sight": "live"})

    def settle(self) -> None:
        finished = False
        while not finished:
            with self._store.transaction() as tx:
                finished = any(tx.tidy(UNTIL, KEEPING) for _ in range(STEPS_AT_ONCE))
        self.free_bytes = self._store.free_bytes()

    def zone_day(self) -> int:
        return len(self._store.series("zone", ZONE, "occupancy", DAY_AGO, UNTIL, step_s=60))

    def hours(self) -> int:
        found = self._store.curves("camera", "count", FROM, UNTIL, step_s=3600)
        return sum(len(curve.at_ms) for curve in found.values())

    def readings(self) -> int:
        counts = self._store.counts()
        return counts["readings"] - (
            CAMERAS * len(history_of(0)[0]) if counts["zone_reading"] else 0
        )

    def close(self) -> None:
        self._store.close()


class SqliteRows:
    """SQLite with one row a reading in a tree of series and time, synced at every commit."""

    free_bytes = 0

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(
            folder / "rows.sqlite", isolation_level=None, check_same_thread=False
        )
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA cache_size = -65536")
        if not self._db.execute("SELECT 1 FROM sqlite_master").fetchone():
            self._db.executescript(
                _TABLES.format(key=", PRIMARY KEY (series, at_ms)", end=" WITHOUT ROWID")
            )
        self._reader = sqlite3.connect(folder / "rows.sqlite", check_same_thread=False)

    def commit(self, second: Second) -> None:
        self._db.execute("BEGIN")
        self._db.executemany("INSERT INTO camera VALUES (?, ?, ?, ?, ?, ?)", _camera_rows(second))
        self._db.executemany("INSERT INTO sensor VALUES (?, ?, ?)", _sensor_rows(second))
        self._db.execute("COMMIT")

    def fill(self) -> None:
        self._db.execute("BEGIN")
        for camera in range(CAMERAS):
            at_ms, count = history_of(camera)
            self._db.executemany(
                "INSERT INTO camera VALUES (?, ?, ?, NULL, NULL, NULL)",
                zip([camera] * len(at_ms), at_ms.astype(int).tolist(), count.tolist(), strict=True),
            )
        at_ms, value = zone_day()
        self._db.executemany(
            "INSERT INTO zone VALUES (0, ?, ?)",
            zip(at_ms.astype(int).tolist(), value.tolist(), strict=True),
        )
        self._db.execute("COMMIT")

    def settle(self) -> None:
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def zone_day(self) -> int:
        return len(self._reader.execute(_ZONE_DAY, _DAY_FROM).fetchall())

    def hours(self) -> int:
        return len(self._reader.execute(_HOURS, _UNTIL).fetchall())

    def readings(self) -> int:
        rows = self._db.execute(
            "SELECT (SELECT count(*) FROM camera WHERE at_ms >= ?) + (SELECT count(*) FROM sensor)",
            _UNTIL,
        )
        return int(rows.fetchone()[0])

    def close(self) -> None:
        self._reader.close()
        self._db.close()


class DuckDb:
    """DuckDB: columns, one process only."""

    free_bytes = 0

    def __init__(self, folder: Path) -> None:
        import duckdb  # noqa: PLC0415 - large, and only this peer needs it

        folder.mkdir(parents=True, exist_ok=True)
        new = not (folder / "rows.duckdb").exists()
        self._db: Any = duckdb.connect(str(folder / "rows.duckdb"), config={"threads": 2})
        if new:
            self._db.execute(_TABLES.format(key="", end=""))

    def commit(self, second: Second) -> None:
        # As columns: value by value, a commit takes 100 ms.
        low, high, density = (
            np.array([each[place] for each in second.camera_values]) for place in (1, 2, 3)
        )
        cameras = {
            "series": np.array(second.cameras),
            "at_ms": np.array(second.camera_ms),
            "count": np.array([each[0] for each in second.camera_values]),
            "low": low,
            "high": high,
            "density": density,
        }
        sensors = {
            "series": np.array(second.sensors),
            "at_ms": np.array(second.sensor_ms),
            "value": np.array(second.sensor_values),
        }
        self._db.execute("BEGIN")
        self._db.register("given", cameras)
        self._db.execute("INSERT INTO camera SELECT * FROM given")
        self._db.register("given", sensors)
        self._db.execute("INSERT INTO sensor SELECT * FROM given")
        self._db.execute("COMMIT")

    def fill(self) -> None:
        for camera in range(CAMERAS):
            at_ms, count = history_of(camera)
            given = {"at_ms": at_ms.astype(int), "count": count}
            self._db.register("given", given)
            self._db.execute(
                "INSERT INTO camera SELECT ?, at_ms, count, NULL, NULL, NULL FROM given", [camera]
            )
        at_ms, value = zone_day()
        self._db.register("given", {"at_ms": at_ms.astype(int), "value": value})
        self._db.execute("INSERT INTO zone SELECT 0, at_ms, value FROM given")
        self._db.unregister("given")

    def settle(self) -> None:
        self._db.execute("CHECKPOINT")

    def zone_day(self) -> int:
        asked = _ZONE_DAY.replace("/ 60000", "// 60000")
        return len(self._db.cursor().execute(asked, _DAY_FROM).fetchall())

    def hours(self) -> int:
        asked = _HOURS.replace("/ 3600000", "// 3600000")
        return len(self._db.cursor().execute(asked, _UNTIL).fetchall())

    def readings(self) -> int:
        rows = self._db.execute(
            "SELECT (SELECT count(*) FROM camera WHERE at_ms >= ?) + (SELECT count(*) FROM sensor)",
            _UNTIL,
        )
        return int(rows.fetchone()[0])

    def close(self) -> None:
        self._db.close()


class Victoria:
    """VictoriaMetrics over its line protocol, as the service sends to it."""

    free_bytes = 0

    def __init__(self, url: str, flush: Callable[[], None]) -> None:
        address = ServerAddress(url=url, read_url=url, database="bench", organization="bench")
        self._server = SeriesServer(address, site="bench")
        self._flush = flush
        self._heads: dict[tuple[str, int], str] = {}

    def _head(self, kind: str, number: int) -> str:
        head = self._heads.get((kind, number))
        if head is None:
            quantity, unit = ("noise", "dB(A)") if kind == "sensor" else ("", "")
            source = Source(
                number=number, kind=kind, name=f"{kind}-{number}", quantity=quantity, unit=unit
            )
            head = self._heads[kind, number] = tags("bench", source)
        return head

    def commit(self, second: Second) -> None:
        told = [
            f"{self._head('camera', series)} count={count},count_low={low},count_high={high},"
            f"density_p_m2={density} {at_ms}"
            for series, at_ms, count, low, high, density in _camera_rows(second)
        ]
        told += [
            f"{self._head('sensor', series)} value={value} {at_ms}"
            for series, at_ms, value in _sensor_rows(second)
        ]
        self._server.write(told)

    def fill(self) -> None:
        for camera in range(CAMERAS):
            at_ms, count = history_of(camera)
            head = self._head("camera", camera)
            told = zip(at_ms.astype(int).tolist(), count.tolist(), strict=True)
            self._server.write([f"{head} count={value} {at}" for at, value in told])
        at_ms, value = zone_day()
        rows = [(at, 0.0, each, *[float("nan")] * 4) for at, each in zip(at_ms, value, strict=True)]
        zone = tags("bench", Source(number=0, kind="zone", name=ZONE))
        self._server.write(list(lines(zone, "zone", rows)))

    def settle(self) -> None:
        self._flush()

    def zone_day(self) -> int:
        return len(self._server.series("zone", ZONE, "occupancy", DAY_AGO, UNTIL, step_s=60))

    def hours(self) -> int:
        found = self._server.curves("camera", "count", FROM, UNTIL, step_s=3600)
        return sum(len(curve.at_ms) for curve in found.values())

    def readings(self) -> int:
        self._flush()
        until = UNTIL + timedelta(days=1)
        found = 0
        for kind, quantity in (("camera", "count"), ("sensor", "noise")):
            curves = self._server.curves(kind, quantity, UNTIL, until, step_s=86_400)
            found += int(sum(curve.n.sum() for curve in curves.values()))
        return found

    def close(self) -> None:
        self._server.close()


def _camera_rows(second: Second) -> list[tuple[int, int, float, float, float, float]]:
    return [
        (series, at_ms, *values)
        for series, at_ms, values in zip(
            second.cameras, second.camera_ms, second.camera_values, strict=True
        )
    ]


def _sensor_rows(second: Second) -> list[tuple[int, int, float]]:
    return list(zip(second.sensors, second.sensor_ms, second.sensor_values, strict=True))
