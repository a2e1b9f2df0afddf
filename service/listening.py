"""Where the console is met: its socket, taken before anything else starts."""

from __future__ import annotations

import logging
import socket

from config.schema import SiteFile
from service.exits import OutsideError

log = logging.getLogger(__name__)


def listen(site: SiteFile, port: int, *, or_any: bool = False) -> socket.socket:
    """The console's socket, so that its address is known before anything else starts.

    Who comes before the console can answer waits; bound alone, the address would refuse them.
    `or_any`: the service that we took over from may stand still and still have the port.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((site.console.host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        where = f"{site.console.host}:{port}"
        if or_any and port:
            log.warning("console: %s is taken by the service before us: using another port", where)
            return listen(site, 0)
        raise OutsideError(f"console: cannot listen on {where}: {error.strerror}") from error
    return listener
