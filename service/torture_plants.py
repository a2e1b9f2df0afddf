"""Known bugs for the torture: each puts one faulty part in place of a right one.

The faulty parts live here and nowhere else, so that no bug can be switched on in the service by
accident. Each is a mistake that somebody could make in earnest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from alerts.cases import Journal
from alerts.engine import AlertEngine, Outcome
from config.schema import SiteFile
from crowd.zones import ZoneFusion
from devices.interlock import LaneWatch, RaiseRefusal
from devices.outbox import Outbox
from devices.steps import OutboxStep
from model.actions import Action, Broadcast
from model.facts import BollardState, DensityBlind, DensityLive, Fact, LoopState
from model.health import DeviceHealth
from model.level import Sight
from model.orders import BollardOrder, OrderRecord, TerminalOrder
from model.zones import ZoneView
from service.resuming import Makers
from service.torture_house import TrappedLine
from simulators.bollard_motor import BollardMotor
from simulators.bollards import BollardMachine
from simulators.terminals import TerminalMachine
from simulators.torture.field import Machines
from wire.inbox import Delivery
from wire.order_check import Judged, OrderCheck, OrderVerdict


class TorturePlant(StrEnum):
    """A bug that the torture must find."""

    OUTBOX_STOPPED = "outbox-stopped"
    OUTBOX_REPEATS_WITH_NEW_ID = "outbox-repeats-with-new-id"
    OUTBOX_SENDS_ONCE = "outbox-sends-once"
    COUNTER_NOT_PERSISTED = "counter-not-persisted"
    CANCEL_FORGOTTEN = "cancel-forgotten"
    LOOP_CHECK_GONE = "loop-check-gone"
    CONTROLLER_LOOP_CHECK_GONE = "controller-loop-check-gone"
    SIGNATURE_CHECK_GONE = "signature-check-gone"
    EXPIRY_CHECK_GONE = "expiry-check-gone"
    HANDLED_IDS_FORGOTTEN = "handled-ids-forgotten"
    CLEAR_ON_SILENCE = "clear-on-silence"
    BLIND_COUNTS_AS_ZERO = "blind-counts-as-zero"
    ESCALATION_LOST_IN_RESTART = "escalation-lost-in-restart"
    CASES_LOST_IN_RESTART = "cases-lost-in-restart"
    ACK_BEFORE_COMMIT = "ack-before-commit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """The parts that a run is made of, one of them faulty."""

    makers: Makers = field(default_factory=Makers)
    machines: Machines = field(default_factory=Machines)
    wrap_line: Callable[[TrappedLine], TrappedLine] = lambda line: line


def drill_of(plant: TorturePlant | None) -> Drill:
    """The parts of a run with this bug in it; the right ones where there is none."""
    return Drill() if plant is None else _DRILLS[plant]()


# -- the outbox ----------------------------------------------------------------------------


class _StoppedOutbox(Outbox):
    def due(self, mono: float) -> tuple[OrderRecord, ...]:  # noqa: ARG002 - the part it replaces is asked the same
        return ()


class _NewIdOutbox(Outbox):
    """A repeat is written as a new order instead of sending the same bytes again."""

    def due(self, mono: float) -> tuple[OrderRecord, ...]:
        found = []
        for record in super().due(mono):
            if record.attempts == 0:
                found.append(record)
                continue
            fresh = self._writer.again(record, record.changed)
            pending = self._orders.get(record.id)
            if pending is not None:
                self._orders.drop(record)
                self._orders.open(fresh, pending.deadline, send=mono)
            found.append(fresh)
        return tuple(found)


class _OnceOutbox(Outbox):
    """What was sent once counts as arrived."""

    def due(self, mono: float) -> tuple[OrderRecord, ...]:
        return tuple(record for record in super().due(mono) if record.attempts == 0)


class _ForgetfulOutbox(Outbox):
    """The counter begins anew with every process."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._writer.last_counter = 0


