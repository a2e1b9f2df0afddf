"""A camera is killed and comes back: it is blind, then seen again, and alone in its trouble."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from model.clock import SystemClock
from simulators.cameras import feeds_of
from simulators.rtsp.feed import Fault
from simulators.rtsp.server import CameraServer
from tests.cameras import loop_of
from tests.end_to_end.house import Air, living, make_site
from tests.mosquitto import running_mosquitto
from tests.waiting import wait_until

pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(400)]
NAMES = ("east", "west")


class CameraThread:
    """Simulated cameras on a loop of their own."""

    def __init__(self) -> None:
        clock = SystemClock()
        feeds = feeds_of(
            {name: {"calm": loop_of(120)} for name in NAMES}, begin="calm", clock=clock
        )
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

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)


@contextmanager
def cameras() -> Iterator[CameraThread]:
    thread = CameraThread()
    thread.start()
    try:
        yield thread
    finally:
        thread.stop()


def sight(air: Air, camera: str) -> dict[str, Any]:
    return air.last(f"/camera/{camera}/density") or {}


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.STALL, Fault.BLACK])
def test_a_broken_camera_is_blind_and_seen_again_and_alone_in_that(
    tmp_path: Path, fault: Fault
) -> None:
    with running_mosquitto(tmp_path) as broker, cameras() as street:
        port = street.server.port
        listed = "".join(
            f"\n  - {{id: {name}, name: {{zh: 桥, en: Bridge}}, zones: [bridge], every_s: 1, username: viewer,"
            f" password: 'file:camera.txt', url: 'rtsp://127.0.0.1:{port}/{name}'}}"
            for name in NAMES
        )
        (tmp_path / "camera.txt").write_text("seacrest-8\n")
        (tmp_path / "camera.txt").chmod(0o600)
        loaded = make_site(tmp_path, port=broker.port, cameras=listed)
        with living(loaded, broker.address(), workers=1) as (_, _, air):
            wait_until(
                lambda: all(sight(air, n).get("sight") == "live" for n in NAMES), within_s=90
            )
            wait_until(lambda: (air.last("/zone/bridge/state") or {}).get("sight") == "live")
            street.break_camera("east", fault)
            wait_until(lambda: sight(air, "east").get("sight") == "blind")
            blind = sight(air, "east")
            assert "count" not in blind
            assert blind["reason"]
            wait_until(lambda: (air.last("/zone/bridge/state") or {}).get("sight") == "partial")
            street.break_camera("east", Fault.NONE)
            wait_until(lambda: sight(air, "east").get("sight") == "live")
            wait_until(lambda: (air.last("/zone/bridge/state") or {}).get("sight") == "live")
            west = [each["sight"] for each in air.heard("/camera/west/density")]
            assert "blind" not in west[west.index("live") :], "the other camera did not notice"
