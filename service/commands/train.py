"""`yinding train`: train the counting network from scratch on pictures with marked heads."""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from crowd.stills import Still, StillsError, read_folder, split, write_folder
from service.commands.estimate import Size
from service.exits import OutsideError, WrongUseError


class Device(StrEnum):
    """Where training runs."""

    CPU = "cpu"
    CUDA = "cuda"


def train(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="DIR…", help="Each with images/ and heads.csv (image,x,y)."),
    ],
    *,
    model: Annotated[Size, typer.Option(help="Which network.")] = Size.FULL,
    out: Annotated[Path, typer.Option(help="Checkpoint, log and ONNX files go here.")] = Path(
        "runs/train"
    ),
    steps: Annotated[
        int | None, typer.Option(min=1, help="Optimiser steps; default by the recipe.")
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(min=1e-7, max=1, help="Its peak; default by the recipe.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same run.")] = 1,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the checkpoint in --out.")
    ] = False,
    device: Annotated[Device, typer.Option(help="Where to train.")] = Device.CPU,
    start: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Begin with a file that counts (.onnx) or another run's checkpoint.",
        ),
    ] = None,
    shares: Annotated[
        list[str] | None,
        typer.Option(
            "--share", metavar="NAME=TIMES", help="Draw this folder so many times as often."
        ),
    ] = None,
    varied: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            metavar="NAME=TIMES",
            help="Change this folder's pictures so many times as much (distance, light, damage).",
        ),
    ] = None,
    start_share: Annotated[
        float,
        typer.Option(
            min=0, max=0.9, help="With --start: how much of it goes into the final weights."
        ),
    ] = 0.0,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; default all.")] = None,
    split_to: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR2", help="Only write the held-out pictures there, one folder each."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Progress as JSON lines.")] = False,
) -> None:
    """Train on seven eighths of the pictures, watch the rest, and export to ONNX.

    Which pictures are held out is decided by their names alone. Needs PyTorch, which
    `make train-setup` puts into `.venv-train`; everything else of this program runs without it.
    """
    try:
        parts = {folder.resolve().name: split(read_folder(folder)) for folder in folders}
    except StillsError as error:
        raise WrongUseError(str(error)) from error
    if len(parts) != len(folders):
        raise WrongUseError(
            "two folders have the same name; rename one, so that figures can be told apart"
        )
    if split_to is not None:
        _write_split(parts, split_to)
        return
    if not any(training for training, _ in parts.values()):
        raise WrongUseError("no picture to train on: all of these are held out by their names")
    try:
        from crowd import export, training  # noqa: PLC0415  # PyTorch is an extra
    except ImportError as error:
        raise OutsideError(
            "training needs PyTorch: `make train-setup` makes .venv-train with it, run this from there"
        ) from error
    plan = training.RECIPES[model.value]
    plan = msgspec.structs.replace(
        plan,
        seed=seed,
        steps=steps or plan.steps,
        learning_rate=learning_rate or plan.learning_rate,
        settle_share=plan.settle_share if start is None else 0.0,
        start_share=start_share,
        shares=_by_folder("--share", shares or [], parts),
        varied=_by_folder("--vary", varied or [], parts),
    )
    out.mkdir(parents=True, exist_ok=True)
    held_out = {name: [still.name for still in part[1]] for name, part in parts.items()}
    (out / "validation.json").write_text(json.dumps(held_out, indent=1), encoding="utf-8")
    try:
        checkpoint = training.train(
            plan,
            parts,
            out,
            device=device.value,
            resume=resume,
            start=start,
            threads=threads,
            report=lambda progress: _tell(progress, as_json=as_json),
        )
    except training.PlanError as error:
        raise WrongUseError(str(error)) from error
    learned_from = [still for part in parts.values() for still in part[0]]
    files = export.export_checkpoint(checkpoint, learned_from, out)
    most_drawn = max(parts, key=lambda name: (plan.shares.get(name, 1.0), len(parts[name][0])))
    for file in files:
        export.learn_gain(file, model.value, parts[most_drawn][0])
        export.learn_bounds(file, model.value, {name: part[1] for name, part in parts.items()})
    for file in files:
        typer.echo(json.dumps({"file": str(file)}) if as_json else f"wrote {file}")


def _by_folder(option: str, given: list[str], parts: Collection[str]) -> dict[str, float]:
    """NAME=TIMES, each name one of the folders and each number above zero."""
    numbers = {}
    for text in given:
        name, _, times = text.partition("=")
        try:
            numbers[name] = float(times)
        except ValueError as error:
            raise WrongUseError(
                f"{option} {text}: expected NAME=TIMES, such as street=3"
            ) from error
        if name not in parts or not 0 < numbers[name] < math.inf:
            raise WrongUseError(f"{option} {text}: the name of a folder and a number above 0")
    return numbers


def _write_split(parts: dict[str, tuple[list[Still], list[Still]]], out: Path) -> None:
    try:
        for name, (_, held_out) in parts.items():
            write_folder(held_out, out / name)
            typer.echo(f"{out / name}: {len(held_out)} pictures", err=True)
    except StillsError as error:
        raise WrongUseError(str(error)) from error


def _tell(progress: Any, *, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(progress).decode())
        return
    errors = ", ".join(f"{name} {mae:.1f}" for name, mae in progress.validation_mae.items())
    typer.echo(
        f"step {progress.step}/{progress.steps}  loss {progress.loss:.2f}  held-out MAE {errors}"
    )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train")(train)