class _NoCancelOutbox(Outbox):
    def plan(self, actions: Iterable[Action], now: datetime, mono: float) -> OutboxStep:
        kept = [a for a in actions if not (isinstance(a, Broadcast) and a.action == "cancel")]
        return super().plan(kept, now, mono)


class _CarelessLane(LaneWatch):
    """The interlock believes that every loop is clear."""

    @staticmethod
    def _refusal_of(state: BollardState) -> RaiseRefusal | None:
        clear = msgspec.structs.replace(state, loop=LoopState.CLEAR, loop_age_ms=0)
        return LaneWatch._refusal_of(clear)  # noqa: SLF001 - the right part of the faulty one


class _CarelessOutbox(Outbox):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for lane in self._lanes:
            self._lanes[lane] = _CarelessLane()


# -- the engine and what it is fed ---------------------------------------------------------


class _SilenceClearsEngine(AlertEngine):
    """A zone that nobody sees counts as one where nothing happens."""

    def step(
        self,
        views: Iterable[ZoneView],
        facts: Iterable[Fact],
        health: Iterable[DeviceHealth],
        now: datetime,
        mono: float,
        *,
        orders: Iterable[OrderRecord] = (),
    ) -> Outcome:
        calm = [
            msgspec.structs.replace(
                view, sight=Sight.LIVE, occupancy=0.0, density_p_m2=0.0, peak_p_m2=0.0
            )
            if view.sight is Sight.BLIND
            else view
            for view in views
        ]
        return super().step(calm, facts, health, now, mono, orders=orders)


class _ZeroFusion(ZoneFusion):
    """A blind camera is taken for one that sees nobody."""

    def observe(self, facts: Iterable[Fact], now: datetime, mono: float) -> None:
        super().observe([_as_empty(fact) for fact in facts], now, mono)


def _as_empty(fact: Fact) -> Fact:
    if not isinstance(fact.body, DensityBlind):
        return fact
    empty = DensityLive(
        at=fact.body.at, count=0, count_low=0, count_high=0, peak_p_m2=0, model=fact.body.model
    )
    return msgspec.structs.replace(fact, body=empty)


class _NoClockEngine(AlertEngine):
    """The escalation clock of a case does not survive the process."""

    def __init__(self, site: SiteFile, *, new_id: Any, snapshot: bytes | None = None) -> None:
        super().__init__(site, new_id=new_id, snapshot=snapshot)
        self._forgot = snapshot is not None

    def _wake(self, journal: Journal) -> None:
        for file in self._book if self._forgot else ():
            file.unowned_s = -1e9
        super()._wake(journal)


class _AmnesicEngine(AlertEngine):
    """Every process begins without cases; the numbers of the old ones are not looked at."""

    def __init__(self, site: SiteFile, *, new_id: Any, snapshot: bytes | None = None) -> None:  # noqa: ARG002 - forgetting it is the bug
        super().__init__(site, new_id=new_id, snapshot=None)


# -- devices -------------------------------------------------------------------------------


class _GullibleCheck(OrderCheck):
    """Whoever writes an order is taken for the service."""

    def judge(self, topic: str, payload: bytes, now: datetime | None) -> Judged:
        order: TerminalOrder | BollardOrder
        try:
            if "/terminal/" in topic:
                order = msgspec.json.decode(payload, type=TerminalOrder)
            else:
                order = msgspec.json.decode(payload, type=BollardOrder)
        except msgspec.DecodeError as error:
            return Judged(verdict=OrderVerdict.NOT_OURS, detail=str(error))
        if order.id in self.memory.handled:
            receipt = self.memory.handled[order.id]
            return Judged(verdict=OrderVerdict.REPEATED, order=order, receipt=receipt)
        verdict = self._verdict(order, now)
        if verdict is OrderVerdict.OBEY:
            self.memory.accept(order.id, order.counter)
        return Judged(verdict=verdict, order=order)


