"""The embedded broker: a child process on loopback for the demo and for trying out.

It lets nobody in without a password, keeps sessions in memory only, and ends with its parent.
Run as `python -m wire.embedded_broker` it reads one line of JSON (BrokerOrders) from standard
input, answers with one line `{"port": N}`, and lives until standard input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from wire.address import BrokerAddress
from wire.broker_core import BrokerCore, Identity, Session
from wire.packets import PacketReader, ProtocolFaultError, read_greeting

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
_GREETING_WITHIN_S = 5.0
_SWEEP_EVERY_S = 1.0
_CONGESTED_BYTES = 1024 * 1024


class BrokerOrders(msgspec.Struct, frozen=True, kw_only=True):
    """What the parent tells the child: a port (0 for any) and who may come in."""

    port: int
    identities: tuple[Identity, ...]


class _Connection(asyncio.Protocol):
    """One client's socket, between the network and the broker's mind."""

    def __init__(self, core: BrokerCore, connections: set[_Connection]) -> None:
        self._core = core
        self._connections = connections
        self._reader = PacketReader()
        self._transport: asyncio.Transport | None = None
        self._session: Session | None = None
        self._congested = False
        self._silence_s = _GREETING_WITHIN_S
        self._heard = time.monotonic()

    @property
    def is_congested(self) -> bool:
        return self._congested

    def send(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  a TCP server makes no other
        transport.set_write_buffer_limits(high=_CONGESTED_BYTES)
        self._transport = transport
        self._connections.add(self)

    def pause_writing(self) -> None:
        self._congested = True

    def resume_writing(self) -> None:
        self._congested = False
        if self._session is not None:
            self._core.flush(self._session)

    def data_received(self, data: bytes) -> None:
        self._heard = time.monotonic()
        try:
            for packet in self._reader.feed(data):
                if self._session is not None:
                    self._core.handle(self._session, packet)
                    continue
                greeting = read_greeting(packet)
                self._session = self._core.greet(greeting, self)
                if self._session is None:
                    self.close()
                    return
                # MQTT 3.1.1, 3.1.2.10: one and a half times the keep alive, or never.
                self._silence_s = greeting.keepalive_s * 1.5 or float("inf")
        except ProtocolFaultError as error:
            log.warning("a client was closed: %s", error)
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's name
        self._connections.discard(self)
        if self._session is not None:
            self._core.lost(self._session, self, graceful=False)

    def sweep(self, now: float) -> None:
        """Close a client that has said nothing for too long."""
        if now - self._heard > self._silence_s and self._transport is not None:
            self._transport.abort()


async def _serve(orders: BrokerOrders) -> None:
    loop = asyncio.get_running_loop()
    core = BrokerCore(orders.identities)
    connections: set[_Connection] = set()
    server = await loop.create_server(
        lambda: _Connection(core, connections), HOST, orders.port, backlog=1024
    )
    port = server.sockets[0].getsockname()[1]
    sys.stdout.write(f'{{"port": {port}}}\n')
    sys.stdout.flush()
    parent_gone = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), _on_parent, parent_gone)
    dropped = 0
    while not parent_gone.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(parent_gone.wait(), _SWEEP_EVERY_S)
        now = time.monotonic()
        for connection in tuple(connections):
            connection.sweep(now)
        if core.counts["dropped"] > dropped:
            dropped = core.counts["dropped"]
            log.warning("%d messages dropped for listeners that do not take them", dropped)
    server.close()


def _on_parent(parent_gone: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        parent_gone.set()


def main() -> None:
    """The child process."""
    logging.basicConfig(level=logging.WARNING, format="embedded broker: %(message)s")
    line = _first_line(sys.stdin.fileno())
    if line:
        asyncio.run(_serve(msgspec.json.decode(line, type=BrokerOrders)))


def _first_line(descriptor: int) -> bytes:
    """The line of orders, read without a buffer that would hide the end of input."""
    line = bytearray()
    while not line.endswith(b"\n"):
        data = os.read(descriptor, 1)
        if not data:
            return b""
        line += data
    return bytes(line)


class EmbeddedBrokerError(Exception):
    """The embedded broker's process did not come up."""


class EmbeddedBroker:
    """The embedded broker as its parent sees it: start, address, stop.

    A broker that was stopped and started again has the same port and has forgotten everything,
    as any broker without persistence.
    """

    def __init__(self, identities: Iterable[Identity], *, port: int = 0) -> None:
        self._identities = tuple(identities)
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, within_s: float = 10.0) -> BrokerAddress:
        """Start the process; its address without credentials once it listens."""
        folder = Path(__file__).resolve().parent.parent
        process = subprocess.Popen(
            [sys.executable, "-m", "wire.embedded_broker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=folder,
            # A Ctrl-C at the terminal is for the parent, which drains and then closes the pipe.
            start_new_session=True,
        )
        self._process = process
        orders = BrokerOrders(port=self._port, identities=self._identities)
        assert process.stdin is not None  # noqa: S101  both were asked for as pipes above
        assert process.stdout is not None  # noqa: S101
        try:
            process.stdin.write(msgspec.json.encode(orders) + b"\n")
            process.stdin.flush()
            with selectors.DefaultSelector() as selector:
                selector.register(process.stdout, selectors.EVENT_READ)
                line = process.stdout.readline() if selector.select(within_s) else b""
            self._port = msgspec.json.decode(line, type=dict[str, int])["port"]
        except (OSError, msgspec.DecodeError, KeyError) as error:
            self.stop()
            raise EmbeddedBrokerError("the embedded broker did not come up") from error
        return BrokerAddress(host=HOST, port=self._port)

    def address(self, name: str) -> BrokerAddress:
        """The address with the credentials of one identity."""
        identity = next(one for one in self._identities if one.name == name)
        return BrokerAddress(
            host=HOST, port=self._port, username=identity.name, password=identity.password
        )

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self, *, within_s: float = 5.0) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            process.wait(within_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(within_s)


if __name__ == "__main__":
    main()
