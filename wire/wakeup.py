"""A tap on the shoulder of a thread that waits for the network."""

from __future__ import annotations

import contextlib
import socket


class Wakeup:
    """Lets other threads interrupt the loop's wait for the network."""

    def __init__(self) -> None:
        self.reader, self._writer = socket.socketpair()
        self.reader.settimeout(0)
        self._writer.settimeout(0)

    def wake(self) -> None:
        """Interrupt the wait; harmless when nobody waits or it is closed."""
        with contextlib.suppress(OSError):
            self._writer.send(b"w")

    def drain(self) -> None:
        """Forget all wake-ups so far."""
        with contextlib.suppress(OSError):
            while self.reader.recv(4096):
                pass

    def close(self) -> None:
        self.reader.close()
        self._writer.close()
