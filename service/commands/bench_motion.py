"""`yinding bench motion`: how true speed, direction, counter-flow and pressure are."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from service.bench_motion import bench_motion


def motion(
    *,
    scenes: Annotated[
        int, typer.Option("--scenes", min=1, max=2000, help="Rendered crowds to look at.")
    ] = 60,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Which crowds.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Compare motion readings with rendered crowds whose every person's velocity is known.

    Each crowd is seen in four pictures a tenth of a second apart: all densities, places and
    directions, by day, at night and in rain. Measured with the shipped network's density map, and
    with a perfect one, which tells the network's errors from the flow's.
    """
    found = bench_motion(scenes=scenes, seed=seed, say=lambda text: typer.echo(text, err=True))
    if as_json:
        typer.echo(json.dumps(found))
        return
    for title, side in (("as shipped", "ours"), ("perfect density", "with_perfect_density")):
        typer.echo(f"{title}: {found[side]['given']} of {scenes} given")
        for name in ("speed_m_s", "direction_deg", "counterflow", "pressure_s2"):
            typer.echo(f"  {name:14} {found[side][name]}")
    typer.echo(f"{found['ours']['ms_per_reading']} ms of one core a reading")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("motion")(motion)
