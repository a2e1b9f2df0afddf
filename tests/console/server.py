"""The staged console behind a real socket on loopback, in a thread of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from tests.console.stage import Stage
from tests.waiting import wait_until


class Served:
    """A running server; `cut` and `mend` take it off the network and bring it back."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._port = _free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.mend()

    def mend(self) -> None:
        config = uvicorn.Config(
            self._stage.app,
            host="127.0.0.1",
            port=self._port,
            log_level="warning",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name="console server")
        self._thread.start()
        wait_until(lambda: self._server.started, within_s=60)

    def cut(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(stage: Stage) -> Iterator[Served]:
    """A server for the time of a test."""
    server = Served(stage)
    try:
        yield server
    finally:
        server.cut()
