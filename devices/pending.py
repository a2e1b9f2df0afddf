"""Orders on their way: what is still open per device, and when it is sent again or given up."""

from __future__ import annotations

import heapq
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from zlib import crc32

import msgspec

from model.facts import DeviceKind
from model.orders import OrderRecord, OrderState

FIRST_REPEAT_S = 1.0
LAST_REPEAT_S = 10.0
FLOW_ANSWERS = 50
FLOW_WITHIN_S = 0.5
"""So many answers within so long: terminals answer in their hundreds, and the rest will come."""

KEEP_FINISHED = 20_000
"""Finished orders remembered to give a late or doubled receipt its name; the oldest go first."""

UNRECEIPTED = frozenset({OrderState.WRITTEN, OrderState.SENT})


class Crossing(NamedTuple):
    """The order whose answer a new one waits for, when that one ends, and until when it is waited."""

    older: str
    older_ends: float
    not_before: float


@dataclass(slots=True, kw_only=True)
class Pending:
    """One open order; all times are monotonic seconds.

    `next_send` is None while the order waits for something other than time. `asked` is when the
    lane's state was asked for after a raise that brought no receipt, `ask_at` when that is due.
    """

    record: OrderRecord
    deadline: float
    next_send: float | None
    tries: int = 0
    sent: float | None = None
    ask_at: float | None = None
    asked: float | None = None
    hold_reason: str | None = None
    crossing: Crossing | None = None

    @property
    def unreceipted(self) -> bool:
        return self.record.state in UNRECEIPTED

    @property
    def not_before(self) -> float:
        """Until when it is kept back, where an older one's answer may be on its way."""
        return float("-inf") if self.crossing is None else self.crossing.not_before

    def may_leave(self, mono: float) -> bool:
        """Whether sending it makes sense: its last word is missing, its time has come and is not over."""
        awaited = self.unreceipted or self.record.state is OrderState.RECEIVED
        return awaited and self.not_before <= mono < self.deadline


def repeat_after_s(order_id: str, tries: int) -> float:
    """How long to wait after the `tries`-th sending: 1 s doubling to 10 s, spread by the id.

    The spread keeps a thousand terminals from answering in step; taking it from the id keeps a
    seeded run repeatable.
    """
    ceiling = min(LAST_REPEAT_S, FIRST_REPEAT_S * 2.0 ** min(tries - 1, 10))
    share = crc32(f"{order_id}/{tries}".encode()) / 2**32
    return ceiling * (0.75 + 0.25 * share)


class AnswerFlow:
    """Whether answers pour in just now, so that a missing one is rather late than lost.

    Repeats to thousands of terminals, each of which is about to answer, only keep everybody's answers
    waiting for longer.
    """

    def __init__(self) -> None:
        self._lately: deque[float] = deque(maxlen=FLOW_ANSWERS)

    def heard(self, answers: int, mono: float) -> None:
        self._lately.extend([mono] * min(answers, FLOW_ANSWERS))

    def holds_back(self, pending: Pending, mono: float) -> bool:
        """Whether a terminal's repeat waits: while others answer, and for `LAST_REPEAT_S` at most.

        What leaves for a terminal that just came back is no repeat to it, and an order that would end
        meanwhile has no time to wait.
        """
        if pending.sent is None or pending.record.kind is not DeviceKind.TERMINAL:
            return False
        if not pending.tries or pending.deadline - pending.sent <= LAST_REPEAT_S:
            return False
        pouring = len(self._lately) == FLOW_ANSWERS and mono - self._lately[0] < FLOW_WITHIN_S
        return pouring and mono - pending.sent < LAST_REPEAT_S


