"""How a simulated camera's packets reach a player: within its connection, or as datagrams."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from simulators.rtsp.packets import interleaved

PORT_TRIES = 20
LOST_ONE_IN, SWAPPED_ONE_IN = 40, 15


class Delivery(Protocol):
    """Where packets of pictures and of reports go."""

    def pictures(self, packets: list[bytes]) -> int:
        """Send some packets; how many bytes they were."""
        ...

    def report(self, packet: bytes) -> None:
        """Send a report."""
        ...


class Within:
    """Within the RTSP connection, on two channels."""

    def __init__(self, write: Callable[[bytes], None], channel: int) -> None:
        self._write, self._channel = write, channel

    def pictures(self, packets: list[bytes]) -> int:
        data = interleaved(packets, channel=self._channel)
        self._write(data)
        return len(data)

    def report(self, packet: bytes) -> None:
        self._write(interleaved([packet], channel=self._channel + 1))


class Post:
    """A server's two datagram ports, shared by all who want datagrams."""

    def __init__(self, host: str) -> None:
        self.pictures, self.reports = _pair(host)

    @property
    def ports(self) -> str:
        """Both, as a Transport header has them."""
        first = self.pictures.getsockname()[1]
        return f"{first}-{first + 1}"

    def close(self) -> None:
        self.pictures.close()
        self.reports.close()


def _pair(host: str) -> tuple[socket.socket, socket.socket]:
    for _ in range(PORT_TRIES):
        first, second = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        with suppress(OSError):
            first.bind((host, 0))
            port = first.getsockname()[1]
            if port % 2 == 0:
                second.bind((host, port + 1))
                for each in (first, second):
                    each.setblocking(False)  # noqa: FBT003 - the socket module's signature
                return first, second
        first.close()
        second.close()
    raise OSError("no two free neighbouring ports")


class Mailed:
    """As datagrams, which may be lost and overtake one another where `lossy` says so."""

    def __init__(self, post: Post, host: str, port: int, *, lossy: Callable[[], bool]) -> None:
        self._post, self._to, self._lossy = post, (host, port), lossy
        self._random = random.Random(port)

    def pictures(self, packets: list[bytes]) -> int:
        sent = self._shuffled(packets) if self._lossy() else packets
        for packet in sent:
            # A full buffer loses datagrams, here as anywhere.
            with suppress(OSError):
                self._post.pictures.sendto(packet, self._to)
        return sum(map(len, packets))

    def _shuffled(self, packets: list[bytes]) -> list[bytes]:
        kept = [each for each in packets if self._random.randrange(LOST_ONE_IN)]
        for place in range(1, len(kept)):
            if not self._random.randrange(SWAPPED_ONE_IN):
                kept[place - 1], kept[place] = kept[place], kept[place - 1]
        return kept

    def report(self, packet: bytes) -> None:
        with suppress(OSError):
            self._post.reports.sendto(packet, (self._to[0], self._to[1] + 1))
