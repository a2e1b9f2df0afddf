"""`yinding report`: daily notice, weekly summary and monthly analysis, as HTML and PDF in both languages."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from console.reports.figures import Period
from crowd.forecast.surroundings import UnknownCalendarError
from model.clock import SystemClock
from service.exits import OutsideError, WrongUseError
from service.looking import look_into
from service.report_files import reporter_of, write_report
from service.site import open_site
from store.errors import StoreError


def report_command(
    period: Annotated[Period, typer.Argument(help="What to look back on.")],
    site_path: Annotated[
        Path | None,
        typer.Argument(
            metavar="[SITE.yaml]", help="The site file; by default the only one in this folder."
        ),
    ] = None,
    *,
    date: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="A day of the period: 2026-10-01; by default yesterday."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Where to write; by default the site's folder of reports."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="The report's figures as one JSON document.")
    ] = False,
) -> None:
    """Write a report of the day, the week or the month that DATE lies in.

    Two languages, each as HTML and PDF, and the figures as JSON beside them. The service may be running: it is
    only read. `yinding simulate SITE.yaml --history 60` makes a past to try it on.
    """
    loaded = open_site(_site_path(site_path), secrets_needed=False)
    day = _day(date)
    folder = out or loaded.folder / loaded.site.reports.folder
    try:
        with look_into(loaded) as store:
            reporter = reporter_of(loaded.site, loaded.folder, store)
            report = reporter.report(period, day, SystemClock().now())
        written = write_report(report, folder)
    except StoreError as error:
        raise OutsideError(str(error)) from error
    except OSError as error:
        raise OutsideError(f"{folder}: cannot be written: {error.strerror}") from error
    except UnknownCalendarError as error:
        raise WrongUseError(f"{loaded.path}: visits.holidays: {error}") from error
    if as_json:
        typer.echo(next(path for path in written if path.suffix == ".json").read_text("utf-8"))
        return
    for path in written:
        typer.echo(str(path))


def _day(text: str | None) -> dt.date:
    if text is None:
        return SystemClock().now().date() - dt.timedelta(days=1)
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise WrongUseError(f"--date {text}: expected a day as 2026-10-01") from None


def _site_path(given: Path | None) -> Path:
    if given is not None:
        return given
    found = [
        path
        for path in sorted(Path.cwd().glob("*.yaml"))
        if path.read_text(encoding="utf-8", errors="replace").startswith(("site:", "#"))
    ]
    if len(found) != 1:
        raise WrongUseError("say which site: yinding report daily SITE.yaml --date 2026-10-01")
    return found[0]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report")(report_command)
