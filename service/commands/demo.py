"""`yinding demo`: a small Shichahai lives through a peak evening, all of it on this machine.

It adds nothing of its own: it writes a site file with free ports into a folder, runs the same
`serve` and `simulate` as any site, and reads their logs afterwards.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from service.demo import Break, DemoOptions, run_demo
from service.exits import WrongUseError


def demo(
    *,
    seconds: Annotated[
        float | None,
        typer.Option(
            "--for", metavar="S", min=60, help="Live through it once, in about S seconds."
        ),
    ] = None,
    videos: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Show these video files as further cameras."),
    ] = None,
    headless: Annotated[
        bool, typer.Option("--headless", help="Live through it once and judge it; no prompt.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    breaking: Annotated[
        Break | None,
        typer.Option("--break", help="Break the chain on purpose: the summary must say so."),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep the run's site file, store and logs in a new DIR."),
    ] = None,
) -> None:
    """Run the whole system on this machine: simulated cameras, gates, terminals and bollards.

    Without options it prints the console's address and a one-time password, and goes on until
    Ctrl-C. With --headless or --for it ends after one evening with a summary that is counted from
    the scenario's truth and the field's own logs; anything missed, doubled or silent exits 1.
    """
    if videos is not None and not videos.is_dir():
        raise WrongUseError(f"{videos}: not a folder")
    if keep is not None and keep.exists():
        raise WrongUseError(f"{keep}: exists already; name a new folder")
    folder = keep or Path(tempfile.mkdtemp(prefix="yinding-demo-"))
    try:
        run_demo(
            DemoOptions(
                folder=folder,
                seconds=seconds,
                videos=videos,
                headless=headless,
                as_json=as_json,
                breaking=breaking,
            )
        )
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)
