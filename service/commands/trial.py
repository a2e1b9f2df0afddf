"""`yinding trial`: single rules, tried against everything that could break them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

import typer

from service import trial_lanes, trial_orders
from service.exits import BadResultError

Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same trial.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]

trial = typer.Typer(
    no_args_is_help=True, help="Try the interlock and the order check, and count what got through."
)


@trial.command()
def bollards(
    *,
    steps: Annotated[int, typer.Option(min=1_000, help="Tenths of a second of one lane.")] = (
        100_000
    ),
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """Ask a lane to rise while its loop goes stale, flaps and lies over a broken link.

    No raise may leave without a fresh, clear and believed state, none may move under a vehicle,
    and no order may move a lane twice.
    """
    summary = trial_lanes.try_lanes(steps=steps, seed=seed, on_life=_progress(as_json, steps))
    _tell(summary, trial_lanes.bad_words(summary), as_json=as_json)


@trial.command()
def orders(
    *,
    attacks: Annotated[int, typer.Option(min=100, help="Orders that must not be obeyed.")] = (
        100_000
    ),
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """Put forged, replayed, expired, reordered, misaddressed and bit-flipped orders before devices.

    Every act must go back to an order of the service, and each acts once.
    """
    summary = trial_orders.try_orders(
        attacks=attacks, seed=seed, on_done=_progress(as_json, attacks)
    )
    _tell(summary, trial_orders.bad_words(summary), as_json=as_json)


def _progress(quiet: bool, total: int) -> Callable[[int], None]:  # noqa: FBT001 - one module
    told = -1

    def tell(done: int) -> None:
        nonlocal told
        tenth = done * 10 // total
        if not quiet and tenth != told:
            told = tenth
            typer.echo(f"{done} of {total}", err=True)

    return tell


def _tell(summary: dict[str, Any], bad: list[str], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(summary))
    else:
        for name, value in summary.items():
            typer.echo(f"{name:14} {value}")
    if bad:
        raise BadResultError("; ".join(bad))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(trial, name="trial")
