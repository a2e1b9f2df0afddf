"""`yinding bench store`: what the readings of a whole site cost in each engine."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from service.bench_store import OURS, PEERS, Result, bench_store


class EngineName(StrEnum):
    """What can be measured."""

    EMBEDDED = "embedded"
    SQLITE_ROWS = "sqlite-rows"
    DUCKDB = "duckdb"
    VICTORIAMETRICS = "victoriametrics"


def store(
    *,
    engine: Annotated[
        list[EngineName] | None,
        typer.Option("--engine", help="Only this one; may be given again. All by default."),
    ] = None,
    minutes: Annotated[
        float, typer.Option(min=0.1, max=600, help="Simulated minutes of the site to write.")
    ] = 60.0,
    folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the files lie: take a real disk.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Measure writing, disk, two questions and a kill, in our store and its peers, in one run.

    400 cameras and 2,000 sensors, 400 readings a second, one synced commit a second. `ratio` is the
    peer's cost divided by ours. DuckDB and VictoriaMetrics are measured where they are installed.
    """
    chosen = tuple(each.value for each in engine) if engine else (OURS, *PEERS)
    result = bench_store(
        engines=chosen, minutes=minutes, folder=folder, say=lambda text: typer.echo(text, err=True)
    )
    if as_json:
        typer.echo(json.dumps(result))
    else:
        _tell(result)


def _tell(result: Result) -> None:
    names = ("commit_p50_ms", "commit_p99_ms", "mb_per_million_rows", "zone_24h_ms", "hours_7d_ms")
    typer.echo(f"{'':16}" + "".join(f"{name:>21}" for name in (*names, "lost_rows", "opens_s")))
    every = ({OURS: result["ours"]} if result["ours"] else {}) | result["peers"]
    for engine, row in every.items():
        told = "".join(f"{row[name]:>21}" for name in (*names, "lost_rows", "opens_s"))
        typer.echo(f"{engine:16}{told}")
    for line in result["not_measured"]:
        typer.echo(f"not measured: {line}", err=True)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("store")(store)
