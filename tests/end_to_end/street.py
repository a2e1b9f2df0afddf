"""A street of simulated cameras beside a running service."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from model.clock import SystemClock
from simulators.cameras import feeds_of
from simulators.rtsp.feed import Fault
from simulators.rtsp.server import CameraServer
from tests.cameras import loop_of


class CameraThread:
    """Simulated cameras on a loop of their own."""

    def __init__(self, names: Sequence[str]) -> None:
        clock = SystemClock()
        feeds = feeds_of(
            {name: {"calm": loop_of(120)} for name in names}, begin="calm", clock=clock
        )
        self.names = names
        self.server = CameraServer(feeds, username="viewer", password="seacrest-8", clock=clock)
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cameras", daemon=True)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        async with self.server:
            self._up.set()
            await self._stop.wait()

    def start(self) -> None:
        self._thread.start()
        assert self._up.wait(60)

    def break_camera(self, name: str, fault: Fault) -> None:
        self._loop.call_soon_threadsafe(self.server.set_fault, name, fault)

    def listed(self, folder: Path) -> str:
        """The cameras as a site file has them, their password beside it."""
        secret = folder / "camera.txt"
        secret.write_text(f"{self.server.password}\n")
        secret.chmod(0o600)
        return "".join(
            f"\n  - {{id: {name}, name: {{zh: 桥, en: Bridge}}, zones: [bridge], every_s: 1, username: viewer,"
            f" password: 'file:camera.txt', url: 'rtsp://127.0.0.1:{self.server.port}/{name}'}}"
            for name in self.names
        )

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)


@contextmanager
def street_of(*names: str) -> Iterator[CameraThread]:
    """Simulated cameras for the time of a context."""
    thread = CameraThread(names)
    thread.start()
    try:
        yield thread
    finally:
        thread.stop()
