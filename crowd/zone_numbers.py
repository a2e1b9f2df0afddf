"""A zone's numbers as they are told: bounded as the contract bounds them, and rounded."""

from __future__ import annotations

from typing import Final

MOST_PEOPLE: Final = 1_000_000.0
MOST_P_M2: Final = 50.0


def people_of(number: float) -> float:
    """People, to a tenth."""
    return round(min(max(number, 0.0), MOST_PEOPLE), 1)


def density_of(people: float, usable_m2: float) -> float:
    """People per m² of the ground that they can stand on."""
    return round(min(people / usable_m2, MOST_P_M2), 3)
