"""`yinding evaluate`: how good the counts are, on pictures whose truth is known."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress

from crowd.corrected_estimator import (
    CorrectedEstimator,
    learn_correction,
    write_correction,
)
from crowd.estimator import Counting, Estimator
from crowd.evaluation import report, score_stills
from crowd.pictures import UnreadableError
from crowd.report import write_report
from crowd.report_pictures import album_of_stills
from crowd.stills import Still, StillsError, read_folder, split
from service.commands.estimate import Size
from service.commands.evaluate_forecast import forecast
from service.commands.evaluate_ground import ground
from service.commands.evaluate_nobody import nobody
from service.commands.evaluate_video import video
from service.exits import BadResultError, OutsideError, WrongUseError
from service.figures_table import show_figures

_SHRINK = re.compile(r"^([1-9]\d{0,4})x([1-9]\d{0,4})$")

evaluate = typer.Typer(no_args_is_help=True, help="Measure against known truth.")


@evaluate.callback()
def _group() -> None:
    """Measure against known truth."""


evaluate.command("forecast")(forecast)
evaluate.command("ground")(ground)
evaluate.command("nobody")(nobody)
evaluate.command("video")(video)


@evaluate.command("stills")
def stills(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="images/ and heads.csv (image,x,y in pixels).")
    ],
    *,
    model: Annotated[Size, typer.Option(help="Which shipped network.")] = Size.FULL,
    shrink: Annotated[
        str | None, typer.Option(metavar="WxH", help="Scale pictures down to fit in first.")
    ] = None,
    calibrate: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR2", help="Learn this camera's correction from these pictures first."
        ),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            "--correction",
            metavar="OUT.json",
            help="Keep what --calibrate learned, for the camera's `correction_file`.",
        ),
    ] = None,
    validation: Annotated[
        bool,
        typer.Option("--validation", help="Only the pictures that training holds out, by name."),
    ] = False,
    report_to: Annotated[
        Path | None,
        typer.Option("--report", metavar="OUT.html", help="Also write a page with the worst ones."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Count every picture of DIR with the shipped eight-bit network and report the errors.

    mae, rmse, bias and mape are in people (mape a share); r is the correlation of counts with the truth;
    coverage is the share of pictures whose truth lies between low and high, width the mean of high - low.
    """
    size = _size(shrink)
    if keep and not calibrate:
        raise WrongUseError("--correction keeps what --calibrate learns; give both")
    try:
        pictures = read_folder(folder)
        marked = read_folder(calibrate) if calibrate else None
    except StillsError as error:
        raise WrongUseError(str(error)) from error
    if validation:
        pictures = split(pictures)[1]
        if not pictures:
            raise WrongUseError(f"{folder}: none of its pictures is held out for validation")
    try:
        estimator = _counting(model, marked, size, keep)
        with Progress(console=Console(stderr=True), transient=True, disable=as_json) as progress:
            task = progress.add_task("counting", total=len(pictures))
            scores = score_stills(
                pictures,
                estimator,
                shrink=size,
                watch=lambda _: progress.advance(task),
            )
    except (UnreadableError, ValueError) as error:
        raise BadResultError(f"{folder}: {error}") from error
    found = report(scores, estimator.model)
    if report_to:
        album = album_of_stills(pictures, scores, estimator, shrink=size)
        try:
            write_report(report_to, source=folder.name, found=found, scores=scores, album=album)
        except OSError as error:
            raise OutsideError(f"{report_to}: {error.strerror}") from error
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
    else:
        show_figures(found)


def _counting(
    model: Size, marked: list[Still] | None, size: tuple[int, int] | None, keep: Path | None
) -> Counting:
    """The shipped network, corrected by marked pictures where there are some."""
    estimator = Estimator(model.value)
    if not marked:
        return estimator
    correction = learn_correction(marked, estimator, shrink=size)
    if keep:
        try:
            write_correction(keep, correction)
        except OSError as error:
            raise OutsideError(f"{keep}: {error.strerror}") from error
    return CorrectedEstimator(estimator, correction)


def _size(shrink: str | None) -> tuple[int, int] | None:
    if shrink is None:
        return None
    match = _SHRINK.match(shrink.lower())
    if not match:
        raise WrongUseError(f"--shrink {shrink}: expected WIDTHxHEIGHT, such as 640x480")
    return int(match[1]), int(match[2])


def register(app: typer.Typer) -> None:
    """Add the group, once."""
    if not any(group.name == "evaluate" for group in app.registered_groups):
        app.add_typer(evaluate, name="evaluate")
