"""The gateway: lanes whose controllers are PLCs, brought to the broker as devices of the contract."""

from __future__ import annotations

import asyncio

from config.schema import SiteFile
from devices.modbus.lane import ModbusLane
from devices.modbus.line import ModbusLine
from model.clock import Clock
from service.exits import WrongUseError
from service.meeting_point import FIELD, broker_for
from service.secrets_folder import public_keys_path
from service.site import LoadedSite
from wire.address import BrokerAddress
from wire.keys import KeyFileError, read_public_keys
from wire.order_check import OrderMemory
from wire.topics import Topics

GATEWAY_MEMORY = "gateway"


def has_modbus(site: SiteFile) -> bool:
    """Whether any lane of the site needs the gateway."""
    return any(lane.modbus is not None for lane in site.bollards)


async def gateway(loaded: LoadedSite, *, clock: Clock, broker: BrokerAddress | None = None) -> None:
    """Live for every Modbus lane until cancelled. WrongUseError where the site has none."""
    site = loaded.site
    if not has_modbus(site):
        raise WrongUseError(f"{loaded.path}: no lane under `bollards` has `modbus`")
    try:
        keys = read_public_keys(public_keys_path(site, loaded.folder))
    except KeyFileError as error:
        raise WrongUseError(str(error)) from error
    address = broker or broker_for(loaded, FIELD)
    memory = loaded.data_folder / GATEWAY_MEMORY
    memory.mkdir(parents=True, exist_ok=True)
    topics = Topics(site.site.id)
    async with asyncio.TaskGroup() as tasks:
        for lane in site.bollards:
            if lane.modbus is None:
                continue
            mind = ModbusLane(topics, lane.id, keys, OrderMemory(memory / f"{lane.id}.json"))
            line = ModbusLine(
                lane.id, mind, plc=lane.modbus, broker=address, topics=topics, clock=clock
            )
            tasks.create_task(line.run(), name=f"lane {lane.id}")
