"""How many people a network sees where nobody is: drawn walls, leaves, noise and lights, in colour and in grey."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np

from crowd.augmentation import grey
from crowd.estimator import Counting
from crowd.textures import KINDS

DECEIVED_FROM: Final = 1.0
"""More people than this in a picture of nobody is a deception."""


class NobodyScore(msgspec.Struct, frozen=True, kw_only=True):
    """Of so many pictures of one kind: how many were taken for more than one person, and the worst counts."""

    kind: str
    colour: bool
    pictures: int
    deceived: int
    median: float
    worst: tuple[float, ...]


def score_nobody(
    estimator: Counting, *, pictures: int, side_px: int, seed: int
) -> Iterator[NobodyScore]:
    """Every kind of picture of nobody, first in colour, then the same as infrared shows them.

    The pictures are drawn by the rules that training draws by, from other random numbers: a network that
    fails here will fail on real leaves, one that does not may still fail there.
    """
    for colour in (True, False):
        for number, (kind, draw) in enumerate(KINDS.items()):
            counts = []
            for each in range(pictures):
                # Training's own numbers begin with a seed and a step, never with this.
                random = np.random.default_rng((seed, 0x0B0D7, number, each))
                picture = draw(side_px, random)
                counts.append(estimator.estimate(picture if colour else grey(picture)).count)
            worst = sorted((count for count in counts if count > DECEIVED_FROM), reverse=True)
            yield NobodyScore(
                kind=kind,
                colour=colour,
                pictures=pictures,
                deceived=len(worst),
                median=round(float(np.median(counts)), 3),
                worst=tuple(round(count, 1) for count in worst[:3]),
            )
