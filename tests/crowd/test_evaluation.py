"""The contract's figures, on numbers that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowd.evaluation import Score, report, shrunk
from crowd.weights_file import Bounds


def score(
    truth: float, count: float, *, low: float = 0, high: float = 0, blind: bool = False
) -> Score:
    return Score(name="x", truth=truth, count=count, low=low, high=high, blind=blind, cost_ms=2.0)


def test_figures_by_hand() -> None:
    found = report(
        [score(10, 12, low=8, high=16), score(20, 16, low=17, high=19), score(0, 0, low=0, high=4)],
        "m",
    )
    assert found.images == 3
    assert found.mae == pytest.approx(2.0)
    assert found.rmse == pytest.approx((20 / 3) ** 0.5)
    assert found.bias == pytest.approx(-2 / 3)
    assert found.mape == pytest.approx((0.2 + 0.2) / 2)
    assert found.coverage == pytest.approx(2 / 3)
    assert found.width == pytest.approx((8 + 2 + 4) / 3)
    assert found.r == pytest.approx(np.corrcoef([10, 20, 0], [12, 16, 0])[0, 1])


def test_a_blind_picture_counts_as_nobody_and_has_no_bounds() -> None:
    found = report([score(10, 0, blind=True), score(10, 10, low=9, high=11)], "m")
    assert (found.mae, found.blind, found.coverage, found.width) == (5.0, 1, 1.0, 2.0)


def test_what_cannot_be_said_is_null() -> None:
    found = report([score(0, 0, blind=True)], "m")
    assert (found.mape, found.r, found.coverage, found.width) == (None, None, None, None)


def test_no_pictures_is_an_error() -> None:
    with pytest.raises(ValueError, match="no pictures"):
        report([], "m")


@pytest.mark.parametrize(
    ("size", "expected"),
    [((640, 480), (480, 640)), ((512, 768), (384, 512)), ((9999, 9999), (768, 1024))],
)
def test_shrinking_keeps_proportions_and_never_enlarges(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert shrunk(np.zeros((768, 1024, 3), np.uint8), size).shape[:2] == expected


@given(st.floats(0, 5000), st.floats(0, 5000))
def test_bounds_hold_the_count(count: float, doubt: float) -> None:
    low, high = Bounds().around(count, doubt)
    assert 0 <= low <= count <= high
