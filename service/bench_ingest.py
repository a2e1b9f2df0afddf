"""How many readings a second go through the rules onto the disk, and stay there.

Readings of Shichahai's 382 cameras are published with quality 1 as fast as the broker and the
service take them; one counts when the service has committed it with full sync. The floor is the
same readings through the same Mosquitto to one bare client that parses and acknowledges them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import tempfile
import time
from pathlib import Path
from typing import Any

from service.bench_cameras import machine
from service.bench_house import CameraReadings, bench_site, file_system, running_service
from service.bench_mosquitto import mosquitto
from service.exits import OutsideError
from service.site import LoadedSite
from simulators.light_line import LightLine
from store.embedded import StoreReader
from wire.address import BrokerAddress
from wire.topics import Topics

log = logging.getLogger(__name__)

Result = dict[str, Any]
WINDOW = 1_000
"""Publications under way at once: below what the broker lets a client have in flight."""

AHEAD = 20_000
"""How far the field may run ahead of the disk before it waits: the broker's queue is bounded."""

LOOK_EVERY_S = 0.05
STALLED_S = 60.0


def run_bench(*, messages: int, folder: Path | None) -> Result:
    """Send `messages` readings through the service, and as many through a bare client."""
    with (
        tempfile.TemporaryDirectory(prefix="yinding-bench-", dir=folder) as place,
        mosquitto() as broker,
    ):
        loaded = bench_site(Path(place), broker.port, terminals=())
        ours = asyncio.run(_ours(loaded, broker, messages))
        floor = asyncio.run(_floor(loaded, broker, messages))
        return {
            "ours": ours,
            "peers": {},
            "floor": {"bare_client": floor},
            "ratio": {
                "bare_client": round(ours["messages_per_s"] / floor["messages_per_s"], 4),
            },
            "machine": machine() | {"store_file_system": file_system(Path(place))},
        }


async def _ours(loaded: LoadedSite, broker: BrokerAddress, messages: int) -> Result:
    async with running_service(loaded) as process:
        readings = CameraReadings(loaded)
        line = await LightLine.open(broker, client_id="bench-field")
        with StoreReader.look(loaded.data_folder) as store:
            await _through(line, readings, store, min(1_000, messages))
            cpu_s = sum(process.cpu_times()[:2])
            took_s = await _through(line, readings, store, messages)
            cpu_s = sum(process.cpu_times()[:2]) - cpu_s
        line.close()
    return {
        "messages_per_s": round(messages / took_s, 1),
        "messages": messages,
        "seconds": round(took_s, 3),
        "service_cpu_us_per_message": round(cpu_s / messages * 1e6, 1),
    }


async def _through(
    line: LightLine, readings: CameraReadings, store: StoreReader, messages: int
) -> float:
    """Publish so many readings and wait until the last is on disk; how long that took, seconds."""
    before = store.counts().get("camera_reading", 0)
    began_s = moved_s = time.perf_counter()
    sent = stored = 0
    while stored < messages:
        while sent < messages and line.outstanding < WINDOW and sent - stored < AHEAD:
            line.publish(*readings.next())
            sent += 1
        await asyncio.sleep(0)
        now_s = time.perf_counter()
        if now_s - moved_s >= LOOK_EVERY_S or sent == messages:
            seen = store.counts().get("camera_reading", 0) - before
            moved_s = now_s if seen > stored else moved_s
            stored = seen
            if now_s - moved_s > STALLED_S:
                raise OutsideError(f"{stored} of {sent} readings on disk, and no more came")
            await asyncio.sleep(LOOK_EVERY_S if sent == messages else 0)
    return time.perf_counter() - began_s


async def _floor(loaded: LoadedSite, broker: BrokerAddress, messages: int) -> Result:
    """The same stream to one client that parses each reading and acknowledges it."""
    arrived = 0

    def take(_line: LightLine, _topic: str, payload: bytes) -> None:
        nonlocal arrived
        json.loads(payload)
        arrived += 1

    readings = CameraReadings(loaded)
    stream = (f"{Topics(loaded.site.site.id).root}/camera/+/density",)
    taker = await LightLine.open(broker, client_id="bare", filters=stream, on_message=take)
    line = await LightLine.open(broker, client_id="bench-field")
    began_s = time.perf_counter()
    sent = 0
    while arrived < messages:
        while sent < messages and line.outstanding < WINDOW and sent - arrived < AHEAD:
            line.publish(*readings.next())
            sent += 1
        await asyncio.sleep(0)
        if time.perf_counter() - began_s > STALLED_S + messages / 100.0:
            raise OutsideError(f"{arrived} of {sent} readings reached the bare client")
    took_s = time.perf_counter() - began_s
    taker.close()
    line.close()
    return {"messages_per_s": round(messages / took_s, 1), "seconds": round(took_s, 3)}