class PendingOrders:
    """Every open order of a site, by id and by device, in counter order, with their two clocks.

    Every change of a record is kept until `take_changed`, the last word of each order only.
    """

    def __init__(self) -> None:
        self._by_id: dict[str, Pending] = {}
        self._by_device: dict[DeviceKind, dict[str, dict[str, Pending]]] = {
            DeviceKind.TERMINAL: {},
            DeviceKind.BOLLARD: {},
        }
        self._finished: OrderedDict[str, OrderRecord] = OrderedDict()
        self._sends: list[tuple[float, str]] = []
        self._ends: list[tuple[float, str]] = []
        self._changed: dict[str, OrderRecord] = {}
        self.answers = AnswerFlow()

    def __iter__(self) -> Iterator[Pending]:
        return iter(self._by_id.values())

    def add(self, pending: Pending) -> None:
        """Take in an order as it stands; it comes up in `take_ended` at its deadline."""
        record = pending.record
        self._by_id[record.id] = pending
        self._by_device[record.kind].setdefault(record.device, {})[record.id] = pending
        self.end_at(record.id, pending.deadline)
        if pending.next_send is not None:
            heapq.heappush(self._sends, (pending.next_send, record.id))

    def open(
        self,
        record: OrderRecord,
        deadline: float,
        *,
        send: float,
        crossing: Crossing | None = None,
    ) -> None:
        """Start on a newly written order, to be sent at `send` (monotonic), or after what it crosses."""
        pending = Pending(record=record, deadline=deadline, next_send=send, crossing=crossing)
        pending.next_send = max(send, pending.not_before)
        self.add(pending)
        self._changed[record.id] = record

    def get(self, order_id: str) -> Pending | None:
        return self._by_id.get(order_id)

    def finished(self, order_id: str) -> OrderRecord | None:
        """An order that is over, as long as it is remembered."""
        return self._finished.get(order_id)

    def of(self, kind: DeviceKind, device: str) -> tuple[Pending, ...]:
        """One device's open orders, lowest counter first."""
        return tuple(self._by_device[kind].get(device, {}).values())

    def of_kind(self, kind: DeviceKind) -> tuple[Pending, ...]:
        """All open orders of one kind of device."""
        return tuple(
            pending for orders in self._by_device[kind].values() for pending in orders.values()
        )

    def advance(
        self, pending: Pending, state: OrderState, reason: str | None, now: datetime
    ) -> None:
        """Move an open order along."""
        pending.record = _moved(pending.record, state, reason, now)
        self._changed[pending.record.id] = pending.record

    def count_sending(self, pending: Pending, now: datetime) -> None:
        """Note one more sending on the record."""
        record = pending.record
        state = OrderState.SENT if record.state is OrderState.WRITTEN else record.state
        pending.record = msgspec.structs.replace(
            record, state=state, attempts=record.attempts + 1, changed=now
        )
        self._changed[record.id] = pending.record

    def finish(
        self, pending: Pending, state: OrderState, reason: str | None, now: datetime
    ) -> None:
        """Close an order with its last state and remember how it ended."""
        self.advance(pending, state, reason, now)
        self.drop(pending.record)

    def correct(
        self, record: OrderRecord, state: OrderState, now: datetime, *, reason: str | None = None
    ) -> None:
        """A receipt that was long under way changes how a finished order ended."""
        self.remember(_moved(record, state, reason, now))
        self._changed[record.id] = self._finished[record.id]

    def drop(self, record: OrderRecord) -> None:
        """Close an order as it stands."""
        del self._by_id[record.id]
        orders = self._by_device[record.kind][record.device]
        del orders[record.id]
        if not orders:
            del self._by_device[record.kind][record.device]
        self.remember(record)

    def take_changed(self) -> tuple[OrderRecord, ...]:
        """The records that changed since the last call, each in its last state."""
        changed, self._changed = self._changed, {}
        return tuple(changed.values())

    def remember(self, record: OrderRecord) -> None:
        """Keep an order that is over, for what may still be said of it."""
        self._finished[record.id] = record
        if len(self._finished) > KEEP_FINISHED:
            self._finished.popitem(last=False)

    def send_at(self, pending: Pending, when: float | None) -> None:
        """Set when an order is sent next; None lets it wait for something other than time."""
        pending.next_send = when
        if when is not None:
            heapq.heappush(self._sends, (when, pending.record.id))

    def end_at(self, order_id: str, when: float) -> None:
        """Have the order come up in `take_ended` at `when`."""
        heapq.heappush(self._ends, (when, order_id))

    def take_due(self, mono: float) -> Iterable[Pending]:
        """The orders whose sending time has come; each is taken off the timetable."""
        while self._sends and self._sends[0][0] <= mono:
            when, order_id = heapq.heappop(self._sends)
            pending = self._by_id.get(order_id)
            if pending is None or pending.next_send != when:
                continue
            if self.answers.holds_back(pending, mono):
                self.send_at(pending, mono + FLOW_WITHIN_S)
                continue
            pending.next_send = None
            yield pending

    def take_ended(self, mono: float) -> Iterable[Pending]:
        """The open orders whose time is over; the caller settles them or sets another end."""
        while self._ends and self._ends[0][0] <= mono:
            _, order_id = heapq.heappop(self._ends)
            pending = self._by_id.get(order_id)
            if pending is not None:
                yield pending


def _moved(
    record: OrderRecord, state: OrderState, reason: str | None, now: datetime
) -> OrderRecord:
    words = None if reason is None else str(reason)
    return msgspec.structs.replace(record, state=state, changed=now, reason=words)
