"""A packed block gives back the very numbers, in few bytes."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from store.packing import pack, unpack

VALUES = (
    st.floats(allow_nan=True, allow_infinity=True)
    | st.floats(width=32)
    | st.integers(-(2**53), 2**53).map(float)
    | st.decimals(-1000, 1000, places=3).map(float)
)


@given(st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=80))
def test_every_number_comes_back(rows: list[tuple[float, float, float]]) -> None:
    table = np.array(rows)
    assert np.array_equal(unpack(pack(table)), table, equal_nan=True)
    assert np.array_equal(unpack(pack(table), (2, 0)), table[:, [2, 0]], equal_nan=True)


def test_readings_at_steady_steps_take_few_bytes() -> None:
    chance = np.random.default_rng(3)
    at_ms = 1_792_000_000_000 + np.arange(1800) * 2000 + chance.integers(0, 8, 1800)
    count = np.round(np.abs(np.cumsum(chance.normal(0, 1, 1800))) + 20, 2)
    absent = np.full(1800, math.nan)
    table = np.column_stack([at_ms, count, absent])
    assert len(pack(table)) / 1800 < 5
