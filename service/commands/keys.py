"""`yinding keys`: make the keys and passwords that a site file points to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from model.clock import SystemClock
from service.exits import WrongUseError
from service.secrets_folder import make_missing, public_keys_path
from service.site import open_site
from service.standby import records_address
from store.people import Accounts


def keys(
    site_path: Annotated[Path, typer.Argument(metavar="SITE.yaml", help="The site file.")],
    *,
    one_time: Annotated[
        str | None,
        typer.Option("--one-time", metavar="PERSON", help="Make a one-time password for a person."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Make what is missing: the key that signs orders, the next one, and password files.

    Nothing that exists is changed. Install the printed public keys on the devices. With
    --one-time PERSON, also make a password with which that person signs in once and sets their own.
    """
    loaded = open_site(site_path, secrets_needed=False)
    made = make_missing(loaded.site, loaded.folder)
    password: str | None = None
    if one_time is not None:
        if one_time not in {person.id for person in loaded.site.people}:
            raise WrongUseError(f"{site_path}: no person `{one_time}` under `people`")
        accounts = Accounts.open(loaded.data_folder, SystemClock(), there=records_address(loaded))
        password = accounts.create_one_time_password(one_time)
        accounts.close()
    public = public_keys_path(loaded.site, loaded.folder)
    if as_json:
        answer = {
            "made": [str(path) for path in made],
            "public_keys": str(public),
            "one_time": password,
        }
        typer.echo(json.dumps(answer))
        return
    for path in made:
        typer.echo(f"made {path}")
    if not made:
        typer.echo("nothing was missing")
    typer.echo(f"public keys for devices: {public}")
    if password is not None:
        typer.echo(f"{one_time} signs in once with: {password}")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("keys")(keys)
