"""A simulated PLC: the mechanics of one lane behind ten holding registers on Modbus/TCP."""

from __future__ import annotations

import asyncio

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from model.clock import Clock
from model.facts import BollardPosition, LoopState
from model.orders import Motion
from simulators.bollard_motor import BollardMotor, Drive, LaneFaults, MotorEvent, Street

SCAN_S = 0.05
REGISTERS = 10
COMMAND_AT = 8

_POSITIONS = {BollardPosition.DOWN: 1, BollardPosition.MOVING: 2, BollardPosition.UP: 3}
_LOOPS = {LoopState.CLEAR: 0, LoopState.OCCUPIED: 1, LoopState.FAULT: 2}
_MOTIONS = {1: Motion.RAISE, 2: Motion.LOWER, 3: Motion.STOP}
_DONE, _REFUSED, _FAILED = 1, 2, 3
_REASONS = {
    MotorEvent.GAVE_UP_VEHICLE: 1,
    MotorEvent.GAVE_UP_CONTACT: 2,
    MotorEvent.STUCK: 3,
}


class SimulatedPlc:
    """One lane's PLC. `halted`: the program stands still, the registers still answer."""

    def __init__(self, clock: Clock) -> None:
        self.street = Street()
        self.faults = LaneFaults()
        self.motor = BollardMotor(self.street, self.faults)
        self.halted = False
        self.commands: list[tuple[Motion, int]] = []
        self._clock = clock
        self._words = [0] * REGISTERS

    async def run(self, host: str, port: int) -> None:
        """Answer on Modbus/TCP and scan until cancelled."""
        device = SimDevice(
            id=1, simdata=SimData(0, count=REGISTERS, datatype=DataType.UINT16), action=self._access
        )
        server = ModbusTcpServer(device, address=(host, port))
        await server.serve_forever(background=True)
        try:
            while True:
                if not self.halted:
                    self.scan()
                await asyncio.sleep(SCAN_S)
        finally:
            await server.shutdown()  # type: ignore[no-untyped-call]

    def scan(self) -> None:
        """One round of the PLC's program."""
        mono = self._clock.monotonic()
        for event in self.motor.run(mono):
            if event in _REASONS:
                self._answer(_FAILED, _REASONS[event])
            elif event in (MotorEvent.AT_TOP, MotorEvent.AT_BOTTOM):
                self._answer(_DONE)
        if self._words[COMMAND_AT + 1] != self._words[5]:
            self._take_command(mono)
        loop, age_ms = self.motor.loop(mono)
        self._words[0] = _POSITIONS.get(self.motor.position, 0)
        self._words[1] = _LOOPS[loop]
        self._words[2] = min(age_ms, 65_535)
        self._words[4] = (self._words[4] + 1) % 65_536

    def _take_command(self, mono: float) -> None:
        motion, number = _MOTIONS.get(self._words[COMMAND_AT]), self._words[COMMAND_AT + 1]
        self._words[5], self._words[6], self._words[7] = number, 0, 0
        if motion is None:
            return
        self.commands.append((motion, number))
        if motion is Motion.STOP:
            self.motor.halt(mono)
            self._answer(_DONE)
        elif motion is Motion.LOWER:
            self.motor.lower(mono)
        elif self.motor.drive is not Drive.REST:
            self._answer(_REFUSED, 5)
        elif not self.motor.may_rise(mono):
            self._answer(_REFUSED, 1)
        else:
            self.motor.rise(mono)

    def _answer(self, result: int, reason: int = 0) -> None:
        self._words[6], self._words[7] = result, reason

    async def _access(
        self,
        _function_code: int,
        _start: int,
        _address: int,
        _count: int,
        registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """Every read sees the last scan; a write is taken by the next one."""
        if values is None:
            registers[:REGISTERS] = self._words
        else:
            self._words[COMMAND_AT : COMMAND_AT + 2] = [int(value) for value in values]
        return None
