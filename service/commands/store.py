"""`yinding store`: what the store holds, and moving its history to a time-series server."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import typer

from model.clock import SystemClock
from service.exits import OutsideError, WrongUseError
from service.series_line import series_server
from service.site import open_site
from store.embedded import StoreReader
from store.errors import StoreError
from store.moving import move_readings

app = typer.Typer(no_args_is_help=True, help="The store of a site: move its history.")


def migrate(
    site_path: Annotated[Path, typer.Argument(metavar="SITE.yaml", help="The site file.")],
    *,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--from", formats=["%Y-%m-%d"], help="First day; by default all that is kept."
        ),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], help="Day after the last; by default now."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Send the embedded store's readings to the time-series server that the site file names.

    Nothing is removed here, and a running service goes on. Begun again after a failure it sends the
    same rows once more, which the server takes for the same: -dedup.minScrapeInterval=1ms on
    VictoriaMetrics.
    """
    loaded = open_site(site_path)
    server = series_server(loaded)
    if server is None:
        raise WrongUseError(f"{site_path}: store.readings: names no server to move history to")
    tz = ZoneInfo(loaded.site.site.timezone)
    now = SystemClock().now()
    kept_from = now - timedelta(days=loaded.site.store.keep_days + 1)
    start = kept_from if since is None else since.replace(tzinfo=tz).astimezone(UTC)
    end = now if until is None else until.replace(tzinfo=tz).astimezone(UTC)
    try:
        with StoreReader.look(loaded.data_folder) as store:
            moved = move_readings(
                store,
                server,
                site=loaded.site.site.id,
                start=start,
                end=end,
                say=lambda day, count: typer.echo(
                    f"{day.astimezone(tz):%Y-%m-%d}: {count} readings so far", err=True
                ),
            )
    except StoreError as error:
        raise OutsideError(str(error)) from error
    finally:
        server.close()
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(moved)))
    else:
        typer.echo(f"{moved.readings} readings of {moved.sources} sources moved")


app.command("migrate")(migrate)


@app.callback()
def _group() -> None:
    """Keep `migrate` a command of its own name while it is the only one."""


def register(parent: typer.Typer) -> None:
    """Add the group."""
    parent.add_typer(app, name="store")
