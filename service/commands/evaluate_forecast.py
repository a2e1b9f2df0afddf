"""`yinding evaluate forecast`: how far forecasts were from what came, on counts that are known."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from crowd.forecast.evaluation import ALL, ForecastScore, evaluate
from crowd.forecast.history import History, HistoryError, read_history
from service.exits import BadResultError, WrongUseError


def forecast(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Hourly counts: site,date,hour,count.")
    ],
    *,
    first: Annotated[
        str, typer.Option("--from", metavar="DATE", help="The first day to forecast: 2016-01-01.")
    ],
    hour: Annotated[
        int,
        typer.Option("--at", metavar="HOUR", min=0, max=23, help="What was known at this hour."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Forecast every day of FILE from DATE on, as it was known at HOUR, and compare with what came.

    Known: earlier days, and rows of the day with hour < HOUR. Scored: days with 24 rows, not all zero, whose
    weekday last week is too. wape is the sum of absolute errors of the day's total over the sum of totals;
    peak_hit_1h the share of days whose fullest hour was named to within one; coverage_80 the share of totals
    inside the 80 % bounds. `all` is the plain mean over sites; its days and skipped are sums.
    """
    day = _day(first)
    try:
        history = read_history(file)
    except HistoryError as error:
        raise WrongUseError(str(error)) from error
    if ALL in history.sites:
        raise WrongUseError(
            f"{file}: a site is called {ALL!r}, which stands for the mean; rename it"
        )
    scores = _evaluate(history, day, hour, quiet=as_json)
    if as_json:
        typer.echo(msgspec.json.encode(scores).decode())
    else:
        _show(scores)
    if not scores[ALL].days:
        raise BadResultError(f"{file}: no day from {day} on can be scored")


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise WrongUseError(f"--from {text}: expected a day as 2016-01-01") from None


def _evaluate(
    history: History, day: dt.date, hour: int, *, quiet: bool
) -> dict[str, ForecastScore]:
    days = max(0, history.days - max(0, history.index(day)))
    with Progress(console=Console(stderr=True), transient=True, disable=quiet) as progress:
        task = progress.add_task("forecasting", total=days * len(history.sites))
        return evaluate(history, day, hour, watch=lambda _: progress.advance(task))


def _show(scores: dict[str, ForecastScore]) -> None:
    names = [name for name in ForecastScore.__struct_fields__ if name != "notes"]
    table = Table("site", *names)
    for site, score in scores.items():
        values = [getattr(score, name) for name in names]
        table.add_row(
            site,
            *("–" if v is None else f"{v:.3f}" if isinstance(v, float) else str(v) for v in values),
        )
    console = Console()
    console.print(table)
    for site, score in scores.items():
        for note in score.notes:
            console.print(f"{site}: {note}", markup=False)
