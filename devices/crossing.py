"""Messages that cross: the same words are not said again while the answer to them may be on its way.

A message that stays unanswered is written anew while its repeats go out. If a repeat was heard just
then, people would hear the same twice within seconds. So the new order waits a moment for an answer
to the old one, and if there is one, until some time has passed since the words were heard.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec

from devices.pending import Crossing, Pending, PendingOrders
from model.facts import BollardReceipt, ReceiptStage, TerminalReceipt
from model.orders import OrderRecord, TerminalOrder

ANSWERS_WITHIN_S = 6.0
"""An order and its receipt over a slow line, and the step that takes it in."""

JUST_HEARD_S = 60.0
ROOM_S = 10.0
"""What is left for the new order to arrive in before the old one ends on the screen."""

PATIENCE_SHARE = 0.1
"""No message waits for longer than this share of its own life."""

_EPOCH = datetime.fromtimestamp(0, UTC)
_HEARD = frozenset({ReceiptStage.RECEIVED, ReceiptStage.PLAYED, ReceiptStage.CONFIRMED})


def crossing_of(told: Sequence[Pending], new: OrderRecord, mono: float) -> Crossing | None:
    """What an order has to wait for among those that it replaces; none where it may leave at once."""
    older = next((pending for pending in reversed(told) if pending.sent is not None), None)
    if older is None or older.sent is None or not older.unreceipted:
        return None
    if new.action != "show" or _words(older.record) != _words(new):
        return None
    lives_s = (new.expires - new.issued).total_seconds()
    return Crossing(
        older=older.record.id,
        older_ends=older.deadline,
        not_before=min(older.sent + ANSWERS_WITHIN_S, mono + PATIENCE_SHARE * lives_s),
    )


def settle(
    orders: PendingOrders,
    waiting: Iterable[Pending],
    receipt: TerminalReceipt | BollardReceipt,
    mono: float,
) -> None:
    """An order that was replaced has been answered after all: where it was heard, what replaces it
    can wait; where it failed, nothing is to be waited for any more."""
    if not isinstance(receipt, TerminalReceipt):
        return
    for pending in waiting:
        crossing = pending.crossing
        if crossing is None or crossing.older != receipt.order or pending.sent is not None:
            continue
        if receipt.stage in _HEARD:
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
