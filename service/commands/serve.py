"""`yinding serve`: the service for a real site."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from model.clock import SystemClock
from service.children import until_stopped
from service.plants import Plant
from service.serve import ServeOptions, serve
from service.site import open_site


def serve_command(
    site_path: Annotated[Path, typer.Argument(metavar="SITE.yaml", help="The site file.")],
    *,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=256,
            help="Camera workers on this machine; by default one per core, at most one per 50 cameras.",
        ),
    ] = None,
    plant: Annotated[
        Plant | None, typer.Option(help="Switch a known bug on, for a drill.", hidden=True)
    ] = None,
    tied: Annotated[
        bool, typer.Option("--tied", help="End when standard input ends.", hidden=True)
    ] = False,
) -> None:
    """Run the service of a site: ingest, warnings, orders, the console, and camera workers.

    Stop it with Ctrl-C or SIGTERM. Killed in whatever way, it goes on from its last commit.
    """
    loaded = open_site(site_path)
    if workers is None:
        cameras = len(loaded.site.cameras)
        workers = min(os.cpu_count() or 1, -(-cameras // 50))
    options = ServeOptions(workers=workers, plant=plant)
    asyncio.run(until_stopped(serve(loaded, options, clock=SystemClock()), tied=tied))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(serve_command)
