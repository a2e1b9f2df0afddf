"""Messages that cross: the same words are not said again while the answer to them may be on its way.

A message that stays unanswered is written anew while its repeats go out. If a repeat was heard just
then, people would hear the same twice within seconds. So the new order waits a moment for an answer
to the old one, and if there is one, until some time has passed since the words were heard. A restart
in that time finds on disk what it has to wait for. And what was heard although it had been replaced or
taken back by then is noted on its record: nobody is to believe that it was never said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec

from devices.pending import Crossing, Pending, PendingOrders
from devices.steps import EndReason
from model.facts import BollardReceipt, DeviceKind, ReceiptStage, TerminalReceipt
from model.orders import FINAL_ORDER_STATES, OrderRecord, OrderState, TerminalOrder

ANSWERS_WITHIN_S = 6.0
"""An order and its receipt over a slow line, and the step that takes it in."""

JUST_HEARD_S = 60.0
ROOM_S = 10.0
"""What is left for the new order to arrive in before the old one ends on the screen."""

PATIENCE_SHARE = 0.1
"""No message waits for longer than this share of its own life."""

_EPOCH = datetime.fromtimestamp(0, UTC)
_HEARD = {
    ReceiptStage.RECEIVED: EndReason.RECEIVED_ALL_THE_SAME,
    ReceiptStage.PLAYED: EndReason.PLAYED_ALL_THE_SAME,
    ReceiptStage.CONFIRMED: EndReason.PLAYED_ALL_THE_SAME,
}
_THEN_HEARD: dict[str, frozenset[EndReason]] = {
    EndReason.CANCELLED: frozenset(_HEARD.values()),
    EndReason.SUPERSEDED: frozenset(_HEARD.values()),
    EndReason.RECEIVED_ALL_THE_SAME: frozenset({EndReason.PLAYED_ALL_THE_SAME}),
}
"""What a late word may still say of an order that we ended, each by what is known of it."""

_NOTHING: frozenset[EndReason] = frozenset()

LastLeft = dict[tuple[DeviceKind, str, str | None], OrderRecord]
"""Of each device and case the last order that left."""


def crossing_of(told: Sequence[Pending], new: OrderRecord, mono: float) -> Crossing | None:
    """What an order has to wait for among those that it replaces; none where it may leave at once."""
    older = next(
        (each for each in reversed(told) if each.record.attempts or each.crossing is not None),
        None,
    )
    if older is None or not older.unreceipted:
        return None
    if new.action != "show" or _words(older.record) != _words(new):
        return None
    if not older.record.attempts:
        # What it takes the place of has not left yet, and waits itself for what left before.
        return older.crossing
    # When one left that is from before a restart is not known: its answer is waited for from now on.
    left = mono if older.sent is None else older.sent
    lives_s = (new.expires - new.issued).total_seconds()
    return Crossing(
        older=older.record.id,
        older_ends=older.deadline,
        not_before=min(left + ANSWERS_WITHIN_S, mono + PATIENCE_SHARE * lives_s),
    )


def recall(orders: PendingOrders, lately: Iterable[OrderRecord]) -> LastLeft:
    """Remember the orders of the life before: late receipts to those that are over keep their name."""
    left: LastLeft = {}
    for record in sorted(lately, key=lambda each: each.counter):
        if record.state in FINAL_ORDER_STATES:
            orders.remember(record)
        if record.attempts:
            left[record.kind, record.device, record.case] = record
    return left


def crossing_resumed(
    left: LastLeft, new: OrderRecord, now: datetime, mono: float
) -> Crossing | None:
    """What an order that had not left before the restart has to wait for, by what is on disk.

    When the old one left last is not there, so that its answer is waited for from now on.
    """
    older = left.get((new.kind, new.device, new.case))
    if older is None or older.state is not OrderState.WITHDRAWN or new.attempts:
        return None
    ago_s = (now - older.changed).total_seconds()
    if new.action != "show" or not 0 <= ago_s < JUST_HEARD_S or _words(older) != _words(new):
        return None
    lives_s = (new.expires - new.issued).total_seconds()
    older_ends = mono + (older.expires - now).total_seconds()
    not_before = mono + min(ANSWERS_WITHIN_S, PATIENCE_SHARE * lives_s)
    if older.reason == EndReason.PLAYED_ALL_THE_SAME:
        not_before = max(not_before, min(mono + JUST_HEARD_S - ago_s, older_ends - ROOM_S))
    return Crossing(older=older.id, older_ends=older_ends, not_before=not_before)


def settle(
    orders: PendingOrders,
    record: OrderRecord,
    receipt: TerminalReceipt | BollardReceipt,
    now: datetime,
    mono: float,
) -> None:
    """An order that was replaced has been answered after all: where it was heard, what replaces it
    can wait; where it failed, nothing is to be waited for any more."""
    if not isinstance(receipt, TerminalReceipt):
        return
    heard = _HEARD.get(receipt.stage)
    if record.state is OrderState.WITHDRAWN and heard in _THEN_HEARD.get(
        record.reason or "", _NOTHING
    ):
        orders.correct(record, OrderState.WITHDRAWN, now, reason=heard)
    for pending in orders.of(record.kind, record.device):
        crossing = pending.crossing
        if crossing is None or crossing.older != receipt.order or pending.sent is not None:
            continue
        if heard is not None:
            later = min(mono + JUST_HEARD_S, crossing.older_ends - ROOM_S)
            pending.crossing = crossing._replace(not_before=max(crossing.not_before, later))
        else:
            pending.crossing = None
        orders.send_at(pending, max(mono, pending.not_before))


def _words(record: OrderRecord) -> TerminalOrder:
    """An order without what makes it another one each time."""
    order = msgspec.json.decode(record.payload, type=TerminalOrder)
    return msgspec.structs.replace(
        order,
        id="",
        counter=0,
        issued=_EPOCH,
        expires=_EPOCH,
        audio=None,
        key="",
        signature="",
    )
