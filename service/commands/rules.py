"""`yinding rules`: what a site's rules would have done on stored readings."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import typer

from alerts.replaying import RuleMoved, replay
from service.exits import OutsideError, WrongUseError
from service.past_readings import past_readings
from service.site import open_site
from store.embedded import StoreReader
from store.errors import StoreError

DAYS_MOST = 31
_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]

rules = typer.Typer(no_args_is_help=True, help="The rules that make warnings.")


@rules.callback()
def _rules() -> None:
    """The rules that make warnings."""


@rules.command("replay")
def replay_rules(
    site_path: Annotated[Path, typer.Argument(metavar="SITE.yaml", help="The site file.")],
    *,
    begin: Annotated[
        datetime, typer.Option("--from", formats=_FORMATS, help="From when, in the site's time.")
    ],
    end: Annotated[
        datetime, typer.Option("--to", formats=_FORMATS, help="Until when, in the site's time.")
    ],
    changed: Annotated[
        Path | None,
        typer.Option("--changed", metavar="OTHER.yaml", help="A site file with changed rules."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Show what rules would have done on stored readings: when which level would have moved.

    With --changed the same readings go through both files' rules, and both are counted. Nothing is
    stored and nobody is told. Detectors' alarms, motion and forecasts are not replayed.
    """
    loaded = open_site(site_path, secrets_needed=False)
    zone = ZoneInfo(loaded.site.site.timezone)
    start, stop = begin.replace(tzinfo=zone), end.replace(tzinfo=zone)
    if not start < stop <= start + timedelta(days=DAYS_MOST):
        raise WrongUseError(f"--from must lie before --to, by {DAYS_MOST} days at most")
    other = None if changed is None else open_site(changed, secrets_needed=False).site
    try:
        with StoreReader.look(loaded.data_folder) as store:
            seen = past_readings(loaded.site, store, start, stop)
    except StoreError as error:
        raise OutsideError(str(error)) from error
    now = replay(loaded.site, seen)
    then = None if other is None else replay(other, seen)
    if as_json:
        body = {"readings": len(seen), "now": _sum(now), "moves": now}
        if then is not None:
            body |= {"changed": _sum(then), "changed_moves": then}
        typer.echo(msgspec.json.encode(body).decode())
        return
    _tell("as it is", len(seen), now, zone)
    if then is not None:
        _tell("changed", len(seen), then, zone)


def _sum(moves: list[RuleMoved]) -> dict[str, int]:
    """How often each rule would have raised each level."""
    return dict(
        Counter(
            f"{move.rule} {move.after.value}"
            for move in moves
            if move.after is not None
            and (move.before is None or move.after.rank > move.before.rank)
        )
    )


def _tell(name: str, readings: int, moves: list[RuleMoved], zone: ZoneInfo) -> None:
    typer.echo(f"{name}: {len(moves)} moves on {readings} stored readings")
    for move in moves:
        before = "calm" if move.before is None else move.before.value
        after = "calm" if move.after is None else move.after.value
        at = move.at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
        typer.echo(f"{at} {move.zone} {move.rule}: {before} → {after}: {move.text.en}")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(rules, name="rules")
