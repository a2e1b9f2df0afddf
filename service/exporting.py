"""Tables for other programs: readings, visitors, cases and orders of some days, as CSV or Parquet."""

from __future__ import annotations

import csv
import datetime as dt
import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from config.schema import SiteFile
from crowd.forecast.record import SiteRecord
from model.cases import Case, Change
from store.embedded import StoreReader

Cell = str | float | int | None
Days = tuple[dt.date, dt.date]
_PAGE: Final = 500


class Subject(StrEnum):
    """What can be exported."""

    VISITORS = "visitors"
    ZONES = "zones"
    CAMERAS = "cameras"
    COUNTERS = "counters"
    CASES = "cases"
    ORDERS = "orders"


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Columns with their types, in DuckDB's words, and the rows one after the other."""

    columns: dict[str, str]
    rows: Iterable[Sequence[Cell]]


_READINGS: Final = {
    Subject.ZONES: ("zone", ("occupancy", "density_p_m2", "peak_p_m2", "blind", "partial")),
    Subject.CAMERAS: ("camera", ("count", "density_p_m2", "peak_p_m2", "blind")),
    Subject.COUNTERS: ("counter", ("in_total", "out_total")),
}
_HIGHEST: Final = frozenset({"peak_p_m2", "in_total", "out_total"})
"""A mean would hide a peak, and of a growing total only its end says how many passed."""

_CASE_COLUMNS: Final = {
    "id": "VARCHAR",
    "opened": "TIMESTAMPTZ",
    "subject_kind": "VARCHAR",
    "subject": "VARCHAR",
    "hazard": "VARCHAR",
    "level": "VARCHAR",
    "state": "VARCHAR",
    "exercise": "BOOLEAN",
    "taken": "TIMESTAMPTZ",
    "taken_by": "VARCHAR",
    "closed": "TIMESTAMPTZ",
}
_ORDER_COLUMNS: Final = {
    "id": "VARCHAR",
    "case": "VARCHAR",
    "kind": "VARCHAR",
    "device": "VARCHAR",
    "action": "VARCHAR",
    "issued": "TIMESTAMPTZ",
    "state": "VARCHAR",
    "changed": "TIMESTAMPTZ",
    "reason": "VARCHAR",
}


def table_of(
    subject: Subject, site: SiteFile, store: StoreReader, days: Days, *, now: datetime, step_s: int
) -> Table:
    """The table of a subject over whole days of the site's own time; read its rows while the store is open."""
    tz = ZoneInfo(site.site.timezone)
    start = datetime.combine(days[0], dt.time(), tz)
    end = datetime.combine(days[1] + timedelta(days=1), dt.time(), tz)
    if subject is Subject.VISITORS:
        return _visitors(site, store, days, now)
    if subject is Subject.CASES:
        rows: Iterable[Sequence[Cell]] = (
            _case(store, each, tz) for each in _cases(store, start, end)
        )
        return Table(columns=_CASE_COLUMNS, rows=rows)
    if subject is Subject.ORDERS:
        return Table(columns=_ORDER_COLUMNS, rows=_orders(store, _cases(store, start, end), tz))
    kind, quantities = _READINGS[subject]
    columns = {"at": "TIMESTAMPTZ", kind: "VARCHAR"} | dict.fromkeys(quantities, "DOUBLE")
    readings = _readings(store, kind, quantities, (start, end), step_s=step_s)
    return Table(columns=columns, rows=readings)


def _visitors(site: SiteFile, store: StoreReader, days: Days, now: datetime) -> Table:
    """By hour; the hour under way and hours that are not known have no row."""
    hours = SiteRecord(site, store).visitors(*days, now)
    columns = {"site": "VARCHAR", "date": "DATE", "hour": "INTEGER", "count": "BIGINT"}
    rows = [
        (site.site.id, str(days[0] + timedelta(days=day)), hour, round(float(count)))
        for day, counts in enumerate(hours)
        for hour, count in enumerate(counts)
        if np.isfinite(count)
    ]
    return Table(columns=columns, rows=rows)


