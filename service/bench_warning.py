"""How long a warning takes: from a published reading to the order at the terminal.

Each sample is a new case: a sensor goes over its limit (hold 0), the service stores the reading,
opens a case, writes and signs the order, commits with full sync and publishes; the terminal's
socket has it. The floor is the same two clients through the same broker without a service, a
message and its answer, sampled in turn with ours in the same run.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from model.facts import DeviceKind, ReceiptStage, SensorReading, TerminalReceipt
from model.orders import TerminalOrder
from service.bench_cameras import machine
from service.bench_mosquitto import mosquitto
from service.exits import OutsideError
from service.meeting_point import wait_for
from service.secrets_folder import make_missing, public_keys_path
from service.site import LoadedSite, open_site
from wire.address import BrokerAddress
from wire.codec import encode
from wire.field_link import FieldLink
from wire.keys import read_public_keys
from wire.signing import SignatureRefusal, verify_order
from wire.topics import Filter, Topics

log = logging.getLogger(__name__)

Result = dict[str, Any]
ECHO = "bench/echo"
ANSWER_WITHIN_S = 20.0

SITE = """
site: {{id: bench, name: {{zh: 测, en: Bench}}, origin: {{lat: 39.9, lon: 116.4}}}}
broker: {{host: 127.0.0.1, port: {port}}}
store: {{folder: data, full_sync: true}}
keys: {{signing_key_file: orders.key, key_id: orders-1}}
console: {{host: 127.0.0.1, port: 0}}
zones:
  - id: bridge
    name: {{zh: 桥, en: Bridge}}
    outline: [[0, 0], [20, 0], [20, 20], [0, 20]]
    usable_area_m2: 400
    m2_per_visitor: 1
sensors:
  - {{id: noise-1, name: {{zh: 噪声, en: Noise}}, zones: [bridge], silent_after_s: 3600}}
terminals:
  - {{id: terminal-1, name: {{zh: 终端, en: Terminal}}, zones: [bridge]}}
rules:
  - id: noise
    hazard: noise
    signal: sensor
    quantity: noise
    raise_at: {{red: 90}}
    clear_below: 1
    hold_s: 0
    clear_hold_s: 0
    text: {{zh: 噪声, en: Noise}}
plans:
  - id: noise-red
    hazard: noise
    level: red
    approval: none
    text: {{zh: 噪声, en: Noise}}
    cancel: {{zh: 解除, en: Over}}
"""


def run_bench(*, samples: int, folder: Path | None) -> Result:
    """Measure `samples` warnings and as many bare round trips; a folder on a real disk matters."""
    with (
        tempfile.TemporaryDirectory(prefix="yinding-bench-", dir=folder) as place,
        mosquitto() as broker,
    ):
        path = Path(place) / "site.yaml"
        path.write_text(SITE.format(port=broker.port), "utf-8")
        loaded = open_site(path, secrets_needed=False)
        make_missing(loaded.site, loaded.folder)
        ours, floor = asyncio.run(_measure(loaded, broker, samples))
        return {
            "ours": _figures(ours),
            "peers": {},
            "floor": {"bare_round_trip": _figures(floor)},
            "ratio": {"bare_round_trip": round(_percentile(floor, 50) / _percentile(ours, 50), 4)},
            "machine": machine() | {"store_file_system": _file_system(Path(place))},
        }


async def _measure(
    loaded: LoadedSite, broker: BrokerAddress, samples: int
) -> tuple[list[float], list[float]]:
    topics = Topics(loaded.site.site.id)
    async with _service(loaded):
        field = FieldLink(broker, client_id="bench-sensor")
        terminal = FieldLink(
            broker,
            client_id="bench-terminal",
            filters=(
                Filter(topic=topics.order(DeviceKind.TERMINAL, "terminal-1"), qos=1),
                Filter(topic=ECHO, qos=1),
            ),
        )
        async with field, terminal:
            run = _Run(
                topics,
                field,
                terminal,
                read_public_keys(public_keys_path(loaded.site, loaded.folder)),
            )
            listening = asyncio.create_task(run.listen(), name="terminal")
            try:
                return await run.samples(samples)
            finally:
                listening.cancel()


class _Run:
    """The sensor that crosses its limit and the terminal that is told."""

    def __init__(self, topics: Topics, field: FieldLink, terminal: FieldLink, keys: Any) -> None:
        self._topics = topics
        self._field = field
        self._terminal = terminal
        self._keys = keys
        self._heard: asyncio.Queue[tuple[str, float]] = asyncio.Queue()
        self._seq = 0

    async def listen(self) -> None:
        """Note when each message came; verify and receipt every order, as a terminal does."""
        async for message in self._terminal.messages():
            came_s = time.perf_counter()
            if message.topic == ECHO:
                self._heard.put_nowait(("echo", came_s))
                continue
            order = verify_order(message.topic, message.payload, self._keys)
            if isinstance(order, SignatureRefusal) or not isinstance(order, TerminalOrder):
                raise OutsideError(f"the terminal refused an order: {order}")
            self._heard.put_nowait((order.action, came_s))
            for stage in (ReceiptStage.RECEIVED, ReceiptStage.PLAYED):
                receipt = TerminalReceipt(order=order.id, stage=stage, at=datetime.now(UTC))
                topic = self._topics.receipt(DeviceKind.TERMINAL, "terminal-1")
                await self._terminal.publish(topic, encode(receipt))

    async def samples(self, count: int) -> tuple[list[float], list[float]]:
        """Seconds of `count` warnings and of `count` bare round trips, in turn."""
        ours: list[float] = []
        floor: list[float] = []
        await self._read(40.0)
        for number in range(count + 10):
            began_s = time.perf_counter()
            await self._read(99.0)
            warned_s = await self._until("show")
            await self._read(40.0)
            await self._until("cancel")
            echo_s = time.perf_counter()
            await self._field.publish(ECHO, b"{}")
            answered_s = await self._until("echo")
            if number >= 10:
                ours.append(warned_s - began_s)
                floor.append(answered_s - echo_s)
        return ours, floor

    async def _read(self, value: float) -> None:
        self._seq += 1
        reading = SensorReading(
            at=datetime.now(UTC), quantity="noise", value=value, unit="dB(A)", seq=self._seq
        )
        await self._field.publish(self._topics.reading("noise-1"), encode(reading))

    async def _until(self, wanted: str) -> float:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            while True:
                what, came_s = await self._heard.get()
                if what == wanted:
                    return came_s


@asynccontextmanager
async def _service(loaded: LoadedSite) -> AsyncIterator[None]:
    """The real service in its own process."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "service.cli",
        "serve",
        str(loaded.path),
        "--workers",
        "0",
        "--tied",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        await asyncio.to_thread(wait_for, loaded.data_folder, within_s=30.0)
        yield
    finally:
        child.terminate()
        await child.wait()


def _figures(seconds: list[float]) -> Result:
    return {
        "p50_ms": round(_percentile(seconds, 50) * 1000, 3),
        "p99_ms": round(_percentile(seconds, 99) * 1000, 3),
        "samples": len(seconds),
    }


def _percentile(values: list[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def _file_system(folder: Path) -> str:
    mounts = [
        part for part in psutil.disk_partitions(all=True) if folder.is_relative_to(part.mountpoint)
    ]
    best = max(mounts, key=lambda part: len(part.mountpoint), default=None)
    return "unknown" if best is None else best.fstype
