"""`yinding torture`: seeded whole-system runs on a fake clock, with faults, judged from outside."""

from __future__ import annotations

import json
import os
from typing import Annotated

import typer

from service.exits import BadResultError
from service.torture import faults_found, torture
from service.torture_plants import TorturePlant
from simulators.torture.observer import Findings

JOBS_MOST = 64


def torture_command(
    *,
    runs: Annotated[int, typer.Option(min=1, max=100_000, help="How many runs.")] = 300,
    seed: Annotated[int, typer.Option(min=0, help="The first run's seed.")] = 1,
    plant: Annotated[
        TorturePlant | None,
        typer.Option(help="Switch a known bug on: the runs must find it and exit 1."),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, max=JOBS_MOST, help="Runs at a time; by default one per core."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Live through evenings that never were, with everything breaking, and count what went wrong.

    The real decisions and the real store (in memory-backed files, without waiting for the disk),
    the simulated devices' own state machines, a simulated network and broker. One seed replays one
    run exactly: `yinding torture --runs 1 --seed N`.
    """

    def tell(findings: Findings) -> None:
        for each in findings.found:
            at = f"seed {findings.seed} at {each.t:.1f} s"
            typer.echo(f"{at}: {each.count}: {each.what}", err=True)

    summary = torture(
        runs=runs, seed=seed, plant=plant, jobs=jobs or os.cpu_count() or 1, on_run=tell
    )
    if as_json:
        typer.echo(json.dumps(summary))
    else:
        for name, value in summary.items():
            typer.echo(f"{name:14} {value}")
    bad = faults_found(summary)
    if bad:
        raise BadResultError("; ".join(bad))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("torture")(torture_command)
