"""`yinding export`: what was measured, counted and decided, as CSV or Parquet for other programs."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from model.clock import SystemClock
from service.exits import OutsideError, WrongUseError
from service.exporting import Subject, table_of, write_table
from service.looking import look_into
from service.site import open_site
from store.errors import StoreError


def export_command(
    subject: Annotated[Subject, typer.Argument(help="What to export.")],
    site_path: Annotated[Path, typer.Argument(metavar="SITE.yaml", help="The site file.")],
    *,
    first: Annotated[str, typer.Option("--from", metavar="DATE", help="The first day.")],
    last: Annotated[str, typer.Option("--to", metavar="DATE", help="The last day, with it.")],
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Ends in .csv or .parquet, which decides the form.")
    ],
    step_s: Annotated[
        int, typer.Option(metavar="S", min=1, help="How far apart readings stand.")
    ] = 900,
) -> None:
    """Write readings or records of some days to one file; the service may be running.

    Times are RFC 3339 with the site's offset. What is not known is empty, never zero. `visitors` is in the form
    that `yinding evaluate forecast` reads.
    """
    loaded = open_site(site_path, secrets_needed=False)
    days = (_day("--from", first), _day("--to", last))
    if days[1] < days[0]:
        raise WrongUseError(f"--to {last} lies before --from {first}")
    if out.suffix not in (".csv", ".parquet"):
        raise WrongUseError(f"--out {out}: expected a name that ends in .csv or .parquet")
    try:
        with look_into(loaded) as store:
            now = SystemClock().now()
            table = table_of(subject, loaded.site, store, days, now=now, step_s=step_s)
            rows = write_table(table, out)
    except StoreError as error:
        raise OutsideError(str(error)) from error
    except OSError as error:
        raise OutsideError(f"{out}: cannot be written: {error.strerror}") from error
    typer.echo(f"{rows} rows in {out}", err=True)


def _day(option: str, text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise WrongUseError(f"{option} {text}: expected a day as 2026-10-01") from None


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export")(export_command)
