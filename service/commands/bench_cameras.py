"""`yinding bench cameras`: what a camera costs here, beside ffmpeg and OpenCV."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import typer

from service.bench_cameras import Result, bench_cameras
from service.exits import BadResultError


def cameras(
    *,
    count: Annotated[
        int, typer.Option("--count", min=1, max=1000, help="Cameras on our side.")
    ] = 100,
    size: Annotated[
        Literal["sub", "main"],
        typer.Option("--size", help="640×360 sub or 1920×1080 main streams."),
    ] = "sub",
    seconds: Annotated[
        float, typer.Option("--seconds", min=2, max=600, help="Length of each measurement.")
    ] = 15.0,
    every_s: Annotated[
        float, typer.Option("--every", min=0.2, max=60, help="Seconds between readings.")
    ] = 2.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Measure CPU-milliseconds per camera-second of our ingest against ffmpeg and OpenCV.

    Simulated cameras are served by a process of their own; each side is measured alone, on the same
    streams, in this one run. `ratio` is the peer's cost divided by ours. Exits 1 where someone did less
    than asked, which happens on a busy machine: `short` says who.
    """
    result = bench_cameras(
        count=count,
        size=size,
        seconds=seconds,
        every_s=every_s,
        say=lambda text: typer.echo(text, err=True),
    )
    if as_json:
        typer.echo(json.dumps(result))
    else:
        _tell(result)
    if result["short"]:
        raise BadResultError("no fair figures: " + "; ".join(result["short"]))


def _tell(result: Result) -> None:
    ours, without, floor = result["ours"], result["ours_without_counting"], result["floor"]
    typer.echo(f"{'':34}ms per camera-second   cameras a core")
    rows = [("ours, people counted", ours), ("ours, pictures decoded", without)]
    rows += [(f"{name}, every picture decoded", peer) for name, peer in result["peers"].items()]
    for name, row in rows:
        typer.echo(f"{name:34}{row['ms_per_camera_s']:20.2f}{row['cameras_per_core']:17.0f}")
    typer.echo(f"{'ours, network alone':34}{floor['ms_per_camera_s']:20.2f}")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("cameras")(cameras)
