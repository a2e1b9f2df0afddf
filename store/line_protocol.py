"""Readings as InfluxDB's line protocol: `yinding_camera,site=…,id=… count=12.5,blind=0 <ms>`.

One measurement a kind, one field a quantity; a sensor's quantity and unit are tags. A blind camera
has `blind=1` and no number. Words, such as the reason of blindness, stay in the embedded store.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np

from store.columns import LAYOUTS
from store.history import Source
from store.open_rows import Row
from store.packing import Rows

PREFIX = "yinding"


def measurement(kind: str) -> str:
    """The measurement of a kind of source."""
    return f"{PREFIX}_{kind}"


def tags(site: str, source: Source) -> str:
    """Measurement and tags of a source: all that its lines have in common."""
    pairs = [("site", site), ("id", source.name)]
    if source.kind == "sensor":
        pairs += [("quantity", source.quantity), ("unit", source.unit)]
    told = "".join(f",{name}={_escaped(value)}" for name, value in pairs if value)
    return measurement(source.kind) + told


def lines(head: str, kind: str, rows: Rows | Iterable[Row]) -> Iterator[str]:
    """One line a reading; one without any number has none."""
    quantities = LAYOUTS[kind].quantities
    table = np.asarray(rows, np.float64).reshape(-1, LAYOUTS[kind].width)
    columns = [each.of(table[:, each.column]).tolist() for each in quantities.values()]
    names = list(quantities)
    for at_ms, *values in zip(table[:, 0].tolist(), *columns, strict=True):
        fields = [
            f"{name}={value!r}"
            for name, value in zip(names, values, strict=True)
            if math.isfinite(value)
        ]
        if fields:
            yield f"{head} {','.join(fields)} {int(at_ms)}"


def _escaped(text: str) -> str:
    """A tag's value: line breaks cannot stand in it, and commas, spaces and `=` are escaped."""
    text = " ".join(text.split())
    for special in ("\\", ",", "=", " "):
        text = text.replace(special, "\\" + special)
    return text
