"""`yinding bench broadcast`: from the crossing to the receipts of a whole site's terminals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from service.bench_broadcast import run_bench


def broadcast(
    *,
    terminals: Annotated[
        int, typer.Option(min=1, max=20_000, help="Terminals, each with its own connection.")
    ] = 1_000,
    rounds: Annotated[int, typer.Option(min=1, max=1_000, help="Warnings to measure.")] = 5,
    folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the store lies: take a real disk.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Measure until 99 % of all terminals have verified and receipted a new warning.

    The receipts count when they are on disk with full sync. The bare client signs, publishes and
    counts without a service, through the same Mosquitto and with the same terminals.
    """
    result = run_bench(terminals=terminals, rounds=rounds, folder=folder)
    if as_json:
        typer.echo(json.dumps(result))
        return
    for name, figures in (("ours", result["ours"]), *result["floor"].items()):
        typer.echo(
            f"{name:12} 99 % receipted in {figures['receipted_99_s']:.3f} s"
            f" (worst of {figures['rounds']}: {figures['worst_s']:.3f} s)"
        )
    typer.echo(f"{terminals} terminals, store on {result['machine']['store_file_system']}")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("broadcast")(broadcast)
