"""The floor of the camera bench: our connections alone, and with key pictures decoded."""

from __future__ import annotations

import asyncio
from collections import Counter
from multiprocessing.connection import Connection
from typing import Literal

import cv2
import psutil

from ingest.cameras import CameraTap
from ingest.rtsp.address import Address
from ingest.rtsp.failure import CameraError
from ingest.rtsp.picking import Then
from ingest.rtsp.session import CameraSession
from model.clock import SystemClock
from model.picture import Picture, SourceState

Depth = Literal["network", "decoding"]
START_WITHIN_S = 120.0
LOOK_S = 0.1


def measure_floor(
    urls: list[str], depth: Depth, every_s: float, seconds: float, parent: Connection
) -> None:
    """A process's whole life: read all cameras to that depth and send one result, or an error."""
    cv2.setNumThreads(1)
    work = _network if depth == "network" else _decoding
    try:
        parent.send(asyncio.run(work(urls, every_s, seconds)))
    except (TimeoutError, OSError, CameraError) as error:
        parent.send({"error": f"{depth}: {str(error) or 'cameras did not start in time'}"})


async def _decoding(urls: list[str], every_s: float, seconds: float) -> dict[str, float]:
    """The service's own taps, with nothing done to a picture."""
    clock, process, came = SystemClock(), psutil.Process(), Counter[str]()

    def note(picture: Picture) -> Then:
        return lambda: came.update([picture.camera])

    def ignore(_camera: str, _state: SourceState) -> None:
        """States do not matter here: a camera that is lost shows in the readings."""

    taps = [
        CameraTap(
            f"camera-{number}", url, every_s=every_s, clock=clock, study=note, on_state=ignore
        )
        for number, url in enumerate(urls)
    ]
    async with asyncio.timeout(START_WITHIN_S + 3 * seconds), asyncio.TaskGroup() as group:
        tasks = [group.create_task(tap.run(), name=tap.camera_id) for tap in taps]
        while len(came) < len(urls):  # noqa: ASYNC110 - the taps fill it
            await asyncio.sleep(LOOK_S)
        await asyncio.sleep(2 * every_s)
        came.clear()
        started_s, before = clock.monotonic(), process.cpu_times()
        await asyncio.sleep(seconds)
        took_s, after = clock.monotonic() - started_s, process.cpu_times()
        for task in tasks:
            task.cancel()
    return _result(urls, after.user + after.system - before.user - before.system, took_s) | {
        "pictures_per_s": round(came.total() / took_s / len(urls), 3)
    }


async def _network(urls: list[str], _every_s: float, seconds: float) -> dict[str, float]:
    """The same sessions, drained and taken apart, nothing decoded."""
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
    return _result(urls, after.user + after.system - before.user - before.system, took_s) | {
        "key_pictures_per_s": round(seen / took_s / len(urls), 3),
        "received_mbit_s": round(came * 8 / took_s / len(urls) / 1e6, 3),
    }


def _result(urls: list[str], used_s: float, took_s: float) -> dict[str, float]:
    cost_ms = 1000 * used_s / took_s / len(urls)
    return {"cameras": len(urls), "ms_per_camera_s": round(cost_ms, 3)}
