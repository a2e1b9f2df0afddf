"""Where the console is met: its socket, taken before anything else starts."""

from __future__ import annotations

import socket

from config.schema import SiteFile
from service.exits import OutsideError


def listen(site: SiteFile, port: int) -> socket.socket:
    """The console's socket, so that its address is known before anything else starts."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((site.console.host, port))
    except OSError as error:
        listener.close()
        where = f"{site.console.host}:{port}"
        raise OutsideError(f"console: cannot listen on {where}: {error.strerror}") from error
    return listener
