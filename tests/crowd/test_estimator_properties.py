"""What holds for every picture: the map sums to the count, and the bounds hold it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowd.estimator import Estimator


@cache
def small() -> Estimator:
    return Estimator("small")


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    height=st.integers(1, 150),
    width=st.integers(1, 150),
    rough=st.floats(0, 80),
)
def test_the_sum_over_the_map_is_the_count_and_lies_within_its_bounds(
    seed: int, height: int, width: int, rough: float
) -> None:
    random = np.random.default_rng(seed)
    picture = np.clip(random.normal(110, rough, (height, width, 3)), 0, 255).astype(np.uint8)
    found = small().estimate(picture)
    assert float(found.density.sum(dtype=np.float64)) == pytest.approx(found.count, abs=1e-6)
    assert found.density.shape == (-(-height // 8), -(-width // 8))
    assert 0 <= found.count_low <= found.count <= found.count_high
    assert (found.density >= 0).all()
