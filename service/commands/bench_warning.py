"""`yinding bench warning`: from a published reading to the order at the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from service.bench_warning import run_bench


def warning(
    *,
    samples: Annotated[int, typer.Option(min=10, max=100_000, help="Warnings to measure.")] = 5_000,
    folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the store lies: take a real disk.")
    ] = None,
    readings_per_s: Annotated[
        float,
        typer.Option(min=0, max=10_000, help="Camera readings meanwhile; 382 cameras say 191."),
    ] = 191.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Measure the time to a warning against a bare round trip through the same Mosquitto.

    All of Shichahai's readings flow meanwhile. Hold 0, a new case each time, every decision on disk with full sync before it leaves.
    """
    result = run_bench(samples=samples, folder=folder, readings_per_s=readings_per_s)
    if as_json:
        typer.echo(json.dumps(result))
        return
    for name, figures in (("ours", result["ours"]), *result["floor"].items()):
        typer.echo(f"{name:16} p50 {figures['p50_ms']:8.2f} ms   p99 {figures['p99_ms']:8.2f} ms")
    typer.echo(f"store on {result['machine']['store_file_system']}, {samples} samples")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("warning")(warning)
