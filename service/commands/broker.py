"""`yinding broker`: the configuration of a site's Mosquitto, made from its site file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.broker_files import PASSWORDS, identities, write_broker_files
from service.site import open_site


def broker_command(
    path: Annotated[Path, typer.Argument(metavar="SITE.yaml", help="The site file.")],
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to write.")],
    installed_at: Annotated[
        str, typer.Option(help="Where the folder will lie on the broker's machine.")
    ] = "/etc/mosquitto/yinding",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8883,
) -> None:
    """Write the broker's configuration, access list and passwords for this site.

    TLS, one identity per device, nothing anonymous; each identity may say and hear its own topics
    and no others. Passwords that exist are kept, so that it can be run again when devices change.
    """
    loaded = open_site(path, secrets_needed=False)
    for made in write_broker_files(loaded.site, out, installed_at=installed_at, port=port):
        typer.echo(str(made))
    typer.echo(f"{out / PASSWORDS}: one file for each of {len(identities(loaded.site))} identities")
    typer.echo("put the certificate and its key at certs/server.crt and certs/server.key")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("broker")(broker_command)
