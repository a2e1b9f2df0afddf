"""Our side of the camera bench, in a process of its own: taps, decoding, counting."""

from __future__ import annotations

import asyncio
import gc
import threading
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Literal

import psutil

from crowd.estimator import Estimator
from ingest.cameras import CameraTap, LatestPictures
from ingest.rtsp.address import Address
from ingest.rtsp.failure import CameraError
from ingest.rtsp.session import CameraSession
from model.clock import SystemClock
from model.picture import Picture, SourceState

Depth = Literal["network", "decode", "count"]
START_WITHIN_S = 60.0
SAMPLE_S = 0.1


@dataclass(slots=True)
class _Ages:
    """How old each camera's newest reading was at its oldest, and how many came."""

    newest: dict[str, datetime] = field(default_factory=dict)
    oldest_s: float = 0.0
    readings: dict[str, int] = field(default_factory=dict)

    def took(self, picture: Picture, now: datetime) -> None:
        before = self.newest.get(picture.camera)
        if before is not None:
            self.oldest_s = max(self.oldest_s, (now - before).total_seconds())
        self.newest[picture.camera] = picture.at
        self.readings[picture.camera] = self.readings.get(picture.camera, 0) + 1

    def restart(self) -> None:
        """Count from now on."""
        self.oldest_s = 0.0
        self.readings = dict.fromkeys(self.newest, 0)


def measure(
    urls: list[str], depth: Depth, every_s: float, seconds: float, parent: Connection
) -> None:
    """A process's whole life: read all cameras to that depth and send one result, or an error."""
    try:
        parent.send(asyncio.run(_measure(urls, depth, every_s, seconds)))
    except (TimeoutError, OSError, CameraError) as error:
        parent.send({"error": f"{depth}: {str(error) or 'cameras did not start in time'}"})


async def _measure(
    urls: list[str], depth: Depth, every_s: float, seconds: float
) -> dict[str, float]:
    if depth == "network":
        return await _network_only(urls, seconds)
    clock, ages, slots, done = SystemClock(), _Ages(), LatestPictures(), threading.Event()
    counter = threading.Thread(target=_count, args=(slots, ages, clock, done), name="counting")
    if depth == "count":
        counter.start()
    process = psutil.Process()
    gc.collect()
    bare = process.memory_info().rss

    def came(picture: Picture) -> None:
        if depth == "count":
            slots.put(picture)
        else:
            ages.took(picture, clock.now())

    def ignore(_camera: str, _state: SourceState) -> None:
        """States do not matter here: a camera that is lost shows in the readings."""

    taps = [
        CameraTap(
            f"camera-{number}", url, every_s=every_s, clock=clock, on_picture=came, on_state=ignore
        )
        for number, url in enumerate(urls)
    ]
    try:
        async with asyncio.timeout(START_WITHIN_S + 3 * seconds), asyncio.TaskGroup() as group:
            tasks = [group.create_task(tap.run(), name=tap.camera_id) for tap in taps]
            while len(ages.newest) < len(urls):  # noqa: ASYNC110 - another thread fills it
                await asyncio.sleep(SAMPLE_S)
            await asyncio.sleep(2 * every_s)
            ages.restart()
            started_s, before = clock.monotonic(), process.cpu_times()
            await asyncio.sleep(seconds)
            took_s, after = clock.monotonic() - started_s, process.cpu_times()
            rss = process.memory_info().rss
            for task in tasks:
                task.cancel()
    finally:
        done.set()
    cpu_s = after.user + after.system - before.user - before.system
    cost_ms = 1000 * cpu_s / took_s / len(urls)
    return {
        "cameras": len(urls),
        "ms_per_camera_s": round(cost_ms, 3),
        "cameras_per_core": round(1000 / cost_ms, 1),
        "frame_age_max_s": round(ages.oldest_s, 2),
        "readings_per_s_min": round(min(ages.readings.values()) / took_s, 3),
        "readings_per_s": round(sum(ages.readings.values()) / took_s / len(urls), 3),
        "dropped": slots.dropped,
        "mb_per_camera": round((rss - bare) / len(urls) / 1e6, 2),
        "seconds": round(took_s, 1),
    }


def _count(slots: LatestPictures, ages: _Ages, clock: SystemClock, done: threading.Event) -> None:
    estimator = Estimator("small")
    while not done.is_set():
        picture = slots.take(timeout_s=0.5)
        if picture is not None:
            estimator.estimate(picture.pixels)
            ages.took(picture, clock.now())


async def _network_only(urls: list[str], seconds: float) -> dict[str, float]:
    """The floor: the same sessions, drained and taken apart, nothing decoded."""
    clock, process = SystemClock(), psutil.Process()
    sessions = [CameraSession(Address.parse(url), clock=clock) for url in urls]
    seen = 0

    async def drain(session: CameraSession) -> None:
        nonlocal seen
        while True:
            seen += len(session.drain())
            await asyncio.sleep(0.3)

    async with asyncio.timeout(START_WITHIN_S):
        for session in sessions:
            await session.open()
    async with asyncio.timeout(3 * seconds + 10.0), asyncio.TaskGroup() as group:
        tasks = [group.create_task(drain(session)) for session in sessions]
        await asyncio.sleep(2.0)
        bytes_before = sum(session.received_bytes for session in sessions)
        started_s, before, seen = clock.monotonic(), process.cpu_times(), 0
        await asyncio.sleep(seconds)
        took_s, after = clock.monotonic() - started_s, process.cpu_times()
        for task in tasks:
            task.cancel()
    came = sum(session.received_bytes for session in sessions) - bytes_before
    for session in sessions:
        session.close()
    cost_ms = 1000 * (after.user + after.system - before.user - before.system) / took_s / len(urls)
    return {
        "cameras": len(urls),
        "ms_per_camera_s": round(cost_ms, 3),
        "key_pictures_per_s": round(seen / took_s / len(urls), 3),
        "received_mbit_s": round(came * 8 / took_s / len(urls) / 1e6, 3),
    }