class _TimelessCheck(OrderCheck):
    """An order is good for ever."""

    def _verdict(self, order: TerminalOrder | BollardOrder, now: datetime | None) -> OrderVerdict:
        verdict = super()._verdict(order, now)
        return OrderVerdict.OBEY if verdict is OrderVerdict.EXPIRED else verdict


class _ForgetfulCheck(OrderCheck):
    """What was handled is handled again: neither ids nor the counter are remembered."""

    def judge(self, topic: str, payload: bytes, now: datetime | None) -> Judged:
        self.memory.handled.clear()
        self.memory.highest = 0
        return super().judge(topic, payload, now)


def _machines(check: type[OrderCheck]) -> Machines:
    """Devices whose orders are judged by another check."""

    class Terminal(TerminalMachine):
        def __post_init__(self) -> None:
            super().__post_init__()
            self._check = check(self._check.topic, self.keys, self.memory)

    class Bollard(BollardMachine):
        def __post_init__(self) -> None:
            super().__post_init__()
            self._check = check(self._check.topic, self.keys, self.memory)

    return Machines(terminal=Terminal, bollard=Bollard)


class _BlindMotor(BollardMotor):
    """The controller does not look at its own loop."""

    def loop(self, mono: float) -> tuple[LoopState, int]:
        super().loop(mono)
        return LoopState.CLEAR, 0

    def may_rise(self, mono: float) -> bool:  # noqa: ARG002 - the part it replaces is asked the same
        return True


class _BlindBollard(BollardMachine):
    def __post_init__(self) -> None:
        super().__post_init__()
        self.motor = _BlindMotor(self.street, self.faults)


# -- the line ------------------------------------------------------------------------------


@dataclass
class _HastyLine(TrappedLine):
    """What arrived is acknowledged before it is on disk."""

    def take(self, max_n: int, timeout_s: float) -> list[Delivery]:
        batch = super().take(max_n, timeout_s)
        self.line.ack([each.token for each in batch])
        return batch


def _hasty(line: TrappedLine) -> TrappedLine:
    return _HastyLine(line.line, line.trap)


_P = TorturePlant
_DRILLS: dict[TorturePlant, Callable[[], Drill]] = {
    _P.OUTBOX_STOPPED: lambda: Drill(makers=Makers(outbox=_StoppedOutbox)),
    _P.OUTBOX_REPEATS_WITH_NEW_ID: lambda: Drill(makers=Makers(outbox=_NewIdOutbox)),
    _P.OUTBOX_SENDS_ONCE: lambda: Drill(makers=Makers(outbox=_OnceOutbox)),
    _P.COUNTER_NOT_PERSISTED: lambda: Drill(makers=Makers(outbox=_ForgetfulOutbox)),
    _P.CANCEL_FORGOTTEN: lambda: Drill(makers=Makers(outbox=_NoCancelOutbox)),
    _P.LOOP_CHECK_GONE: lambda: Drill(makers=Makers(outbox=_CarelessOutbox)),
    _P.CONTROLLER_LOOP_CHECK_GONE: lambda: Drill(machines=Machines(bollard=_BlindBollard)),
    _P.SIGNATURE_CHECK_GONE: lambda: Drill(machines=_machines(_GullibleCheck)),
    _P.EXPIRY_CHECK_GONE: lambda: Drill(machines=_machines(_TimelessCheck)),
    _P.HANDLED_IDS_FORGOTTEN: lambda: Drill(machines=_machines(_ForgetfulCheck)),
    _P.CLEAR_ON_SILENCE: lambda: Drill(makers=Makers(engine=_SilenceClearsEngine)),
    _P.BLIND_COUNTS_AS_ZERO: lambda: Drill(makers=Makers(fusion=_ZeroFusion)),
    _P.ESCALATION_LOST_IN_RESTART: lambda: Drill(makers=Makers(engine=_NoClockEngine)),
    _P.CASES_LOST_IN_RESTART: lambda: Drill(makers=Makers(engine=_AmnesicEngine)),
    _P.ACK_BEFORE_COMMIT: lambda: Drill(wrap_line=_hasty),
}
