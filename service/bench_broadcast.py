"""How long until a whole site's terminals have the warning: from the crossing to their receipts.

Each round is a new case: a sensor goes over its limit (hold 0), the service decides, signs an order
for every terminal, commits with full sync and publishes; each terminal verifies the signature and
answers `received`, and the receipt counts when the service has it on disk. Terminals speak for the
rest of the round, so `played` comes after the time is taken. The floor is a bare client through the
same Mosquitto: it signs and publishes the same orders, and the same terminals verify and answer it.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from model.facts import DeviceKind, ReceiptStage, SensorReading, TerminalReceipt
from model.level import Level
from model.orders import TerminalOrder
from model.text import Bilingual
from service.bench_cameras import machine
from service.bench_house import (
    CALM,
    HAZARD,
    RAISES_AT,
    SENSOR,
    bench_site,
    file_system,
    running_service,
)
from service.bench_mosquitto import mosquitto
from service.exits import OutsideError
from service.secrets_folder import public_keys_path, signing_key_path
from service.site import LoadedSite
from simulators.light_line import LightLine
from store.embedded import StoreReader
from wire.address import BrokerAddress
from wire.codec import encode
from wire.keys import load_key_file, read_public_keys
from wire.signing import OrderSigner, SignatureRefusal, verify_order
from wire.topics import Topics

log = logging.getLogger(__name__)

Result = dict[str, Any]
CONNECT_AT_ONCE = 50
LOOK_EVERY_S = 0.005
ANSWER_WITHIN_S = 60.0
SHARE = 0.99
SPARE_FILES = 500


def run_bench(*, terminals: int, rounds: int, folder: Path | None) -> Result:
    """Warn `terminals` terminals `rounds` times through the service, and through a bare client."""
    _allow_files(2 * terminals + SPARE_FILES)
    with (
        tempfile.TemporaryDirectory(prefix="yinding-bench-", dir=folder) as place,
        mosquitto() as broker,
    ):
        names = tuple(f"bench-{number}" for number in range(1, terminals + 1))
        loaded = bench_site(Path(place), broker.port, terminals=names)
        ours, floor = asyncio.run(_measure(loaded, broker, names, rounds))
        return {
            "ours": _figures(ours, terminals),
            "peers": {},
            "floor": {"bare_client": _figures(floor, terminals)},
            "ratio": {"bare_client": round(median(floor) / median(ours), 4)},
            "machine": machine() | {"store_file_system": file_system(Path(place))},
        }


def _allow_files(wanted: int) -> None:
    """Every terminal is a connection of ours and one of the broker's, who inherits this limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return
    if hard < wanted:
        raise OutsideError(f"{wanted} open files are needed and {hard} allowed: `ulimit -n`")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _measure(
    loaded: LoadedSite, broker: BrokerAddress, names: tuple[str, ...], rounds: int
) -> tuple[list[float], list[float]]:
    keys = read_public_keys(public_keys_path(loaded.site, loaded.folder))
    crowd = _Crowd(Topics(loaded.site.site.id), keys)
    async with running_service(loaded):
        await crowd.connect(broker, names)
        try:
            with StoreReader.look(loaded.data_folder) as store:
                ours = await _ours(loaded, broker, crowd, store, rounds)
        finally:
            crowd.close()
    await crowd.connect(broker, names)
    try:
        floor = await _floor(loaded, broker, names, rounds)
    finally:
        crowd.close()
    return ours, floor


class _Crowd:
    """The terminals of one site: each verifies what it hears and answers `received` at once.

    `speaking` holds what a terminal has still to say `played` for.
    """

    def __init__(self, topics: Topics, keys: Mapping[str, Ed25519PublicKey]) -> None:
        self._topics = topics
        self._keys = keys
        self._lines: list[LightLine] = []
        self._speaking: list[tuple[LightLine, str, str]] = []
        self.heard: set[str] = set()

    async def connect(self, broker: BrokerAddress, names: tuple[str, ...]) -> None:
        """Every terminal its own connection, some at once."""
        for start in range(0, len(names), CONNECT_AT_ONCE):
            self._lines += await asyncio.gather(
                *(self._line(broker, one) for one in names[start : start + CONNECT_AT_ONCE])
            )

    async def _line(self, broker: BrokerAddress, name: str) -> LightLine:
        topic = self._topics.order(DeviceKind.TERMINAL, name)
        back = self._topics.receipt(DeviceKind.TERMINAL, name)

        def take(line: LightLine, topic: str, payload: bytes) -> None:
            order = verify_order(topic, payload, self._keys)
            if isinstance(order, SignatureRefusal):
                raise OutsideError(f"{name} refused an order: {order}")
            line.publish(back, _receipt(order.id, ReceiptStage.RECEIVED))
            if order.id not in self.heard:  # a repeat is answered, and not spoken again
                self.heard.add(order.id)
                self._speaking.append((line, back, order.id))

        return await LightLine.open(
            broker, client_id=f"terminal-{name}", filters=(topic,), on_message=take
        )

    def finish_speaking(self) -> int:
        """Every terminal has spoken what it had to say; how many receipts that made."""
        spoken, self._speaking = self._speaking, []
        for line, topic, order in spoken:
            line.publish(topic, _receipt(order, ReceiptStage.PLAYED))
        return len(spoken)

    def close(self) -> None:
        """Hang up every line."""
        for line in self._lines:
            line.close()
        self._lines.clear()
        self._speaking.clear()


