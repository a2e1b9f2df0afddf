"""`yinding conform`: does a device keep the contract?"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from model.clock import SystemClock
from service.conform import bad_clauses, conform
from service.exits import BadResultError, WrongUseError
from service.site import open_site
from wire.codec import known_devices


def conform_command(
    path: Annotated[Path, typer.Argument(metavar="SITE.yaml", help="The site file.")],
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="camera, counter, sensor, terminal or bollard.")
    ],
    *,
    device: Annotated[str, typer.Option("--id", metavar="ID", help="The device's id.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Play the service against one device, real or simulated: pass or fail per clause.

    Every order is an exercise: a terminal says so, a lane moves nothing. Run it while the service
    is stopped, or with one that may see the receipts of orders that it did not send.
    """
    loaded = open_site(path)
    known = {each.value: ids for each, ids in known_devices(loaded.site).items()}
    if kind not in known:
        raise WrongUseError(f"{kind} is no kind of device: {', '.join(known)}")
    if device not in known[kind]:
        raise WrongUseError(f"{path}: there is no {kind} `{device}` in this site")
    result = asyncio.run(conform(loaded, kind=kind, device=device, clock=SystemClock()))
    _tell(result, as_json=as_json)
    if bad := bad_clauses(result):
        raise BadResultError(f"{kind} {device} fails {', '.join(bad)}")


def _tell(result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False))
        return
    for clause in result["clauses"]:
        detail = f"  ({clause['detail']})" if clause["detail"] else ""
        typer.echo(f"{clause['verdict']:10}  {clause['name']}: {clause['says']}{detail}")
    typer.echo(f"{result['passed']} passed, {result['failed']} failed")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("conform")(conform_command)
