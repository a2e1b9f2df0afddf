"""A line to the broker that can be cut without a word, as a pulled cable or a dead switch cuts one."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LOOK_EVERY_S = 0.05
_CHUNK_BYTES = 65_536


class LongLine:
    """Passes connections on to a loopback port; while it is cut nothing passes and nobody is told."""

    def __init__(self, port: int) -> None:
        self._there = ("127.0.0.1", port)
        self._cut = threading.Event()
        self._ended = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._thread = threading.Thread(target=self._run, name="line to the broker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def cut(self) -> None:
        """From now on what is sent is lost on the way; connections stay as they are."""
        self._cut.set()

    def mend(self) -> None:
        """A new line: connections of before are gone."""
        self._cut.clear()

    def end(self) -> None:
        self._ended.set()
        self._thread.join(10)
        for each in [self._listening, *self._pairs]:
            each.close()

    def _run(self) -> None:
        lost = False
        while not self._ended.is_set():
            if self._cut.is_set():
                lost = True
                self._ended.wait(_LOOK_EVERY_S)
                continue
            if lost:
                lost = False
                for each in tuple(self._pairs):
                    self._hang_up(each)
            ready, _, _ = select.select([self._listening, *self._pairs], [], [], _LOOK_EVERY_S)
            for each in ready:
                if each is self._listening:
                    self._accept()
                elif each in self._pairs:
                    self._pass_on(each)

    def _accept(self) -> None:
        near, _ = self._listening.accept()
        try:
            far = socket.create_connection(self._there, timeout=5)
        except OSError:
            near.close()
            return
        self._pairs |= {near: far, far: near}

    def _pass_on(self, one: socket.socket) -> None:
        try:
            data = one.recv(_CHUNK_BYTES)
            self._pairs[one].sendall(data)
        except OSError:
            data = b""
        if not data:
            self._hang_up(one)

    def _hang_up(self, one: socket.socket) -> None:
        other = self._pairs.pop(one, None)
        one.close()
        if other is not None:
            self._pairs.pop(other, None)
            other.close()


@contextmanager
def long_line(port: int) -> Iterator[LongLine]:
    """A line for the time of a context."""
    line = LongLine(port)
    line.start()
    try:
        yield line
    finally:
        line.end()
