"""`yinding store`: what the store holds, and moving its history to a time-series server."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import typer

from model.clock import SystemClock
from service.exits import OutsideError
from service.moving import move
from service.site import open_site
from store.errors import StoreError

app = typer.Typer(no_args_is_help=True, help="The store of a site: move its history.")


def migrate(
    site_path: Annotated[Path, typer.Argument(metavar="SITE.yaml", help="The site file.")],
    *,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--from",
            formats=["%Y-%m-%d"],
            help="First day; by default what is not moved yet of all that is kept.",
        ),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], help="Day after the last; by default now."),
    ] = None,
    back: Annotated[
        bool, typer.Option("--back", help="From the server into the embedded store.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Move readings to the time-series server that the site file names, or back from it.

    Day by day, counted on the other side, and gone on with where it was interrupted. To a server
    nothing is removed here, and a running service goes on; back, the service must be stopped. The
    same reading twice is one: run VictoriaMetrics with -dedup.minScrapeInterval=1ms. An InfluxDB is
    written to, and neither counted nor read.
    """
    loaded = open_site(site_path)
    tz = ZoneInfo(loaded.site.site.timezone)
    try:
        moved = move(
            loaded,
            SystemClock(),
            back=back,
            since=_as_of(since, tz),
            until=_as_of(until, tz),
            say=lambda day, count: typer.echo(
                f"{day.astimezone(tz):%Y-%m-%d}: {count} readings so far", err=True
            ),
        )
    except StoreError as error:
        raise OutsideError(str(error)) from error
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(moved)))
    else:
        counted = "moved and counted there" if moved.counted else "sent; this server is not asked"
        typer.echo(f"{moved.readings} readings of {moved.sources} sources {counted}")


def _as_of(day: datetime | None, tz: ZoneInfo) -> datetime | None:
    """The beginning of a day of the site's own time."""
    return None if day is None else day.replace(tzinfo=tz).astimezone(UTC)


app.command("migrate")(migrate)


@app.callback()
def _group() -> None:
    """Keep `migrate` a command of its own name while it is the only one."""


def register(parent: typer.Typer) -> None:
    """Add the group."""
    parent.add_typer(app, name="store")
