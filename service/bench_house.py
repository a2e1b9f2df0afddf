"""The house that benchmarks measure: all of Shichahai, its service in a process, its readings.

The site is the shipped example of full size with a sensor, a rule and a plan of the bench's own;
its 382 cameras speak over light lines, and the service is the real one with full sync.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import psutil
import yaml  # type: ignore[import-untyped] # its stubs are a package of their own

from model.facts import DensityLive
from service.meeting_point import wait_for
from service.secrets_folder import make_missing
from service.site import LoadedSite, open_site
from simulators.light_line import LightLine
from wire.address import BrokerAddress
from wire.codec import encode
from wire.topics import Topics

SENSOR = "bench-sensor"
HAZARD = "bench"
RAISES_AT = 90.0
CALM = 40.0
STARTED_WITHIN_S = 60.0


def bench_site(folder: Path, port: int, *, terminals: Sequence[str]) -> LoadedSite:
    """Shichahai on a broker of this machine, with a sensor that makes `terminals` speak at once."""
    text = (files("config") / "sites" / "shichahai.yaml").read_text("utf-8")
    site: dict[str, Any] = yaml.safe_load(text)
    zone = site["zones"][0]["id"]
    site["broker"] = {"host": "127.0.0.1", "port": port}
    site["store"] = {"folder": "data", "full_sync": True}
    site["console"] = {"host": "127.0.0.1", "port": 0}
    site["sensors"].append(
        {"id": SENSOR, "name": _words(), "zones": [zone], "silent_after_s": 86_400}
    )
    site["terminals"] += [{"id": one, "name": _words(), "zones": [zone]} for one in terminals]
    site["rules"].append(
        {
            "id": HAZARD,
            "hazard": HAZARD,
            "signal": "sensor",
            "quantity": HAZARD,
            "zones": [zone],
            "raise_at": {"red": RAISES_AT},
            "clear_below": 1,
            "hold_s": 0,
            "clear_hold_s": 0,
            "text": _words(),
        }
    )
    site["plans"].append(
        {
            "id": HAZARD,
            "hazard": HAZARD,
            "level": "red",
            "approval": "none",
            "terminals": list(terminals),
            "text": {"zh": "前方拥挤，请绕行。", "en": "It is crowded ahead. Take another way."},
            "speech": "前方拥挤，请绕行。",
            "cancel": {"zh": "解除", "en": "Over"},
        }
    )
    path = folder / "site.yaml"
    path.write_text(yaml.safe_dump(site, allow_unicode=True, sort_keys=False), "utf-8")
    loaded = open_site(path, secrets_needed=False)
    make_missing(loaded.site, loaded.folder)
    return loaded


def _words() -> dict[str, str]:
    """A new one each time: a site file writes every value out in full."""
    return {"zh": "测试", "en": "Bench"}


@asynccontextmanager
async def running_service(loaded: LoadedSite) -> AsyncIterator[psutil.Process]:
    """The real service in its own process, without camera workers."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "service.cli", "serve", str(loaded.path), "--workers", "0", "--tied"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        await asyncio.to_thread(wait_for, loaded.data_folder, within_s=STARTED_WITHIN_S)
        yield psutil.Process(child.pid)
    finally:
        with suppress(ProcessLookupError):  # it ended by itself, and said why
            child.terminate()
        await child.wait()


class CameraReadings:
    """What the site's cameras say in a calm hour, one after the other, each stamp its own."""

    def __init__(self, loaded: LoadedSite, *, seed: int = 1) -> None:
        self._topics = Topics(loaded.site.site.id)
        self._cameras = [camera.id for camera in loaded.site.cameras]
        self._last = dict.fromkeys(self._cameras, datetime.min.replace(tzinfo=UTC))
        self._rng = random.Random(seed)
        self._next = 0

    def next(self) -> tuple[str, bytes]:
        """The next camera's topic and reading."""
        camera = self._cameras[self._next]
        self._next = (self._next + 1) % len(self._cameras)
        at = max(datetime.now(UTC), self._last[camera] + timedelta(milliseconds=1))
        self._last[camera] = at
        count = self._rng.uniform(3.0, 30.0)
        reading = DensityLive(
            at=at,
            count=round(count, 2),
            count_low=round(count * 0.8, 2),
            count_high=round(count * 1.2, 2),
            density_p_m2=round(count / 100.0, 3),
            peak_p_m2=round(count / 40.0, 3),
            model="bench",
        )
        return self._topics.density(camera), encode(reading)


async def keep_reading(readings: CameraReadings, broker: BrokerAddress, per_s: float) -> None:
    """Publish camera readings at a steady rate until cancelled."""
    line = await LightLine.open(broker, client_id="bench-cameras")
    loop = asyncio.get_running_loop()
    due_s = loop.time()
    try:
        while True:
            while due_s <= loop.time():
                line.publish(*readings.next())
                due_s += 1.0 / per_s
            await asyncio.sleep(max(0.0, due_s - loop.time()))
    finally:
        line.close()


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which so many percent of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def file_system(folder: Path) -> str:
    """The kind of file system that a folder lies on: a store in memory proves nothing."""
    mounts = [
        part for part in psutil.disk_partitions(all=True) if folder.is_relative_to(part.mountpoint)
    ]
    best = max(mounts, key=lambda part: len(part.mountpoint), default=None)
    return "unknown" if best is None else best.fstype
