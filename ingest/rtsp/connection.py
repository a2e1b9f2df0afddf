"""The connection that RTSP speaks over: TCP, or TLS where the address says rtsps; never blocks."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from ingest.rtsp.address import Address
from ingest.rtsp.failure import CameraError, unreachable
from model.picture import SourceState

READ_BYTES = 65_536
_Place = tuple[int, int, int, str, Any]
"""Family, kind, protocol and address of one place, as the resolver tells them."""


class Transport(StrEnum):
    """How the pictures come: within the RTSP connection, or as datagrams."""

    TCP = "tcp"
    UDP = "udp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a camera is to be asked: the transport tried first, and whose certificates it may show.

    With `certificates` (a PEM file) those alone are trusted, whatever name stands in them: cameras
    sign their own. Without it the machine's authorities are, and the name must fit.
    """

    transport: Transport = Transport.TCP
    certificates: Path | None = None


def _context(manner: Manner) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=manner.certificates)
    except (OSError, ssl.SSLError) as error:
        raise CameraError(
            SourceState.UNTRUSTED, f"certificates cannot be read: {manner.certificates}: {error}"
        ) from error
    if manner.certificates is not None:
        context.check_hostname = False
    return context


async def _places(host: str, port: int) -> Sequence[_Place]:
    """Where a camera may be.

    A numeric address is not left to the resolver's threads: they are few, and a dead name server
    holds them for as long as cameras are known to it by name.
    """
    numeric = socket.AI_NUMERICHOST
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=numeric)
    except socket.gaierror:
        return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


class Connection:
    """An open connection. Every failure is a CameraError with its state."""

    def __init__(self, plain: socket.socket) -> None:
        self._socket = plain
        self.secure = False

    @classmethod
    async def open(cls, address: Address, manner: Manner, *, within_s: float) -> Connection:
        """Connect, and greet over TLS where the address is secure.

        A name that stands for several places is tried at each in turn.
        """
        host, port = address.host, address.port
        try:
            async with asyncio.timeout(within_s):
                *others, last = places = await _places(host, port)
                for place in others:
                    try:
                        async with asyncio.timeout(within_s / len(places)):
                            return await cls._at(place, address, manner)
                    except ssl.SSLError:
                        raise
                    except OSError:
                        continue
                return await cls._at(last, address, manner)
        except BaseException as error:
            raise _named(error, host, port, within_s) from error

    @classmethod
    async def _at(cls, place: _Place, address: Address, manner: Manner) -> Connection:
        family, kind, protocol, _, there = place
        plain = socket.socket(family, kind, protocol)
        try:
            plain.setblocking(False)  # noqa: FBT003 - the socket module's signature
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(plain, there)
            made = cls(plain)
            if address.secure:
                await made._greet(_context(manner), address.host)
        except BaseException:
            plain.close()
            raise
        return made

    async def _greet(self, context: ssl.SSLContext, host: str) -> None:
        secured = context.wrap_socket(
            self._socket, server_hostname=host, do_handshake_on_connect=False
        )
        self._socket, self.secure = secured, True
        try:
            while True:
                try:
                    secured.do_handshake()
                except ssl.SSLWantReadError:
                    await self._ready(writing=False)
                except ssl.SSLWantWriteError:
                    await self._ready(writing=True)
                else:
                    return
        except BaseException:
            secured.close()
            raise

    async def _ready(self, *, writing: bool) -> None:
        """Wait until the socket can be read, or written."""
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        watch, forget = (
            (loop.add_writer, loop.remove_writer)
            if writing
            else (loop.add_reader, loop.remove_reader)
        )
        watch(self._socket, _settle, ready)
        try:
            await ready
        finally:
            forget(self._socket)

    @property
    def peer(self) -> str:
        """The camera's numeric address."""
        return str(self._socket.getpeername()[0])

    @property
    def here(self) -> tuple[socket.AddressFamily, str]:
        """Our side: its family and numeric address."""
        return self._socket.family, str(self._socket.getsockname()[0])

    def send(self, data: bytes) -> None:
        """A request is small and the buffer empty: one that does not fit is a dead camera."""
        try:
            sent = self._socket.send(data)
        except OSError as error:
            raise _broke(error) from error
        if sent != len(data):
            raise unreachable("the camera takes no more requests")

    def receive(self) -> bytes | None:
        """What has come, at most 64 KiB; None where nothing waits."""
        try:
            data = self._socket.recv(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        except OSError as error:
            raise _broke(error) from error
        if not data:
            raise unreachable("the camera closed the connection")
        return data

    async def next(self) -> bytes:
        """What comes next; waits for it."""
        while True:
            data = self.receive()
            if data is not None:
                return data
            await self._ready(writing=False)

    def close(self) -> None:
        """Close at once."""
        self._socket.close()


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _broke(error: OSError) -> CameraError:
    return unreachable(f"the connection broke: {error.strerror or error}")


def _named(error: BaseException, host: str, port: int, within_s: float) -> BaseException:
    if isinstance(error, TimeoutError):
        return unreachable(f"no connection to {host}:{port} within {within_s} s")
    if isinstance(error, ssl.SSLCertVerificationError):
        return CameraError(SourceState.UNTRUSTED, f"{host}:{port}: {error.verify_message}")
    if isinstance(error, OSError):
        return unreachable(f"no connection to {host}:{port}: {error.strerror or error}")
    return error
