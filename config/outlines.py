"""Outlines on the ground: their area, and whether they are outlines at all."""

from __future__ import annotations

from collections.abc import Sequence

Corner = tuple[float, float]
"""Metres east and north of the site's origin."""


def area_m2(outline: Sequence[Corner]) -> float:
    """The area that an outline encloses (Gauss's trapezoid formula)."""
    double = sum(
        x0 * y1 - x1 * y0
        for (x0, y0), (x1, y1) in zip(outline, _next_corners(outline), strict=True)
    )
    return abs(double) / 2


def crosses_itself(outline: Sequence[Corner]) -> bool:
    """Whether any two sides cross, as they do when corners are given out of order."""
    sides = list(zip(outline, _next_corners(outline), strict=True))
    for n, side in enumerate(sides):
        last = len(sides) - (1 if n == 0 else 0)  # the last side touches the first at its corner
        if any(_cross(side, other) for other in sides[n + 2 : last]):
            return True
    return False


def _next_corners(outline: Sequence[Corner]) -> list[Corner]:
    return [*outline[1:], outline[0]]


def _cross(one: tuple[Corner, Corner], other: tuple[Corner, Corner]) -> bool:
    a, b = one
    c, d = other
    return _turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0


def _turn(a: Corner, b: Corner, c: Corner) -> float:
    """Positive when the way from a over b to c turns left."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
