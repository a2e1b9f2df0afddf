"""Moving history back: from a time-series server that can be asked into the embedded store.

A server keeps numbers: not a camera's model, direction and reason of blindness, not a counter's
boots. These are `not-kept` words here, and a reading that the store still has stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from model.level import Sight
from store.columns import LAYOUTS
from store.embedded import Store
from store.history import Source
from store.line_protocol import PREFIX
from store.moving import MovedLessError
from store.packing import Rows
from store.stamps import to_ms

NOT_KEPT: Final = "not-kept"


class Asked(Protocol):
    """A server that tells its series."""

    def ask(self, path: str, fields: dict[str, str], /) -> bytes: ...


def sources_there(server: Asked, *, site: str, start: datetime, end: datetime) -> list[Source]:
    """Who has readings on the server in a span, of those kinds that the store knows."""
    kinds = "|".join(LAYOUTS)
    body = server.ask(
        "/api/v1/series",
        {"match[]": _matching(f"{PREFIX}_({kinds})_.+", site=site), **_span(start, end)},
    )
    found = set()
    for labels in json.loads(body)["data"]:
        kind = labels["__name__"].split("_")[1]
        found.add((kind, labels["id"], labels.get("quantity", ""), labels.get("unit", "")))
    return [
        Source(number=0, kind=kind, name=name, quantity=quantity, unit=unit)
        for kind, name, quantity, unit in sorted(found)
    ]


def move_day_back(
    server: Asked, store: Store, *, site: str, start: datetime, end: datetime
) -> tuple[set[Source], int]:
    """Take in all readings of one day that the store lacks; the sources, and how many came new."""
    seen, moved = set(), 0
    for source in sources_there(server, site=site, start=start, end=end):
        told = _told(server, source, site=site, start=start, end=end)
        if not told:
            continue
        seen.add(source)
        columns = _columns(source.kind, told)
        moved += _take_in(store, source, columns, start=start, end=end)
    return seen, moved


def _take_in(
    store: Store, source: Source, columns: dict[str, Any], *, start: datetime, end: datetime
) -> int:
    there = columns["at_ms"]
    fresh = ~np.isin(there, _moments(store, source, start, end))
    if fresh.any():
        with store.transaction() as tx:
            tx.add_history(
                source.kind,
                source.name,
                {name: _at(values, fresh) for name, values in columns.items()},
                quantity=source.quantity,
                unit=source.unit,
            )
    lacking = ~np.isin(there, _moments(store, source, start, end))
    if lacking.any():
        raise MovedLessError(
            f"{start:%Y-%m-%d}: {source.kind} {source.name}: the store has "
            f"{len(there) - int(lacking.sum())} of {len(there)} readings"
        )
    return int(fresh.sum())


def _moments(store: Store, source: Source, start: datetime, end: datetime) -> Rows:
    """When the store has readings of a source, whatever number it has here."""
    for known in store.sources(source.kind):
        if msgspec.structs.replace(known, number=0) == source:
            rows = store.rows(known, start, end)
            return rows[:, 0] if len(rows) else np.empty(0)
    return np.empty(0)


def _at(values: Any, wanted: NDArray[np.bool_]) -> Any:
    if isinstance(values, str):
        return values
    if isinstance(values, list):
        return [value for value, is_wanted in zip(values, wanted, strict=True) if is_wanted]
    return values[wanted]


def _told(
    server: Asked, source: Source, *, site: str, start: datetime, end: datetime
) -> dict[str, dict[int, float]]:
    """Every field of one source by moment."""
    labels = {"id": source.name}
    if source.kind == "sensor":
        labels |= {"quantity": source.quantity, "unit": source.unit}
    head = f"{PREFIX}_{source.kind}_"
    body = server.ask(
        "/api/v1/export",
        {"match[]": _matching(f"{head}.+", site=site, **labels), **_span(start, end)},
    )
    found: dict[str, dict[int, float]] = {}
    for series in _series(body):
        field = series["metric"]["__name__"].removeprefix(head)
        if field in LAYOUTS[source.kind].quantities:
            pairs = zip(series["timestamps"], series["values"], strict=True)
            found.setdefault(field, {}).update(
                (int(at_ms), float(value)) for at_ms, value in pairs if value is not None
            )
    return found


def _series(body: bytes) -> Iterator[Mapping[str, Any]]:
    for line in body.splitlines():
        yield json.loads(line)


def _columns(kind: str, told: dict[str, dict[int, float]]) -> dict[str, Any]:
    """The columns of a kind from its fields; words that no server keeps are said to be so."""
    moments = sorted({at_ms for field in told.values() for at_ms in field})
    columns: dict[str, Any] = {"at_ms": np.array(moments, np.float64)}
    for name in LAYOUTS[kind].columns:
        if name in told and name != "blind":
            columns[name] = np.array([told[name].get(at, np.nan) for at in moments])
    blind = told.get("blind", {})
    if kind == "camera":
        columns["model"] = NOT_KEPT
        columns["blind"] = [NOT_KEPT if blind.get(at) else None for at in moments]
    elif kind == "zone":
        partial = told.get("partial", {})
        columns["sight"] = [_sight(blind.get(at), partial.get(at)).value for at in moments]
    elif kind == "counter":
        # Its readings are told apart by boot and number: here by their moments.
        columns |= {"boot": NOT_KEPT, "seq": columns["at_ms"]}
    return columns


def _sight(blind: float | None, partial: float | None) -> Sight:
    if blind:
        return Sight.BLIND
    return Sight.PARTIAL if partial else Sight.LIVE


def _matching(name: str, **labels: str) -> str:
    wanted = [f"__name__=~{json.dumps(name)}"]
    wanted += [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in labels.items()]
    return "{" + ",".join(wanted) + "}"


def _span(start: datetime, end: datetime) -> dict[str, str]:
    first, last = to_ms(start), to_ms(end) - 1
    return {"start": f"{first / 1000:.3f}", "end": f"{last / 1000:.3f}"}
