"""`yinding gateway`: lanes whose controllers are PLCs on Modbus/TCP."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from model.clock import SystemClock
from service.children import until_stopped
from service.gateway import gateway
from service.site import open_site


def gateway_command(
    path: Annotated[Path, typer.Argument(metavar="SITE.yaml", help="The site file.")],
    *,
    tied: Annotated[
        bool, typer.Option("--tied", hidden=True, help="End when standard input ends.")
    ] = False,
) -> None:
    """Speak Modbus/TCP to the site's PLC lanes, and the contract to the broker, until stopped.

    `yinding serve` starts this beside itself; run it alone on a machine nearer to the PLCs.
    """
    loaded = open_site(path)
    asyncio.run(until_stopped(gateway(loaded, clock=SystemClock()), tied=tied))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("gateway")(gateway_command)
