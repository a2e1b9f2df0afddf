"""A simulated bollard controller: it judges orders, looks at its own loop, and has the last word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from model.facts import (
    BollardPosition,
    BollardReceipt,
    BollardResult,
    BollardState,
    DeviceKind,
    LoopState,
)
from model.orders import BollardOrder, Motion
from simulators.bollard_motor import BollardMotor, Drive, LaneFaults, MotorEvent, Street
from simulators.logbook import FieldEntry
from wire.codec import encode
from wire.order_check import OrderCheck, OrderMemory, OrderVerdict
from wire.topics import Topics

STATE_EVERY_S = 0.5
"""Twice as often as the contract asks, so that one lost state makes no lane look silent."""

_GIVING_UP = frozenset({MotorEvent.GAVE_UP_VEHICLE, MotorEvent.GAVE_UP_CONTACT, MotorEvent.STUCK})


@dataclass
class BollardMachine:
    """A lane's controller without its link: orders in, receipts and states out.

    One order runs at a time; a lower or stop takes its place and tells so. Every sight of an order
    and every motion goes to `log`.
    """

    site_id: str
    bollard_id: str
    keys: Mapping[str, Ed25519PublicKey]
    log: Callable[[FieldEntry], None]
    memory: OrderMemory = field(default_factory=OrderMemory)
    street: Street = field(default_factory=Street)
    faults: LaneFaults = field(default_factory=LaneFaults)

    def __post_init__(self) -> None:
        topic = Topics(self.site_id).order(DeviceKind.BOLLARD, self.bollard_id)
        self._check = OrderCheck(topic, self.keys, self.memory)
        self.motor = BollardMotor(self.street, self.faults)
        self.fault: str | None = None
        self._running: BollardOrder | None = None
        self._seq = 0
        self._told: tuple[BollardPosition, LoopState, str | None] | None = None
        self._told_mono = float("-inf")
        self._asked = False

    def receive(
        self, topic: str, payload: bytes, now: datetime, mono: float
    ) -> list[BollardReceipt]:
        """Judge a message and begin on it; the receipts to send at once."""
        judged = self._check.judge(topic, payload, None if self.faults.clock_unset else now)
        order = judged.order
        if not isinstance(order, BollardOrder):
            self._log("bad_signature", None, now, judged.detail)
            return []
        self._log("good_signature", order, now)
        if judged.verdict is OrderVerdict.OBEY:
            return self._obey(order, now, mono)
        if judged.verdict is not OrderVerdict.REPEATED:
            return [self._refuse(order, judged.verdict.value, now)]
        if judged.receipt is None:
            return []
        return [msgspec.json.decode(judged.receipt, type=BollardReceipt)]

    def tick(self, now: datetime, mono: float) -> list[BollardReceipt]:
        """Let the mechanics go on; the receipts to send. Call it every tenth of a second."""
        receipts: list[BollardReceipt] = []
        for event in self.motor.run(mono):
            receipts += self._mechanics(event, now)
        return receipts

    def state_if_due(self, now: datetime, mono: float) -> BollardState | None:
        """The state to publish: on a change, when asked, and at least twice a second."""
        loop, age_ms = self._loop_as_told(mono)
        told = (self.motor.position, loop, self.fault)
        quiet = told == self._told and mono - self._told_mono < STATE_EVERY_S
        if quiet and not self._asked:
            return None
        self._told, self._told_mono, self._asked = told, mono, False
        self._seq += 1
        return BollardState(
            at=now,
            seq=self._seq,
            position=told[0],
            loop=loop,
            loop_age_ms=age_ms,
            fault=self.fault,
        )

    def lower_by_hand(self, now: datetime, mono: float) -> list[BollardReceipt]:
        """The key switch at the device: it lowers with the centre down and whatever runs."""
        receipts = self._drop_running("lowered_by_hand", now)
        self.motor.lower(mono)
        self._log("moved", None, now, "lowered_by_hand")
        return receipts

    def _loop_as_told(self, mono: float) -> tuple[LoopState, int]:
        loop, age_ms = self.motor.loop(mono)
        return (LoopState.CLEAR, 0) if self.faults.loop_lies else (loop, age_ms)

    def _obey(self, order: BollardOrder, now: datetime, mono: float) -> list[BollardReceipt]:
        if order.motion is Motion.REPORT:
            self._asked = True
            return [self._settle(order, BollardResult.DONE, now)]
        if order.exercise:
            return [self._settle(order, BollardResult.DONE, now, "exercise")]
        return self._begin(order, now, mono)

    def _begin(self, order: BollardOrder, now: datetime, mono: float) -> list[BollardReceipt]:
        if order.motion is Motion.RAISE:
            return self._begin_raise(order, now, mono)
        receipts = self._drop_running("overtaken", now)
        self.fault = None
        if order.motion is Motion.STOP:
            moving = self.motor.drive is not Drive.REST
            self.motor.halt(mono)
            if moving:
                self._log("moved", order, now, "stop")
            return [*receipts, self._settle(order, BollardResult.DONE, now)]
        if self.motor.position is BollardPosition.DOWN:
            self.motor.halt(mono)
            return [*receipts, self._settle(order, BollardResult.DONE, now)]
        self._running = order
        self.motor.lower(mono)
        self._log("moved", order, now, "lower")
        return receipts

    def _begin_raise(self, order: BollardOrder, now: datetime, mono: float) -> list[BollardReceipt]:
        if self._running is not None or self.motor.drive is not Drive.REST:
            return [self._refuse(order, "lane_moving", now)]
        if self.motor.position is BollardPosition.UP:
            return [self._settle(order, BollardResult.DONE, now)]
        if not self.motor.may_rise(mono):
            return [self._refuse(order, "loop_not_clear", now)]
        self.fault = None
        self._running = order
        self.motor.rise(mono)
        return []

    def _mechanics(self, event: MotorEvent, now: datetime) -> list[BollardReceipt]:
        order = self._running
        if event is MotorEvent.STARTED:
            # After a contact the same order rises again: one act, however many attempts.
            self._log("moved" if self.motor.reversals == 0 else "moved_again", order, now, "raise")
            return []
        if event is MotorEvent.REVERSED:
            self._log("reversed", order, now)
            return []
        if event is MotorEvent.STUCK:
            self.fault = "stuck"
        if order is None:
            return []
        self._running = None
        if event in _GIVING_UP:
            return [self._settle(order, BollardResult.FAILED, now, event.value)]
        return [self._settle(order, BollardResult.DONE, now)]

    def _drop_running(self, why: str, now: datetime) -> list[BollardReceipt]:
        order, self._running = self._running, None
        return [] if order is None else [self._settle(order, BollardResult.FAILED, now, why)]

    def _refuse(self, order: BollardOrder, reason: str, now: datetime) -> BollardReceipt:
        if reason != OrderVerdict.CLOCK_UNSET:
            return self._settle(order, BollardResult.REFUSED, now, reason)
        self._log("refused", order, now, reason)
        return BollardReceipt(
            order=order.id, result=BollardResult.REFUSED, at=order.issued, reason=reason
        )

    def _settle(
        self, order: BollardOrder, result: BollardResult, now: datetime, reason: str | None = None
    ) -> BollardReceipt:
        receipt = BollardReceipt(order=order.id, result=result, at=now, reason=reason)
        self.memory.note(order.id, encode(receipt))
        if order.motion is not Motion.REPORT:
            self._log(result.value, order, now, reason)
        return receipt

    def _log(
        self, what: str, order: BollardOrder | None, now: datetime, detail: str | None = None
    ) -> None:
        self.log(
            FieldEntry(
                at=now,
                kind=DeviceKind.BOLLARD.value,
                device=self.bollard_id,
                what=what,
                order=order.id if order else None,
                detail=detail or (order.motion.value if order else None),
            )
        )
