"""`yinding estimate`: how many people are in pictures, videos or streams."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import msgspec
import typer

from crowd.estimator import Estimator
from crowd.sight import SightVerdict, judge
from crowd.sources import Frame, frames
from model.level import Sight
from service.exits import BadResultError


class Size(StrEnum):
    """The two shipped networks."""

    SMALL = "small"
    FULL = "full"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One answer: numbers where there is sight, null where there is none."""

    source: str
    frame: int
    count: float | None
    count_low: float | None
    count_high: float | None
    sight: Sight
    reason: str | None


def lines(
    sources: list[str], estimator: Estimator, *, every_s: float, most: int | None
) -> Iterator[Line]:
    """One line a picture or frame, in the order of the sources."""
    for source in sources:
        for frame in frames(source, every_s=every_s, most=most):
            yield _line(frame, estimator)


def _line(frame: Frame, estimator: Estimator) -> Line:
    if frame.picture is None:
        return _blind(frame, f"unreadable: {frame.unreadable}")
    verdict = judge(frame.picture)
    if verdict.sight is not Sight.LIVE:
        return _blind(frame, _reason(verdict))
    estimate = estimator.estimate(frame.picture)
    return Line(
        source=frame.source,
        frame=frame.index,
        count=round(estimate.count, 2),
        count_low=round(estimate.count_low, 2),
        count_high=round(estimate.count_high, 2),
        sight=Sight.LIVE,
        reason=None,
    )


def _reason(verdict: SightVerdict) -> str:
    return str(verdict.reason) if verdict.reason else "blind"


def _blind(frame: Frame, reason: str) -> Line:
    return Line(
        source=frame.source,
        frame=frame.index,
        count=None,
        count_low=None,
        count_high=None,
        sight=Sight.BLIND,
        reason=reason,
    )


def estimate(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE…", help="Pictures, folders, video files, rtsp:// addresses."
        ),
    ],
    *,
    model: Annotated[
        Size, typer.Option(help="small: sub streams up to 640×480. full: up to 1080p.")
    ] = Size.FULL,
    every_s: Annotated[
        float,
        typer.Option("--every", min=0, metavar="S", help="Of a video, one frame every S seconds."),
    ] = 1.0,
    most: Annotated[
        int | None, typer.Option("--frames", min=1, help="At most so many frames of each source.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document a line.")] = False,
) -> None:
    """Count the people in each picture or frame, with bounds that hold nine times in ten.

    A picture that cannot be read and a camera that sees nothing (black, covered, out of focus, a test
    picture) get a reason and no number. Exit code 1 if any source was unreadable.
    """
    unreadable = 0
    for line in lines(sources, Estimator(model.value), every_s=every_s, most=most):
        unreadable += bool(line.reason and line.reason.startswith("unreadable"))
        typer.echo(msgspec.json.encode(line).decode() if as_json else _told(line))
    if unreadable:
        raise BadResultError(f"{unreadable} unreadable")


def _told(line: Line) -> str:
    where = f"{line.source}#{line.frame}" if line.frame else line.source
    if line.count is None:
        return f"{where}: blind ({line.reason})"
    return f"{where}: {line.count:.0f} people ({line.count_low:.0f} to {line.count_high:.0f})"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("estimate")(estimate)
