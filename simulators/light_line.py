"""A device's line to the broker, light enough that one process holds thousands of them.

It greets, subscribes, acknowledges what it has read, and publishes with quality 1. It keeps no
will, queue or way back: for measuring a whole site's devices at once, not for living with faults.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from wire.address import BrokerAddress
from wire.packets import (
    MQTT_3_1_1,
    Greeting,
    Message,
    Packet,
    PacketReader,
    PacketType,
    connect_bytes,
    numbered_bytes,
    publish_bytes,
    read_publish,
    subscribe_bytes,
)

OnMessage = Callable[["LightLine", str, bytes], None]
KEEPALIVE_S = 0
"""Never: a measurement is over before a quiet line would have to prove that it lives."""

_LARGEST_MID = 65_535


class LineFaultError(Exception):
    """The broker did not let this line in, or closed it."""


class LightLine(asyncio.Protocol):
    """One client. `acknowledged` counts the publications that the broker took."""

    def __init__(self, client_id: str, filters: tuple[str, ...], on_message: OnMessage) -> None:
        self.client_id = client_id
        self.acknowledged = 0
        self.published = 0
        self.settled = asyncio.Event()
        self.settled.set()
        self._filters = filters
        self._on_message = on_message
        self._reader = PacketReader()
        self._transport: asyncio.Transport | None = None
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._mid = 0

    @classmethod
    async def open(
        cls,
        address: BrokerAddress,
        *,
        client_id: str,
        filters: tuple[str, ...] = (),
        on_message: OnMessage = lambda _line, _topic, _payload: None,
    ) -> LightLine:
        """Connect and subscribe with quality 1. Raises LineFaultError where that is refused."""
        loop = asyncio.get_running_loop()
        try:
            _, line = await loop.create_connection(
                lambda: cls(client_id, filters, on_message), address.host, address.port
            )
        except OSError as error:
            raise LineFaultError(f"{client_id}: {error}") from error
        await line.enter(address)
        return line

    async def enter(self, address: BrokerAddress) -> None:
        """Greet and subscribe on a connection that is open already."""
        greeting = Greeting(
            self.client_id,
            clean=True,
            keepalive_s=KEEPALIVE_S,
            level=MQTT_3_1_1,
            username=address.username,
            password=address.password,
        )
        self._write(connect_bytes(greeting))
        await self._ready

    def publish(self, topic: str, payload: bytes, *, qos: int = 1) -> None:
        """Send one message; `settled` is clear until the broker has acknowledged all of them."""
        mid = self._next_mid() if qos else 0
        if qos:
            self.published += 1
            self.settled.clear()
        message = Message(topic, payload, qos, retain=False)
        self._write(publish_bytes(message, mid, dup=False))

    @property
    def outstanding(self) -> int:
        """Publications that the broker has not acknowledged yet."""
        return self.published - self.acknowledged

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  a TCP client makes no other
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        for packet in self._reader.feed(data):
            self._take(packet)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._ready.done():
            self._ready.set_exception(LineFaultError(f"{self.client_id}: closed: {exc}"))

    def _take(self, packet: Packet) -> None:
        if packet.kind is PacketType.PUBLISH:
            message, mid = read_publish(packet)
            if message.qos:
                self._write(numbered_bytes(PacketType.PUBACK, mid))
            self._on_message(self, message.topic, message.payload)
        elif packet.kind is PacketType.PUBACK:
            self.acknowledged += 1
            if self.acknowledged == self.published:
                self.settled.set()
        elif packet.kind is PacketType.CONNACK:
            self._let_in(packet)
        elif packet.kind is PacketType.SUBACK:
            self._ready.set_result(None)

    def _let_in(self, packet: Packet) -> None:
        if packet.body[1:] != b"\0":
            self._ready.set_exception(LineFaultError(f"{self.client_id}: refused"))
        elif self._filters:
            wanted = [(one, 1) for one in self._filters]
            self._write(subscribe_bytes(self._next_mid(), wanted))
        else:
            self._ready.set_result(None)

    def _next_mid(self) -> int:
        self._mid = self._mid % _LARGEST_MID + 1
        return self._mid

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
