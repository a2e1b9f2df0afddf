"""How long a warning takes: from a published reading to the order at the terminal.

Each sample is a new case: a sensor goes over its limit (hold 0), the service stores the reading,
opens a case, writes and signs the order, commits with full sync and publishes; the terminal's
socket has it. Meanwhile all of Shichahai's cameras send their readings. The floor is the same two
clients through the same broker without a service, a message and its answer, sampled in turn with
ours in the same run.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from model.facts import DeviceKind, ReceiptStage, SensorReading, TerminalReceipt
from model.orders import TerminalOrder
from service.bench_cameras import machine
from service.bench_house import (
    CALM,
    HAZARD,
    RAISES_AT,
    SENSOR,
    CameraReadings,
    bench_site,
    file_system,
    keep_reading,
    percentile,
    running_service,
)
from service.bench_mosquitto import mosquitto
from service.exits import OutsideError
from service.secrets_folder import public_keys_path
from service.site import LoadedSite
from wire.address import BrokerAddress
from wire.codec import encode
from wire.field_link import FieldLink
from wire.keys import read_public_keys
from wire.signing import SignatureRefusal, verify_order
from wire.topics import Filter, Topics

log = logging.getLogger(__name__)

Result = dict[str, Any]
ECHO = "bench/echo"
TERMINAL = "bench-terminal"
ANSWER_WITHIN_S = 20.0


def run_bench(*, samples: int, folder: Path | None, readings_per_s: float) -> Result:
    """Measure `samples` warnings and as many bare round trips, while the cameras' readings flow.

    A folder on a real disk matters.
    """
    with (
        tempfile.TemporaryDirectory(prefix="yinding-bench-", dir=folder) as place,
        mosquitto() as broker,
    ):
        loaded = bench_site(Path(place), broker.port, terminals=(TERMINAL,))
        ours, floor = asyncio.run(_measure(loaded, broker, samples, readings_per_s))
        return {
            "ours": _figures(ours) | {"readings_per_s": readings_per_s},
            "peers": {},
            "floor": {"bare_round_trip": _figures(floor)},
            "ratio": {"bare_round_trip": round(percentile(floor, 50) / percentile(ours, 50), 4)},
            "machine": machine() | {"store_file_system": file_system(Path(place))},
        }


async def _measure(
    loaded: LoadedSite, broker: BrokerAddress, samples: int, readings_per_s: float
) -> tuple[list[float], list[float]]:
    topics = Topics(loaded.site.site.id)
    async with running_service(loaded):
        field = FieldLink(broker, client_id="bench-sensor")
        terminal = FieldLink(
            broker,
            client_id="bench-terminal",
            filters=(
                Filter(topic=topics.order(DeviceKind.TERMINAL, TERMINAL), qos=1),
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
            beside = [asyncio.create_task(run.listen(), name="terminal")]
            if readings_per_s:
                flow = keep_reading(CameraReadings(loaded), broker, readings_per_s)
                beside.append(asyncio.create_task(flow, name="cameras"))
            try:
                return await run.samples(samples)
            finally:
                for task in beside:
                    task.cancel()


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
                topic = self._topics.receipt(DeviceKind.TERMINAL, TERMINAL)
                await self._terminal.publish(topic, encode(receipt))

    async def samples(self, count: int) -> tuple[list[float], list[float]]:
        """Seconds of `count` warnings and of `count` bare round trips, in turn."""
        ours: list[float] = []
        floor: list[float] = []
        await self._read(CALM)
        for number in range(count + 10):
            began_s = time.perf_counter()
            await self._read(RAISES_AT + 5)
            warned_s = await self._until("show")
            await self._read(CALM)
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
            at=datetime.now(UTC), quantity=HAZARD, value=value, unit="1", seq=self._seq
        )
        await self._field.publish(self._topics.reading(SENSOR), encode(reading))

    async def _until(self, wanted: str) -> float:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            while True:
                what, came_s = await self._heard.get()
                if what == wanted:
                    return came_s


def _figures(seconds: list[float]) -> Result:
    return {
        "p50_ms": round(percentile(seconds, 50) * 1000, 3),
        "p99_ms": round(percentile(seconds, 99) * 1000, 3),
        "samples": len(seconds),
    }
