"""One PLC lane's two lines: Modbus/TCP to the controller, MQTT to the broker."""

from __future__ import annotations

import asyncio
import logging

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from config.schema import ModbusAddress
from devices.modbus.lane import ModbusLane
from devices.modbus.registers import COMMAND_AT, COUNT, reading_of
from model.clock import Clock
from model.facts import BollardReceipt, DeviceKind, DeviceStatus
from wire.address import BrokerAddress
from wire.codec import encode
from wire.field_link import FieldLink, keep_connected
from wire.link_terms import Will
from wire.topics import Filter, Topics

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.2
ANSWER_WITHIN_S = 1.0
VERSION = "modbus-1"


class PlcSilentError(Exception):
    """The PLC did not answer, or with an error."""


class ModbusLine:
    """Keeps both lines until cancelled. A lost PLC is logged once, and its return once."""

    def __init__(
        self,
        lane_id: str,
        lane: ModbusLane,
        *,
        plc: ModbusAddress,
        broker: BrokerAddress,
        topics: Topics,
        clock: Clock,
    ) -> None:
        self._id = lane_id
        self._lane = lane
        self._plc = plc
        self._broker = broker
        self._topics = topics
        self._clock = clock
        self._lost = False
        self._receipts: list[BollardReceipt] = []
        self._speaking = asyncio.Lock()

    async def run(self) -> None:
        """Live on both lines."""
        status = self._topics.status(DeviceKind.BOLLARD, self._id)

        def make() -> FieldLink:
            order = self._topics.order(DeviceKind.BOLLARD, self._id)
            return FieldLink(
                self._broker,
                client_id=f"bollard-{self._id}",
                filters=[Filter(topic=order, qos=1)],
                will=Will(status, encode(DeviceStatus(state="offline"))),
            )

        await keep_connected(make, self._session)

    async def _session(self, link: FieldLink) -> None:
        birth = DeviceStatus(state="online", at=self._clock.now(), version=VERSION)
        status = self._topics.status(DeviceKind.BOLLARD, self._id)
        await link.publish(status, encode(birth), retain=True)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(link), name=f"lane {self._id} listens")
            tasks.create_task(self._look(link), name=f"lane {self._id} looks at its PLC")

    async def _listen(self, link: FieldLink) -> None:
        async for message in link.messages():
            if message.retained:
                continue
            now, mono = self._clock.now(), self._clock.monotonic()
            self._receipts += self._lane.hear(message.topic, message.payload, now, mono)
            await self._say(link)

    async def _look(self, link: FieldLink) -> None:
        client = AsyncModbusTcpClient(
            self._plc.host, port=self._plc.port, timeout=ANSWER_WITHIN_S, retries=0
        )
        try:
            while True:
                try:
                    await self._exchange(client)
                except PlcSilentError as error:
                    if not self._lost:
                        log.warning("lane %s: PLC %s lost: %s", self._id, self._plc.host, error)
                    self._lost = True
                else:
                    if self._lost:
                        log.info("lane %s: PLC %s is back", self._id, self._plc.host)
                    self._lost = False
                await self._say(link)
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            client.close()

    async def _exchange(self, client: AsyncModbusTcpClient) -> None:
        """Read the registers, and write a command that waits, once."""
        first, unit = self._plc.first_register, self._plc.unit
        try:
            if not client.connected and not await client.connect():
                raise PlcSilentError("no connection")
            command = self._lane.command
            if command is not None:
                # Written off before it leaves: after a lost answer the PLC is asked, not told again.
                self._lane.written(command)
                wrote = await client.write_registers(
                    first + COMMAND_AT, command.words(), device_id=unit
                )
                if wrote.isError():
                    raise PlcSilentError(f"write refused: {wrote}")
            answer = await client.read_holding_registers(first, count=COUNT, device_id=unit)
        except (ModbusException, OSError, TimeoutError) as error:
            raise PlcSilentError(str(error)) from error
        if answer.isError() or len(answer.registers) != COUNT:
            raise PlcSilentError(f"read refused: {answer}")
        now, mono = self._clock.now(), self._clock.monotonic()
        self._receipts += self._lane.take(reading_of(answer.registers), now, mono)

    async def _say(self, link: FieldLink) -> None:
        """Send what waits: receipts first, since they settle orders; then the state."""
        topic = self._topics.receipt(DeviceKind.BOLLARD, self._id)
        async with self._speaking:
            while self._receipts:
                await link.publish(topic, encode(self._receipts[0]))
                self._receipts.pop(0)
        state = self._lane.state_if_due(self._clock.now(), self._clock.monotonic())
        if state is not None:
            await link.publish(self._topics.bollard_state(self._id), encode(state), retain=True)
