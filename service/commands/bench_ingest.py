"""`yinding bench ingest`: sustained readings through the rules onto the disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from service.bench_ingest import run_bench


def ingest(
    *,
    messages: Annotated[
        int, typer.Option(min=1_000, max=10_000_000, help="Readings to send.")
    ] = 100_000,
    folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the store lies: take a real disk.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Measure readings a second through the rules onto the disk, and through a bare client.

    Quality of service 1, full sync, all of Shichahai's rules.
    """
    result = run_bench(messages=messages, folder=folder)
    if as_json:
        typer.echo(json.dumps(result))
        return
    for name, figures in (("ours", result["ours"]), *result["floor"].items()):
        typer.echo(f"{name:12} {figures['messages_per_s']:10.0f} readings/s")
    typer.echo(f"store on {result['machine']['store_file_system']}, {messages} readings")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ingest")(ingest)
