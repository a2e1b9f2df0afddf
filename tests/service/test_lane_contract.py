"""One contract suite for every kind of lane, over real sockets: the service's own way and Modbus/TCP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from model.clock import SystemClock
from model.facts import BollardPosition
from model.orders import Motion
from service.conform import bad_clauses, conform
from service.gateway import gateway
from service.secrets_folder import make_missing, public_keys_path, signing_key_path
from service.site import LoadedSite, open_site
from simulators.bollard_motor import LaneFaults, Street
from simulators.field import SimulatedField
from simulators.modbus_plc import SimulatedPlc
from tests.mosquitto import free_port, running_mosquitto
from tests.service.lane_desk import LaneDesk
from wire.address import BrokerAddress
from wire.keys import load_key_file, read_public_keys
from wire.signing import OrderSigner

pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(400)]

CLOCK = SystemClock()
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
bollards:
  - {{id: lane-1, name: {{zh: 道, en: Lane}}, entrance: north{modbus}}}
"""


@dataclass
class Lane:
    """What stands in the street, however it is driven, and how often it moved."""

    street: Street
    faults: LaneFaults
    raises: Callable[[], int]


Maker = Callable[[LoadedSite, BrokerAddress], AbstractAsyncContextManager[Lane]]


@asynccontextmanager
async def by_contract(loaded: LoadedSite, address: BrokerAddress) -> AsyncIterator[Lane]:
    """A controller that speaks the contract itself."""
    moved: list[str] = []
    keys = read_public_keys(public_keys_path(loaded.site, loaded.folder))
    field = SimulatedField(
        loaded.site,
        public_keys=keys,
        clock=CLOCK,
        log=lambda entry: moved.append(f"{entry.what} {entry.detail}"),
    )
    machine = field.bollards["lane-1"].machine
    living = asyncio.create_task(field.run(address))
    try:
        yield Lane(machine.street, machine.faults, lambda: moved.count("moved raise"))
    finally:
        living.cancel()
        await asyncio.gather(living, return_exceptions=True)


@asynccontextmanager
async def by_modbus(loaded: LoadedSite, address: BrokerAddress) -> AsyncIterator[Lane]:
    """A PLC, and the gateway between it and the broker."""
    modbus = loaded.site.bollards[0].modbus
    assert modbus is not None
    plc = SimulatedPlc(CLOCK)
    living = [
        asyncio.create_task(plc.run(modbus.host, modbus.port)),
        asyncio.create_task(gateway(loaded, clock=CLOCK, broker=address)),
    ]
    try:
        yield Lane(
            plc.street,
            plc.faults,
            lambda: sum(motion is Motion.RAISE for motion, _ in plc.commands),
        )
    finally:
        for task in living:
            task.cancel()
        await asyncio.gather(*living, return_exceptions=True)


KINDS = {"contract": by_contract, "modbus": by_modbus}


@pytest.fixture(params=sorted(KINDS))
def street(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    modbus = f", modbus: {{host: 127.0.0.1, port: {free_port()}}}"
    with running_mosquitto(tmp_path) as mosquitto:
        path = tmp_path / "site.yaml"
        text = SITE.format(port=mosquitto.port, modbus=modbus if request.param == "modbus" else "")
        path.write_text(text, "utf-8")
        loaded = open_site(path, secrets_needed=False)
        make_missing(loaded.site, loaded.folder)
        yield loaded, mosquitto.address(), KINDS[request.param]


def test_a_lane_keeps_the_contract_and_moves_safely(
    street: tuple[LoadedSite, BrokerAddress, Maker],
) -> None:
    loaded, address, make = street
    signer = OrderSigner(load_key_file(signing_key_path(loaded.site, loaded.folder)), "orders-1")

    async def scene() -> None:
        async with make(loaded, address) as lane:
            result = await conform(loaded, kind="bollard", device="lane-1", clock=CLOCK)
            # A machine at its limit may be late with a state: the one clause about the clock.
            assert set(bad_clauses(result)) <= {"state_every_second"}
            assert lane.raises() == 0, "the examination moves nothing"
            async with LaneDesk(loaded, address, signer, CLOCK) as desk:
                await desk.until_position(BollardPosition.DOWN)
                await _up_and_down(desk, lane)
                await _vehicle(desk, lane)

    asyncio.run(scene())


async def _up_and_down(desk: LaneDesk, lane: Lane) -> None:
    order, payload = await desk.order(Motion.RAISE)
    assert (await desk.receipt(order)).result == "done"
    await desk.until_position(BollardPosition.UP)
    await desk.send(payload)
    lowered, _ = await desk.order(Motion.LOWER)
    assert (await desk.receipt(lowered)).result == "done"
    await desk.until_position(BollardPosition.DOWN)
    assert lane.raises() == 1, "a repeat moves nothing"


async def _vehicle(desk: LaneDesk, lane: Lane) -> None:
    lane.street.vehicle = True
    await desk.until_loop("occupied")
    order, _ = await desk.order(Motion.RAISE)
    receipt = await desk.receipt(order)
    assert (receipt.result, receipt.reason) == ("refused", "loop_not_clear")
    stop, _ = await desk.order(Motion.STOP)
    assert (await desk.receipt(stop)).result == "done"
    lane.faults.loop_fault = True
    await desk.until_loop("fault")


def test_a_plc_whose_program_stands_still_falls_silent_and_is_not_asked_to_rise(
    tmp_path: Path,
) -> None:
    modbus = f", modbus: {{host: 127.0.0.1, port: {free_port()}}}"
    with running_mosquitto(tmp_path) as mosquitto:
        path = tmp_path / "site.yaml"
        path.write_text(SITE.format(port=mosquitto.port, modbus=modbus), "utf-8")
        loaded = open_site(path, secrets_needed=False)
        make_missing(loaded.site, loaded.folder)
        signer = OrderSigner(
            load_key_file(signing_key_path(loaded.site, loaded.folder)), "orders-1"
        )

        async def scene() -> None:
            address = mosquitto.address()
            site_modbus = loaded.site.bollards[0].modbus
            assert site_modbus is not None
            plc = SimulatedPlc(CLOCK)
            living = [
                asyncio.create_task(plc.run(site_modbus.host, site_modbus.port)),
                asyncio.create_task(gateway(loaded, clock=CLOCK, broker=address)),
            ]
            try:
                async with LaneDesk(loaded, address, signer, CLOCK) as desk:
                    await desk.until_position(BollardPosition.DOWN)
                    plc.halted = True
                    await desk.until_silent()
                    order, _ = await desk.order(Motion.RAISE)
                    receipt = await desk.receipt(order)
                    assert (receipt.result, receipt.reason) == ("refused", "plc_silent")
                    assert plc.commands == []
                    plc.halted = False
                    lowered, _ = await desk.order(Motion.LOWER)
                    assert (await desk.receipt(lowered)).result == "done"
            finally:
                for task in living:
                    task.cancel()
                await asyncio.gather(*living, return_exceptions=True)

        asyncio.run(scene())