def _receipt(order: str, stage: ReceiptStage) -> bytes:
    return encode(TerminalReceipt(order=order, stage=stage, at=datetime.now(UTC)))


async def _ours(
    loaded: LoadedSite, broker: BrokerAddress, crowd: _Crowd, store: StoreReader, rounds: int
) -> list[float]:
    """Seconds from the crossing's publication until 99 % of the receipts are on disk, a round each."""
    terminals = len(crowd._lines)  # noqa: SLF001 - one module
    topic = Topics(loaded.site.site.id).reading(SENSOR)
    line = await LightLine.open(broker, client_id="bench-sensor")

    def read(value: float) -> None:
        reading = SensorReading(
            at=datetime.now(UTC), quantity=HAZARD, value=value, unit="1", seq=line.published
        )
        line.publish(topic, encode(reading))

    def events() -> int:
        return store.counts().get("event", 0)

    took: list[float] = []
    read(CALM)
    for number in range(rounds + 1):
        expected = events() + terminals * SHARE
        began_s = time.perf_counter()
        read(RAISES_AT + 5)
        await _until(lambda wanted=expected: events() >= wanted, "receipts")  # type: ignore[misc]
        if number:  # the first round is the service's warm-up
            took.append(time.perf_counter() - began_s)
        await _until(lambda: len(crowd.heard) >= terminals, "orders")
        expected = events() + crowd.finish_speaking() * SHARE
        await _until(lambda wanted=expected: events() >= wanted, "played")  # type: ignore[misc]
        crowd.heard.clear()
        read(CALM)
        await _until(lambda: len(crowd.heard) >= terminals, "withdrawals")
        expected = events() + crowd.finish_speaking() * SHARE
        await _until(lambda wanted=expected: events() >= wanted, "withdrawn")  # type: ignore[misc]
        crowd.heard.clear()
    line.close()
    return took


async def _until(done: Callable[[], bool], what: str) -> None:
    end_s = time.perf_counter() + ANSWER_WITHIN_S
    while not done():
        if time.perf_counter() > end_s:
            raise OutsideError(f"not all {what} came within {ANSWER_WITHIN_S:.0f} s")
        await asyncio.sleep(LOOK_EVERY_S)


async def _floor(
    loaded: LoadedSite,
    broker: BrokerAddress,
    names: tuple[str, ...],
    rounds: int,
) -> list[float]:
    """Seconds of a client that signs and publishes, and counts what comes back."""
    topics = Topics(loaded.site.site.id)
    key = load_key_file(signing_key_path(loaded.site, loaded.folder))
    signer = OrderSigner(key, loaded.site.keys.key_id)
    receipts: list[float] = []

    def take(_line: LightLine, _topic: str, _payload: bytes) -> None:
        receipts.append(time.perf_counter())

    line = await LightLine.open(
        broker,
        client_id="bare",
        filters=(f"{topics.root}/terminal/+/receipt",),
        on_message=take,
    )
    took: list[float] = []
    counter = int(time.time() * 1000)
    for number in range(rounds + 1):
        receipts.clear()
        began_s = time.perf_counter()
        for name in names:
            counter += 1
            topic = topics.order(DeviceKind.TERMINAL, name)
            line.publish(topic, signer.sign(topic, _bare_order(counter)))
        await _until(lambda: len(receipts) >= len(names) * SHARE, "receipts")
        if number:
            took.append(time.perf_counter() - began_s)
        await _until(lambda: len(receipts) >= len(names), "receipts")
    line.close()
    return took


def _bare_order(counter: int) -> TerminalOrder:
    now = datetime.now(UTC)
    return TerminalOrder(
        id=f"bare-{counter}",
        counter=counter,
        issued=now,
        expires=now + timedelta(minutes=10),
        action="show",
        warning="bare",
        level=Level.RED,
        exercise=False,
        text=Bilingual(zh="前方拥挤，请绕行。", en="It is crowded ahead. Take another way."),
        speech="前方拥挤，请绕行。",
        volume=70,
        key="bare",
        signature="",
    )


def _figures(seconds: list[float], terminals: int) -> Result:
    return {
        "terminals": terminals,
        "receipted_99_s": round(median(seconds), 4),
        "worst_s": round(max(seconds), 4),
        "rounds": len(seconds),
    }
