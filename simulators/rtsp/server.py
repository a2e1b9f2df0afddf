"""Serves many simulated cameras from one process: rtsp://host:port/<camera id>."""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Self
from urllib.parse import quote

from model.clock import Clock
from simulators.rtsp.delivery import Post
from simulators.rtsp.feed import CameraFeed, Fault
from simulators.rtsp.viewer import Viewer

_LOG = logging.getLogger(__name__)
TICK_S = 0.02
BACKLOG = 1024


class CameraServer:
    """Listens while it is entered; sends every playing connection its camera's pictures on time.

    A `prompt` server begins with the key picture before the moment, as cameras do that make a key
    picture for each new viewer; else a viewer waits for the next. With `udp` it sends datagrams to
    those who want them; with `tls` it is to be asked by rtsps.
    """

    def __init__(
        self, feeds: Mapping[str, CameraFeed], *, username: str, password: str, clock: Clock,
        host: str = "127.0.0.1", port: int = 0, prompt: bool = False, udp: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self.feeds, self.username, self.password = feeds, username, password
        self.prompt, self._udp, self._tls = prompt, udp, tls
        self.datagrams: Post | None = None
        self.host, self.port = host, port
        self._clock = clock
        self._viewers: set[Viewer] = set()
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._random = random.Random(1)
        self.refused = 0

    async def __aenter__(self) -> Self:
        await self._listen()
        self._tick()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        if self._udp:
            self.datagrams = Post(self.host)
        self._server = await loop.create_server(
            lambda: Viewer(self),
            self.host,
            self.port,
            backlog=BACKLOG,
            reuse_address=True,
            ssl=self._tls,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and break every connection off."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._hang_up()

    async def _hang_up(self) -> None:
        if self._server is not None:
            self._server.close()
            for viewer in tuple(self._viewers):
                viewer.close()
            await self._server.wait_closed()
            self._server = None
        if self.datagrams is not None:
            self.datagrams.close()
            self.datagrams = None

    def url(self, camera: str, *, with_password: bool = True) -> str:
        """The camera's address, as a site file has it."""
        who = (
            f"{quote(self.username, safe='')}:{quote(self.password, safe='')}@"
            if with_password
            else ""
        )
        return f"rtsp{'s' if self._tls else ''}://{who}{self.host}:{self.port}/{camera}"

    def set_fault(self, camera: str, fault: Fault) -> None:
        """Break one camera, or mend it with `Fault.NONE`."""
        self.feeds[camera].set_fault(fault)
        _LOG.info("camera %s: fault %s", camera, fault.value)
        if fault is Fault.DROP:
            for viewer in [each for each in self._viewers if each.camera == camera]:
                viewer.close()

    async def reboot(self, *, down_s: float) -> None:
        """All cameras lose power for `down_s` seconds and come back at the same address."""
        await self._hang_up()
        await asyncio.sleep(down_s)
        await self._listen()

    @property
    def watching(self) -> int:
        """Connections that are being sent pictures."""
        return sum(viewer.playing for viewer in self._viewers)

    def readers(self, camera: str) -> int:
        """How many connections are being sent one camera's pictures; may be asked from any thread."""
        return sum(each.playing and each.camera == camera for each in tuple(self._viewers))

    def entered(self, viewer: Viewer) -> None:
        self._viewers.add(viewer)

    def left(self, viewer: Viewer) -> None:
        self._viewers.discard(viewer)

    def _tick(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)
        watched: dict[str, list[Viewer]] = {}
        for viewer in self._viewers:
            if viewer.playing and viewer.camera is not None:
                watched.setdefault(viewer.camera, []).append(viewer)
        for camera, viewers in watched.items():
            feed = self.feeds[camera]
            frames = feed.due()
            if feed.fault in {Fault.STALL, Fault.DROP}:
                continue
            for viewer in viewers:
                if feed.fault is Fault.GARBAGE:
                    viewer.garble(self._random.randbytes)
                else:
                    viewer.send(feed, frames)


async def serve_cameras(
    feeds: Mapping[str, CameraFeed], *, username: str, password: str, clock: Clock,
    host: str = "127.0.0.1", port: int = 0,
) -> CameraServer:  # fmt: skip
    """A server that already listens; the caller closes it."""
    server = CameraServer(
        feeds, username=username, password=password, clock=clock, host=host, port=port
    )
    return await server.__aenter__()
