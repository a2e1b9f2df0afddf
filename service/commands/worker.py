"""`yinding worker`: analyse cameras, on this or another machine."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Annotated

import typer

from model.clock import SystemClock
from service.children import until_stopped
from service.meeting_point import WORKER, broker_for
from service.site import open_site
from service.worker import work


def worker(
    site_path: Annotated[Path, typer.Argument(metavar="SITE.yaml", help="The site file.")],
    *,
    node: Annotated[
        str | None, typer.Option(help="This worker's name; by default the machine's.")
    ] = None,
    tied: Annotated[
        bool, typer.Option("--tied", help="End when standard input ends (used by `serve`).")
    ] = False,
) -> None:
    """Read the cameras that the service assigns to this worker, and say what they see.

    Start one per core. `serve` starts its own on its machine; more of them, here or elsewhere,
    share the cameras, and those of one that dies move to the others.
    """
    loaded = open_site(site_path)
    name = node or "".join(c if c.isalnum() else "-" for c in socket.gethostname().lower())[:64]
    address = broker_for(loaded, WORKER)
    clock = SystemClock()
    asyncio.run(until_stopped(work(loaded, node=name, address=address, clock=clock), tied=tied))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("worker")(worker)
