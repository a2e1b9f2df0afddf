"""Pictures of nobody are counted by kind, in colour and in grey, and who is deceived is said."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray
from typer.testing import CliRunner

from crowd.estimator import Estimate
from crowd.nobody_evaluation import score_nobody
from crowd.textures import KINDS
from service.commands.evaluate import evaluate


class SeesColour:
    """A counter that takes every coloured pixel's kind for five people and grey for half of one."""

    model = "m"

    def estimate(self, picture: NDArray[np.uint8]) -> Estimate:
        coloured = bool(np.ptp(picture.astype(int), axis=2).max() > 0)
        count = 5.0 if coloured else 0.5
        return Estimate(
            count=count,
            count_low=0.0,
            count_high=9.0,
            density=np.full((1, 1), count, np.float32),
            stride_px=8.0,
            model=self.model,
        )


def test_each_kind_is_drawn_in_colour_and_in_grey_and_the_deceived_are_counted() -> None:
    scores = list(score_nobody(SeesColour(), pictures=3, side_px=64, seed=1))
    assert [one.kind for one in scores] == [*KINDS, *KINDS]
    colour, without = scores[: len(KINDS)], scores[len(KINDS) :]
    bricks = next(one for one in colour if one.kind == "bricks")
    assert (bricks.deceived, bricks.worst) == (3, (5.0, 5.0, 5.0))
    assert all((one.deceived, one.median) == (0, 0.5) for one in without)


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
