"""Pictures that come as datagrams (RTP over UDP): two sockets, and packets put back in order."""

from __future__ import annotations

import socket
from contextlib import suppress

from ingest.rtsp.failure import CameraError, unreachable
from model.picture import SourceState

BUFFER_BYTES = 1 << 20
DATAGRAM_BYTES = 65_535
PORT_TRIES = 20
MAX_AT_ONCE = 4000
HELD_MOST = 200
STRANGE_MOST = 100


class Reordering:
    """Gives RTP packets in the order of their numbers; what a gap holds back waits one drain."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._held: dict[int, bytes] = {}
        self._missed: int | None = None
        self._strange = 0
        self.late = 0

    def take(self, packets: list[bytes]) -> list[bytes]:
        """Those that may go on now. Duplicates and those that come after their turn are dropped."""
        for packet in packets:
            if len(packet) < 4:
                continue
            number = packet[2] << 8 | packet[3]
            if self._next is None:
                self._next = number
            elif (number - self._next) & 0xFFFF >= 0x8000:
                self._note_late(number)
                continue
            self._strange = 0
            self._held[number] = packet
        return self._release()

    def _note_late(self, number: int) -> None:
        self.late += 1
        self._strange += 1
        if self._strange > STRANGE_MOST:
            # The camera counts anew: wait for its next packet instead of for the old number.
            self._next, self._strange = (number + 1) & 0xFFFF, 0
            self._held.clear()

    def _release(self) -> list[bytes]:
        given: list[bytes] = []
        self._run(given)
        while self._held and (self._next == self._missed or len(self._held) > HELD_MOST):
            after = self._next or 0
            self._next = min(self._held, key=lambda number: (number - after) & 0xFFFF)
            self._run(given)
        self._missed = self._next if self._held else None
        return given

    def _run(self, given: list[bytes]) -> None:
        while self._next in self._held:
            given.append(self._held.pop(self._next))
            self._next = (self._next + 1) & 0xFFFF


class Datagrams:
    """The two ports of one stream: pictures on the even one, reports on the odd one above it.

    Only what comes from the camera's own address is taken; the rest is counted in `foreign`.
    """

    def __init__(self, pictures: socket.socket, reports: socket.socket) -> None:
        self._pictures, self._reports = pictures, reports
        self._camera, self._report_port = "", 0
        self._order = Reordering()
        self.foreign = 0

    @classmethod
    def open(cls, family: socket.AddressFamily, host: str) -> Datagrams:
        """Two free neighbouring ports, the lower one even."""
        for _ in range(PORT_TRIES):
            first, second = (socket.socket(family, socket.SOCK_DGRAM) for _ in range(2))
            try:
                first.bind((host, 0))
                port = first.getsockname()[1]
                if port % 2 == 0:
                    second.bind((host, port + 1))
                    for each in (first, second):
                        each.setblocking(False)  # noqa: FBT003 - the socket module's signature
                    first.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
                    return cls(first, second)
            except OSError:
                pass
            first.close()
            second.close()
        raise CameraError(SourceState.UNREACHABLE, "no two free neighbouring ports for datagrams")

    @property
    def ports(self) -> tuple[int, int]:
        """Where pictures and reports are awaited."""
        first = int(self._pictures.getsockname()[1])
        return first, first + 1

    def expect(self, camera: str, ports: tuple[int, int] | None) -> None:
        """From whom datagrams come. A first word to the camera's ports opens firewalls between us."""
        self._camera = camera
        if ports is not None:
            self._report_port = ports[1]
            with suppress(OSError):
                self._pictures.sendto(b"\x80\x00\x00\x00", (camera, ports[0]))

    def report(self, data: bytes) -> None:
        """Send a report; one that cannot leave is missed by nobody."""
        if self._report_port:
            with suppress(OSError):
                self._reports.sendto(data, (self._camera, self._report_port))

    def drain(self) -> tuple[list[bytes], list[bytes], int]:
        """Packets of pictures in order, reports, and how many bytes came."""
        pictures, reports = self._waiting(self._pictures), self._waiting(self._reports)
        came = sum(map(len, pictures)) + sum(map(len, reports))
        return self._order.take(pictures), reports, came

    def _waiting(self, source: socket.socket) -> list[bytes]:
        found: list[bytes] = []
        for _ in range(MAX_AT_ONCE):
            try:
                data, sender = source.recvfrom(DATAGRAM_BYTES)
            except BlockingIOError:
                break
            except OSError as error:
                raise unreachable(f"the datagrams broke: {error.strerror or error}") from error
            if sender[0] == self._camera:
                found.append(data)
            else:
                self.foreign += 1
        return found

    def close(self) -> None:
        """Close both ports."""
        self._pictures.close()
        self._reports.close()