def _readings(
    store: StoreReader,
    kind: str,
    quantities: Sequence[str],
    span: tuple[datetime, datetime],
    *,
    step_s: int,
) -> Iterator[Sequence[Cell]]:
    """Day by day, so that a year fits into memory; a step without any reading has no row."""
    tz = span[0].tzinfo
    start = span[0]
    while start < span[1]:
        until = min(start + timedelta(days=1), span[1])
        curves = [store.curves(kind, each, start, until, step_s=step_s) for each in quantities]
        found: dict[tuple[float, str], list[Cell]] = {}
        for place, by_name in enumerate(curves):
            for name, curve in by_name.items():
                values = curve.high if quantities[place] in _HIGHEST else curve.mean
                for at_ms, value in zip(curve.at_ms.tolist(), values.tolist(), strict=True):
                    row = found.setdefault((at_ms, name), [None] * len(quantities))
                    row[place] = round(value, 4)
        for (at_ms, name), numbers in sorted(found.items()):
            yield (datetime.fromtimestamp(at_ms / 1000, tz).isoformat(), name, *numbers)
        start = until


def _cases(store: StoreReader, start: datetime, end: datetime) -> Iterator[Case]:
    before: str | None = None
    while True:
        page = store.cases(limit=_PAGE, before=before)
        yield from (each for each in page if start <= each.opened < end)
        if len(page) < _PAGE or page[-1].opened < start:
            return
        before = page[-1].id


def _case(store: StoreReader, case: Case, tz: ZoneInfo) -> Sequence[Cell]:
    history = store.transitions(case.id)

    def first(*changes: Change) -> tuple[str | None, str | None]:
        step = next((each for each in history if each.change in changes), None)
        return (None, None) if step is None else (_time(step.at, tz), step.actor)

    taken, by = first(Change.ACKNOWLEDGED, Change.ASSIGNED)
    return (
        case.id,
        _time(case.opened, tz),
        case.subject_kind,
        case.subject,
        case.hazard,
        case.level,
        case.state,
        str(case.exercise).lower(),
        taken,
        by,
        first(Change.CLOSED)[0],
    )


def _orders(store: StoreReader, cases: Iterable[Case], tz: ZoneInfo) -> Iterator[Sequence[Cell]]:
    for case in cases:
        for order in store.orders(case=case.id, limit=100_000):
            yield (
                order.id,
                order.case,
                order.kind,
                order.device,
                order.action,
                _time(order.issued, tz),
                order.state,
                _time(order.changed, tz),
                order.reason,
            )


def _time(at: datetime, tz: ZoneInfo) -> str:
    return at.astimezone(tz).isoformat()


def write_table(table: Table, out: Path) -> int:
    """Write CSV, or Parquet by its name; the file appears whole or not at all. Returns the rows."""
    out.parent.mkdir(parents=True, exist_ok=True)
    half = out.with_name(f".{out.name}.{os.getpid()}")
    made = [half]
    try:
        rows = _write_csv(table, half)
        if out.suffix == ".parquet":
            made.append(half.with_name(half.name + ".parquet"))
            _to_parquet(half, made[-1], table.columns)
        made[-1].replace(out)
    finally:
        for each in made:
            each.unlink(missing_ok=True)
    return rows


def _write_csv(table: Table, path: Path) -> int:
    number = 0
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(table.columns)
        for row in table.rows:
            writer.writerow(["" if cell is None else cell for cell in row])
            number += 1
    return number


def _to_parquet(source: Path, out: Path, columns: dict[str, str]) -> None:
    import duckdb  # noqa: PLC0415 - large, and no other command of a site needs it

    try:
        with duckdb.connect(config={"threads": 1}) as db:
            rows = db.read_csv(str(source), header=True, dtype=columns, na_values="")
            rows.write_parquet(str(out), compression="zstd")
    except duckdb.IOException as error:
        raise OSError(errno.EIO, str(error), str(out)) from error
