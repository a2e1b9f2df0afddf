"""One PLC lane as the contract wants it: signed orders in, commands out, receipts and states up.

Without sockets. A lane whose heartbeat stands still says nothing, so that the service takes it for
silent; a command is written once under its own number, and only the PLC's answer to that number
settles its order.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from devices.modbus.registers import NUMBERS, Command, Reading
from model.facts import (
    BollardPosition,
    BollardReceipt,
    BollardResult,
    BollardState,
    DeviceKind,
    LoopState,
)
from model.orders import BollardOrder, Motion
from wire.codec import encode
from wire.order_check import OrderCheck, OrderMemory, OrderVerdict
from wire.topics import Topics

STATE_EVERY_S = 0.5
HEARTBEAT_WITHIN_S = 1.0
"""A PLC whose heartbeat stands still so long does not run its program, whatever its registers say."""

ANSWERED_WITHIN_S = 20.0
"""How long after its order's end a written command may still be answered."""

PLC_SILENT = "plc_silent"


class ModbusLane:
    """One lane's mind; `command` is what waits to be written."""

    def __init__(
        self,
        topics: Topics,
        lane: str,
        keys: Mapping[str, Ed25519PublicKey],
        memory: OrderMemory,
    ) -> None:
        self.command: Command | None = None
        self._check = OrderCheck(topics.order(DeviceKind.BOLLARD, lane), keys, memory)
        self._memory = memory
        self._reading: Reading | None = None
        self._beat_mono = float("-inf")
        self._running: tuple[BollardOrder, int] | None = None
        self._waiting: BollardOrder | None = None
        self._last_number = 0
        self._seq = 0
        self._told: tuple[BollardPosition, LoopState, str | None] | None = None
        self._told_mono = float("-inf")
        self._asked = False

    def hear(self, topic: str, payload: bytes, now: datetime, mono: float) -> list[BollardReceipt]:
        """Judge an order as any device does, and turn it into a command; the receipts to send."""
        judged = self._check.judge(topic, payload, now)
        order = judged.order
        if not isinstance(order, BollardOrder):
            return []
        if judged.verdict is OrderVerdict.REPEATED:
            if judged.receipt is None:
                return []
            return [msgspec.json.decode(judged.receipt, type=BollardReceipt)]
        if judged.verdict is not OrderVerdict.OBEY:
            return [self._settle(order, BollardResult.REFUSED, now, judged.verdict.value)]
        return self._obey(order, now, mono)

    def _obey(self, order: BollardOrder, now: datetime, mono: float) -> list[BollardReceipt]:
        if order.motion is Motion.REPORT:
            self._asked = True
            return [self._settle(order, BollardResult.DONE, now)]
        if order.exercise:
            return [self._settle(order, BollardResult.DONE, now, "exercise")]
        if self._reading is None and order.motion is not Motion.RAISE:
            self._waiting = order  # the PLC's last number is not known yet
            return []
        return self._begin(order, now, mono)

    def _begin(self, order: BollardOrder, now: datetime, mono: float) -> list[BollardReceipt]:
        if order.motion is Motion.RAISE:
            why_not = self._raise_refusal(mono)
            if why_not is not None:
                return [self._settle(order, BollardResult.REFUSED, now, why_not)]
        receipts = self._drop_running(now)
        number = self._last_number % (NUMBERS - 1) + 1
        self._last_number = number
        self.command = Command(motion=order.motion, number=number)
        self._running = (order, number)
        return receipts

    def _raise_refusal(self, mono: float) -> str | None:
        """What forbids a raise here already; the PLC looks at its own loop again."""
        reading = self._reading
        if reading is None or not self.alive(mono):
            return PLC_SILENT
        if self._running is not None or reading.position is BollardPosition.MOVING:
            return "lane_moving"
        return None if reading.loop is LoopState.CLEAR else "loop_not_clear"

    def _drop_running(self, now: datetime) -> list[BollardReceipt]:
        running, self._running = self._running, None
        if running is None:
            return []
        return [self._settle(running[0], BollardResult.FAILED, now, "overtaken")]

    def written(self, command: Command) -> None:
        """A command has reached the PLC: it is never written again."""
        if self.command is command:
            self.command = None

    def take(self, reading: Reading, now: datetime, mono: float) -> list[BollardReceipt]:
        """What the registers say now; the receipts that this settles."""
        if self._reading is None:
            self._last_number = reading.number
        if self._reading is None or reading.heartbeat != self._reading.heartbeat:
            self._beat_mono = mono
        self._reading = reading
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            return self._begin(waiting, now, mono)
        running = self._running
        if running is None or reading.answered != running[1] or reading.result is None:
            return self._expire(now)
        self._running = None
        return [self._settle(running[0], reading.result, now, reading.reason)]

    def _expire(self, now: datetime) -> list[BollardReceipt]:
        """No late motion, and no waiting for ever: what was not written by its order's end is
        dropped, and what the PLC never answered is given up."""
        if self._running is None:
            return []
        late = timedelta() if self.command is not None else timedelta(seconds=ANSWERED_WITHIN_S)
        if now < self._running[0].expires + late:
            return []
        order, _ = self._running
        self._running = self.command = None
        return [self._settle(order, BollardResult.FAILED, now, PLC_SILENT)]

    def alive(self, mono: float) -> bool:
        """Whether the PLC runs its program."""
        return mono - self._beat_mono <= HEARTBEAT_WITHIN_S

    def state_if_due(self, now: datetime, mono: float) -> BollardState | None:
        """The state to publish: on a change, when asked, and twice a second while the PLC lives."""
        reading = self._reading
        if reading is None or not self.alive(mono):
            return None
        told = (reading.position, reading.loop, reading.fault)
        quiet = told == self._told and mono - self._told_mono < STATE_EVERY_S
        if quiet and not self._asked:
            return None
        self._told, self._told_mono, self._asked = told, mono, False
        self._seq += 1
        return BollardState(
            at=now,
            seq=self._seq,
            position=reading.position,
            loop=reading.loop,
            loop_age_ms=reading.loop_age_ms,
            fault=reading.fault,
        )

    def _settle(
        self, order: BollardOrder, result: BollardResult, now: datetime, reason: str | None = None
    ) -> BollardReceipt:
        receipt = BollardReceipt(order=order.id, result=result, at=now, reason=reason)
        self._memory.note(order.id, encode(receipt))
        return receipt
