"""`yinding bench console`: what a console costs, and how soon it shows what was read."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer

from service.bench_cameras import machine
from service.bench_console import bench_console
from service.exits import OutsideError


def console(
    *,
    consoles: Annotated[int, typer.Option(min=1, max=500, help="Consoles connected at once.")] = 50,
    zones: Annotated[
        int, typer.Option(min=1, max=1000, help="Zones at least; Shichahai's own are 24.")
    ] = 60,
    seconds: Annotated[
        float, typer.Option(min=3, max=3600, help="How long they, and then a browser, look on.")
    ] = 30.0,
    looks: Annotated[
        int, typer.Option(min=1, max=100, help="Cameras clicked in the browser, two times each.")
    ] = 12,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Measure the console on all of Shichahai: its 382 cameras live.

    `reading_to_console` is from a reading's own time to its message at a console in another
    process, `reading_to_screen` to its number painted in a browser; `click_to_picture` from a click
    on a camera to its moving picture, with a connection made for it, and `click_again_to_picture`
    where one still stands. `browser` needs a Chromium and Playwright, and is null without them.
    """
    try:
        ours = asyncio.run(
            bench_console(consoles=consoles, zones=zones, seconds=seconds, looks=looks)
        )
    except FileNotFoundError as error:
        raise OutsideError(f"the console's page is not built: {error}") from error
    document = {"ours": ours, "peers": {}, "floor": {}, "ratio": {}, "machine": machine()}
    if as_json:
        typer.echo(json.dumps(document))
        return
    for name, figure in ours.items():
        typer.echo(f"{name:28} {figure}")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("console")(console)
