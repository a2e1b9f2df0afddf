"""`yinding evaluate ground`: how true a camera's metres are, by points, a grid or people's heights."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from service.evaluate_ground import TRIALS, GroundScore, evaluate_ground


def ground(
    *,
    cameras: Annotated[
        int, typer.Option("--cameras", min=1, max=5000, help="Simulated cameras for each way.")
    ] = 100,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Which cameras.")] = 1,
    spread_m: Annotated[
        float, typer.Option("--spread", min=0.0, max=0.3, help="Spread of people's heights, m.")
    ] = 0.07,
    mean_m: Annotated[
        float, typer.Option("--mean", min=1.0, max=2.2, help="Their true mean height, m.")
    ] = 1.68,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Calibrate simulated cameras of known mounting and compare areas of ground with the truth.

    Cameras hang 3 to 12 m high, tilted 10 to 60 degrees, lens 37 to 96 degrees, turned by 0.7 degrees.
    Marks are off by a 640th of the picture's width; people lean by 2 degrees. Ways: 6 to 40 people, three
    of 20 marked wrongly, lens or mast known to 2 %, nine corners of 8 x 8 slabs of 0.6 m, 4 or 8 points
    measured to 5 cm. Errors are shares; areas are of the ground under heads between the marks, and (near) of all
    ground in view within 20 m. The site file takes people to be 1.68 m tall: --mean says how tall they really are.
    """
    with Progress(console=Console(stderr=True), transient=True, disable=as_json) as progress:
        task = progress.add_task("calibrating", total=cameras * len(TRIALS))
        scores = evaluate_ground(
            cameras=cameras,
            seed=seed,
            spread_m=spread_m,
            mean_m=mean_m,
            watch=lambda: progress.advance(task),
        )
    if as_json:
        found = {"cameras": cameras, "seed": seed, "spread_m": spread_m, "mean_m": mean_m}
        typer.echo(msgspec.json.encode(found | {"ways": scores}).decode())
    else:
        _show(scores)


def _show(scores: list[GroundScore]) -> None:
    columns = "marks bad known calibrated upright slipped area_median area_p90 near_area_median near_area_p90 within_two"
    table = Table("form", *columns.split())
    for score in scores:
        table.add_row(score.form, *(_told(getattr(score, name)) for name in columns.split()))
    console = Console()
    console.print(table)
    for score in scores:
        for problem, number in score.refused.items():
            console.print(f"{score.form} {score.marks}: {number} refused: {problem}", markup=False)


def _told(value: float | str | None) -> str:
    if value is None:
        return "–"
    return f"{value:.1%}" if isinstance(value, float) else str(value)
