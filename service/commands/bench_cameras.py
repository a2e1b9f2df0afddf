"""`yinding bench cameras`: what a camera costs here, beside ffmpeg and OpenCV."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import typer

from service.bench_cameras import Result, bench_cameras
from service.exits import BadResultError

DEFAULT_COUNT = {"sub": 382, "main": 100}


def cameras(
    *,
    count: Annotated[
        int | None,
        typer.Option(
            "--count", min=1, max=1000, help="Cameras on our side; by default 382 sub or 100 main."
        ),
    ] = None,
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
    """Measure CPU-milliseconds per camera-second of our analysis against ffmpeg and OpenCV.

    Simulated cameras are served by a process of their own; each side is measured alone, on the same
    streams, in this one run. Ours is the whole service on a store on disk, of which its workers are
    counted: network, decoding, people, publishing. `table` has it at 10, 50, 100, 200 and 382 cameras
    as far as --count goes; `troubles` what happens when cameras die. `ratio` is the peer's cost divided
    by ours. Exits 1 where someone did less than asked, as on a busy machine: `short` says who.
    """
    result = bench_cameras(
        count=count or DEFAULT_COUNT[size],
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
    typer.echo(f"{'':34}ms per camera-second   cameras a core")
    rows = [(f"ours, {each['cameras']} cameras", each) for each in result["table"]]
    rows += [(f"{name}, a process or thread each", peer) for name, peer in result["peers"].items()]
    for name, row in rows:
        typer.echo(f"{name:34}{row['ms_per_camera_s']:20.2f}{row['cameras_per_core']:17.0f}")
    for name, row in result["floor"].items():
        typer.echo(f"{'ours, ' + name + ' alone':34}{row['ms_per_camera_s']:20.2f}")
    ours, troubles = result["ours"], result["troubles"]
    typer.echo(
        f"readings at most {ours['frame_age_max_s']} s old, each camera at least"
        f" {ours['readings_per_s_min']} a second; {ours['mb_per_camera']} MB a camera"
    )
    typer.echo(
        f"{troubles['killed']} cameras killed: the rest's readings {troubles['rest_age_change']:+.1%} older;"
        f" all rebooted: back after {troubles['all_back_after_reboot_s']} s"
    )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("cameras")(cameras)
