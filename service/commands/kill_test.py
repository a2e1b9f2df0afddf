"""`yinding kill-test`: real processes, SIGKILL at random moments under load."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from model.clock import SystemClock
from service.exits import BadResultError
from service.kill_test import bad_words, kill_test


def kill_test_command(
    *,
    rounds: Annotated[int, typer.Option(min=1, max=100_000, help="How many kills.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="When the kills come.")] = 1,
    folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the store lies: take a real disk.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Kill a real service at random moments under load, and look for what was lost.

    What the broker took must be in the store afterwards, and each terminal must act exactly once
    on every order. Needs Mosquitto on this machine.
    """

    def tell(done: int) -> None:
        if not as_json:
            typer.echo(f"round {done} of {rounds}", err=True)

    summary = kill_test(rounds=rounds, seed=seed, folder=folder, clock=SystemClock(), on_round=tell)
    if as_json:
        typer.echo(json.dumps(summary))
    else:
        for name, value in summary.items():
            typer.echo(f"{name:14} {value}")
    if bad := bad_words(summary):
        raise BadResultError("; ".join(bad))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("kill-test")(kill_test_command)
