"""`yinding evaluate nobody`: what the network sees in pictures without people."""

from __future__ import annotations

import json
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from crowd.estimator import Estimator
from crowd.nobody_evaluation import NobodyScore, score_nobody
from service.commands.estimate import Size


def nobody(
    *,
    model: Annotated[Size, typer.Option(help="Which shipped network.")] = Size.FULL,
    pictures: Annotated[int, typer.Option(min=1, max=1000, help="So many of each kind.")] = 30,
    side_px: Annotated[
        int, typer.Option("--side", min=64, max=2048, help="How wide and high they are, in pixels.")
    ] = 480,
    seed: Annotated[int, typer.Option(min=0, help="Other pictures.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Count people in drawn pictures of nobody: bricks, leaves, noise, lights, in colour and in grey.

    `deceived` is how many pictures of a kind were taken for more than one person, `worst` what the worst three
    of these were counted as.
    """
    estimator = Estimator(model.value)
    scores = list(score_nobody(estimator, pictures=pictures, side_px=side_px, seed=seed))
    if as_json:
        found = {"model": estimator.model, "side_px": side_px, "seed": seed}
        typer.echo(json.dumps(found | {"kinds": msgspec.to_builtins(scores)}))
    else:
        _show(scores)


def _show(scores: list[NobodyScore]) -> None:
    table = Table("kind", "light", "pictures", "deceived", "worst")
    for one in scores:
        light = "colour" if one.colour else "grey"
        worst = ", ".join(f"{count:.0f}" for count in one.worst)
        table.add_row(one.kind, light, str(one.pictures), str(one.deceived), worst)
    Console().print(table)
