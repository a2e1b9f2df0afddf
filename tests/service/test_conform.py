"""The conformance kit against simulated devices: right ones pass, and a wrong one is named."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from model.clock import SystemClock
from model.facts import DeviceKind
from service.conform import bad_clauses, conform
from service.secrets_folder import make_missing, public_keys_path
from service.site import LoadedSite, open_site
from simulators.field import SimulatedField
from tests.mosquitto import running_mosquitto
from wire.address import BrokerAddress
from wire.keys import read_public_keys

pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(400)]

SITE = """
site: {{id: street, name: {{zh: 测, en: Street}}, origin: {{lat: 39.9, lon: 116.4}}}}
broker: {{host: 127.0.0.1, port: {port}}}
keys: {{signing_key_file: orders.key, key_id: orders-1}}
zones:
  - id: bridge
    name: {{zh: 桥, en: Bridge}}
    outline: [[0, 0], [20, 0], [20, 20], [0, 20]]
    usable_area_m2: 400
    m2_per_visitor: 1
counters: [{{id: gate-1, name: {{zh: 门, en: Gate}}, zone: bridge}}]
terminals:
  - {{id: screen-1, name: {{zh: 屏, en: Screen}}, zones: [bridge]}}
  - {{id: horn-1, name: {{zh: 喇叭, en: Horn}}, zones: [bridge], plays: wav}}
bollards: [{{id: lane-1, name: {{zh: 道, en: Lane}}, entrance: north}}]
"""


EXAMINED_WITHIN_S = 300
"""Above the sum of an examination's own deadlines where a device answers at all."""

ENDS_WITHIN_S = 30

BY_THE_CLOCK = {"state_every_second"}
"""A machine at its limit may be late with a state."""


class SlowClock(SystemClock):
    """A device whose clock is ten minutes behind."""

    def now(self) -> datetime:
        return super().now() - timedelta(minutes=10)


@contextmanager
def street(folder: Path) -> Iterator[tuple[LoadedSite, BrokerAddress]]:
    with running_mosquitto(folder) as mosquitto:
        path = folder / "site.yaml"
        path.write_text(SITE.format(port=mosquitto.port), "utf-8")
        loaded = open_site(path, secrets_needed=False)
        make_missing(loaded.site, loaded.folder)
        yield loaded, mosquitto.address()


async def examined(
    loaded: LoadedSite, address: BrokerAddress, clock: SystemClock, *devices: tuple[str, str]
) -> list[dict[str, Any]]:
    keys = read_public_keys(public_keys_path(loaded.site, loaded.folder))
    field = SimulatedField(loaded.site, public_keys=keys, clock=clock, log=lambda _entry: None)
    me = asyncio.current_task()
    living = asyncio.create_task(field.run(address), name="the simulated field")
    try:
        wait = [
            conform(loaded, kind=kind, device=one, clock=SystemClock()) for kind, one in devices
        ]
        async with asyncio.timeout(EXAMINED_WITHIN_S):
            return list(await asyncio.gather(*wait))
    finally:
        living.cancel()
        await asyncio.wait([living], timeout=ENDS_WITHIN_S)
        alive = sorted(task.get_name() for task in asyncio.all_tasks() if task is not me)
        assert living.done(), f"told to end, still waited for: {alive}"


def test_the_simulated_devices_keep_every_clause(tmp_path: Path) -> None:
    with street(tmp_path) as (loaded, address):
        devices = [(kind.value, one) for kind, one in DEVICES]
        results = asyncio.run(examined(loaded, address, SystemClock(), *devices))
    for result in results:
        failed = [
            each
            for each in result["clauses"]
            if each["verdict"] == "fail" and each["name"] not in BY_THE_CLOCK
        ]
        assert failed == [], result["kind"]
        assert result["passed"] >= 5
    names = {each["name"] for result in results for each in result["clauses"]}
    assert {
        "stale_refused",
        "misaddressed_not_answered",
        "exercise_moves_nothing",
        "no_audio_failed",
    } <= names


def test_a_device_with_a_wrong_clock_is_named(tmp_path: Path) -> None:
    with street(tmp_path) as (loaded, address):
        (result,) = asyncio.run(
            examined(loaded, address, SlowClock(), (DeviceKind.TERMINAL.value, "screen-1"))
        )
    assert bad_clauses(result) == ["expired_refused"]


DEVICES = (
    (DeviceKind.TERMINAL, "screen-1"),
    (DeviceKind.TERMINAL, "horn-1"),
    (DeviceKind.BOLLARD, "lane-1"),
    (DeviceKind.COUNTER, "gate-1"),
)
