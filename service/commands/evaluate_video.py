"""`yinding evaluate video`: how good the counts are in a video whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress

from crowd.estimator import Estimator
from crowd.report import write_report
from crowd.report_pictures import Album
from crowd.video_evaluation import (
    Heads,
    Looked,
    TruthError,
    TruthKind,
    VideoUnreadableError,
    read_truth,
    score_video,
    video_report,
)
from service.commands.estimate import Size
from service.exits import BadResultError, OutsideError, WrongUseError
from service.figures_table import show_figures


def video(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A video file.")],
    *,
    boxes: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="People: frame,person,left,top,width,height."),
    ] = None,
    points: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Heads: frame,x,y in pixels.")
    ] = None,
    every_s: Annotated[
        float, typer.Option("--every", min=0, metavar="S", help="One frame every S seconds.")
    ] = 1.0,
    model: Annotated[Size, typer.Option(help="Which shipped network.")] = Size.FULL,
    report_to: Annotated[
        Path | None,
        typer.Option("--report", metavar="OUT.html", help="Also write a page with the worst ones."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Count frames of FILE and compare with people's boxes or head points, frames counted from 0.

    Figures are those of `evaluate stills` over the frames looked at; `frames` is how many frames of
    the video they span. A frame without a row shows nobody; heads outside the picture do not count.
    """
    truth = _truth(file, boxes, points)
    estimator = Estimator(model.value)
    album = Album()
    with Progress(console=Console(stderr=True), transient=True, disable=as_json) as progress:
        task = progress.add_task("counting", total=None)

        def keep(looked: Looked) -> None:
            progress.advance(task)
            if report_to is not None:
                album.add(looked)

        try:
            scores, span = score_video(file, truth, estimator, every_s=every_s, watch=keep)
        except (VideoUnreadableError, ValueError) as error:
            raise BadResultError(str(error)) from error
    found = video_report(scores, frames_spanned=span, model=estimator.model)
    if report_to is not None:
        try:
            write_report(report_to, source=file.name, found=found, scores=scores, album=album)
        except OSError as error:
            raise OutsideError(f"{report_to}: {error.strerror}") from error
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
    else:
        show_figures(found)


def _truth(file: Path, boxes: Path | None, points: Path | None) -> dict[int, Heads]:
    named = [
        (path, kind)
        for path, kind in ((boxes, TruthKind.BOXES), (points, TruthKind.POINTS))
        if path
    ]
    if len(named) != 1:
        raise WrongUseError("name the truth: either --boxes or --points")
    if not file.is_file():
        raise WrongUseError(f"{file}: no such file")
    try:
        return read_truth(*named[0])
    except TruthError as error:
        raise WrongUseError(str(error)) from error
