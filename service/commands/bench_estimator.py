"""`yinding bench estimator`: what a count costs and how good it is, beside MCNN."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from crowd.estimator import Size
from crowd.stills import Still, StillsError, read_folder, split
from crowd.weights_file import shipped
from service.bench_estimator import bench_estimator
from service.exits import WrongUseError


def estimator(
    *,
    stills: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Pictures with marked heads, for accuracy as well."),
    ] = None,
    validation: Annotated[
        bool, typer.Option("--validation", help="Only those that training holds out.")
    ] = False,
    rounds: Annotated[int, typer.Option(min=1, max=1000, help="How often each is timed.")] = 10,
    fp32_small: Annotated[
        Path | None, typer.Option(metavar="FILE", help="small with 32-bit weights, ONNX.")
    ] = None,
    fp32_full: Annotated[
        Path | None, typer.Option(metavar="FILE", help="full with 32-bit weights, ONNX.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Time the networks on one thread, small at 640×360 and full at 1024×768, beside MCNN.

    MCNN has its published layout (0.13 M parameters, 32 bits) and random weights. `ratio` is its
    median time divided by ours. 32-bit files beside the shipped ones are measured without being named,
    OpenVINO where it is installed.
    """
    floats: dict[Size, Path] = {}
    named: dict[Size, Path | None] = {"small": fp32_small, "full": fp32_full}
    for size, given in named.items():
        path = given or shipped(f"{size}-fp32")
        if given or path.is_file():
            floats[size] = path
    for path in floats.values():
        if not path.is_file():
            raise WrongUseError(f"{path}: no such file")
    found = bench_estimator(
        stills=_stills(stills, validation=validation),
        rounds=rounds,
        floats=floats,
        say=lambda text: typer.echo(text, err=True),
    )
    if as_json:
        typer.echo(json.dumps(found))
        return
    for size, ways in found["ours"].items():
        for name, way in ways.items():
            accuracy = f"  mae {way['mae']}" if "mae" in way else ""
            typer.echo(
                f"{size:6}{name:18}{way['ms']['p50']:9.2f} ms  "
                f"MCNN ÷ ours {found['ratio'][size][name]:6.2f}{accuracy}"
            )
        typer.echo(f"{size:6}{'MCNN':18}{found['peers']['mcnn'][size]['ms']['p50']:9.2f} ms")
    for line in found["not_measured"]:
        typer.echo(f"not measured: {line}", err=True)


def _stills(folder: Path | None, *, validation: bool) -> list[Still]:
    if folder is None:
        return []
    try:
        found = read_folder(folder)
    except StillsError as error:
        raise WrongUseError(str(error)) from error
    return split(found)[1] if validation else found


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("estimator")(estimator)
