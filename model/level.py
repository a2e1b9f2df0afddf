"""The four colours of a warning and what a camera or zone can see."""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    """Warning colours by the Emergency Response Law: red is I, the highest; blue is IV."""

    BLUE = "blue"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"

    @property
    def rank(self) -> int:
        """1 for blue up to 4 for red, so that levels compare; no level ranks 0."""
        return _RANKS[self]


_RANKS = {Level.BLUE: 1, Level.YELLOW: 2, Level.ORANGE: 3, Level.RED: 4}


def rank_of(level: Level | None) -> int:
    """The rank of a level, with 0 for calm."""
    return 0 if level is None else level.rank


class Sight(StrEnum):
    """How far a reading or a zone can be trusted: blind has no number, partial has wide bounds."""

    LIVE = "live"
    PARTIAL = "partial"
    BLIND = "blind"
