"""An MQTT client that takes from its socket what is there, and gives it at once what it has.

The library asks the system for each packet's first byte, for its length byte by byte and for the rest, and hands
out each packet by itself. Each asking lets another thread run first: with thousands of readings a second, or
thousands of receipts at once, the link spent most of its time waiting for its turn.
"""

from __future__ import annotations

from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

READ_BYTES = 65_536
WRITE_BYTES = 65_536


class BufferedClient(Client):
    """`Client` for a single thread, which calls `flush` after each round of its loop.

    What is written waits for `flush`, or until it is much; a goodbye and what is before it leave at once.
    """

    def __init__(self, *args: object, **settings: object) -> None:
        super().__init__(*args, **settings)  # type: ignore[arg-type]  # whatever the library takes
        self._ahead = memoryview(b"")
        self._behind = bytearray()
        self._leaving = False

    @property
    def has_read_ahead(self) -> bool:
        """Whether bytes were taken that no packet was made of yet: no selector tells of them."""
        return len(self._ahead) > 0

    def want_write(self) -> bool:
        """Whether something waits for the socket."""
        return bool(self._behind) or super().want_write()

    def reconnect(self) -> MQTTErrorCode:
        """Begin a new connection; bytes of the lost one are none of its."""
        self._ahead = memoryview(b"")
        self._behind.clear()
        self._leaving = False
        return super().reconnect()

    def disconnect(
        self, reasoncode: ReasonCode | None = None, properties: Properties | None = None
    ) -> MQTTErrorCode:
        """Say goodbye, after everything that was written before."""
        self._leaving = True
        return super().disconnect(reasoncode, properties)

    def flush(self) -> None:
        """Hand the socket what waits for it, as much as it takes."""
        if not self._behind:
            return
        try:
            sent = super()._sock_send(self._behind)
        except BlockingIOError:
            return
        except OSError:
            # The connection is gone: the next read says so, and these bytes with it.
            self._behind.clear()
            return
        del self._behind[:sent]

    def _sock_send(self, buf: bytes | bytearray) -> int:
        self._behind += buf
        if self._leaving or len(self._behind) >= WRITE_BYTES:
            self.flush()
        return len(buf)

    def _sock_recv(self, bufsize: int) -> bytes:
        if not self._ahead:
            self._ahead = memoryview(super()._sock_recv(READ_BYTES))
        taken, self._ahead = bytes(self._ahead[:bufsize]), self._ahead[bufsize:]
        return taken
