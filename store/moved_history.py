"""History that comes from elsewhere, as columns: checked and laid out as rows of its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from model.level import Sight
from store.columns import LAYOUTS, SIGHTS, UnknownQuantityError
from store.packing import Rows

Column = Sequence[float | str | None] | Rows | str


def history_rows(kind: str, columns: Mapping[str, Column], *, word: Callable[[str], int]) -> Rows:
    """Rows in the layout of a kind, from its columns by name; `word` gives a text its number."""
    layout = LAYOUTS[kind]
    unknown = sorted(set(columns) - {"at_ms", *layout.columns})
    if unknown or "at_ms" not in columns:
        raise UnknownQuantityError(f"a {kind} has at_ms and {layout.columns}, not {unknown}")
    at_ms = np.asarray(columns["at_ms"], np.float64)
    rows = np.full((len(at_ms), layout.width), np.nan)
    rows[:, 0] = at_ms
    for place, name in enumerate(layout.columns, start=1):
        if name not in columns:
            continue
        given = columns[name]
        if name in layout.words:
            rows[:, place] = _numbers(given, len(at_ms), word)
        elif name == "sight":
            rows[:, place] = _numbers(given, len(at_ms), lambda text: SIGHTS.index(Sight(text)))
        else:
            rows[:, place] = np.asarray(given, np.float64)
    for name in ("seq", "sight"):
        if name in layout.columns and name not in columns:
            rows[:, layout.columns.index(name) + 1] = 0
    return rows


def _numbers(given: Column, count: int, number: Callable[[str], int]) -> Rows:
    """Words as numbers: one for all rows, or one a row with None for "no word"."""
    if isinstance(given, str):
        return np.full(count, float(number(given)))
    known = {each: float(number(str(each))) for each in set(given) if each is not None}
    return np.array([np.nan if each is None else known[each] for each in given], np.float64)
