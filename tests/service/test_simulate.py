"""How long a simulated evening is played where getting ready took long."""

from __future__ import annotations

import pytest

from service.simulate import pressed


@pytest.mark.parametrize(
    ("length_s", "left_s", "played_s"),
    [(90, 110, 90), (90, 90, 90), (90, 75, 75), (90, 20, 60), (90, -5, 60), (45, 10, 45)],
)
def test_an_evening_is_pressed_but_its_holds_still_fit(
    length_s: float, left_s: float, played_s: float
) -> None:
    assert pressed(length_s, left_s) == played_s
