"""Pictures of nobody are counted by kind, in colour and in grey, and who is deceived is said."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray
from typer.testing import CliRunner

from crowd.augmentation import grey
from crowd.estimator import Estimate
from crowd.nobody_evaluation import score_nobody
from crowd.textures import KINDS
from service.commands.evaluate import evaluate


def brightness(picture: NDArray[np.uint8]) -> float:
    """Of the picture as infrared shows it."""
    return float(grey(picture).mean())


class TakesBrightColourForPeople:
    """A counter that sees as many people as a coloured picture is bright, and half of one in a grey picture."""

    model = "m"

    def __init__(self) -> None:
        self.shown: list[NDArray[np.uint8]] = []

    def estimate(self, picture: NDArray[np.uint8]) -> Estimate:
        self.shown.append(picture)
        coloured = np.ptp(picture.astype(int), axis=2).max() > 0
        count = brightness(picture) if coloured else 0.5
        return Estimate(
            count=count,
            count_low=0.5 * count,
            count_high=2 * count,
            density=np.full((1, 1), count, np.float32),
            stride_px=float(picture.shape[0]),
            model=self.model,
        )


def test_each_kind_is_drawn_in_colour_and_the_same_in_grey_and_the_deceived_are_counted() -> None:
    counter = TakesBrightColourForPeople()
    scores = list(score_nobody(counter, pictures=4, side_px=64, seed=1))
    assert [one.kind for one in scores] == [*KINDS, *KINDS]
    half = len(counter.shown) // 2
    colour, without = counter.shown[:half], counter.shown[half:]
    assert half == 4 * len(KINDS)
    assert all(np.array_equal(grey(a), b) for a, b in zip(colour, without, strict=True))
    at = list(KINDS).index("bricks")
    counts = sorted((brightness(picture) for picture in colour[4 * at : 4 * at + 4]), reverse=True)
    assert (scores[at].deceived, scores[at].pictures, scores[at].colour) == (4, 4, True)
    assert scores[at].worst == tuple(round(count, 1) for count in counts[:3])
    assert scores[at].median == round(float(np.median(counts)), 3)
    assert all((one.deceived, one.median) == (0, 0.5) for one in scores[len(KINDS) :])


def test_the_shipped_networks_take_walls_and_roads_for_nobody() -> None:
    for model in ("small", "full"):
        told = CliRunner().invoke(
            evaluate, ["nobody", "--model", model, "--pictures", "4", "--side", "352", "--json"]
        )
        assert told.exit_code == 0, told.output
        kinds = json.loads(told.stdout)["kinds"]
        clean = {(one["kind"], one["colour"]) for one in kinds if not one["deceived"]}
        for kind in ("plain", "bricks", "paving", "clouds", "night lights"):
            assert (kind, True) in clean
