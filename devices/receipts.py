"""Reading receipts: what a device's word on an order makes of that order."""

from __future__ import annotations

from enum import StrEnum

from model.facts import BollardReceipt, BollardResult, ReceiptStage, TerminalReceipt
from model.orders import OrderState


class ReceiptVerdict(StrEnum):
    """What a receipt was good for; all but `taken` change nothing and are counted."""

    TAKEN = "taken"
    REPEATED = "repeated"
    UNKNOWN_ORDER = "unknown_order"
    WRONG_DEVICE = "wrong_device"
    AFTER_END = "after_end"


STALE = "stale"
EXPIRED = "expired"
CLOCK_UNSET = "clock_unset"
WITHDRAWN = "withdrawn"
"""The devices' own named reasons that the outbox acts on."""

_PROGRESS = {
    OrderState.WRITTEN: 0,
    OrderState.SENT: 1,
    OrderState.EXPIRED: 2,  # a receipt that was long under way: only that it was played still counts
    OrderState.RECEIVED: 2,
    OrderState.PLAYED: 3,
    OrderState.CONFIRMED: 4,
}
_STAGES = {
    ReceiptStage.RECEIVED: OrderState.RECEIVED,
    ReceiptStage.PLAYED: OrderState.PLAYED,
    ReceiptStage.CONFIRMED: OrderState.CONFIRMED,
}
_RESULTS = {
    BollardResult.DONE: OrderState.DONE,
    BollardResult.REFUSED: OrderState.REFUSED,
    BollardResult.FAILED: OrderState.FAILED,
}


def state_after(
    state: OrderState, receipt: TerminalReceipt | BollardReceipt
) -> OrderState | ReceiptVerdict:
    """The state that a receipt moves an order to, or why it moves nothing.

    A terminal's way only goes forward: received, played, confirmed. A refusal or failure ends an
    order that was not played yet.
    """
    if state not in _PROGRESS:
        return ReceiptVerdict.AFTER_END
    if isinstance(receipt, BollardReceipt):
        return _RESULTS[receipt.result]
    reached = _STAGES.get(receipt.stage)
    if reached is not None:
        return reached if _PROGRESS[reached] > _PROGRESS[state] else ReceiptVerdict.REPEATED
    if state not in (OrderState.WRITTEN, OrderState.SENT, OrderState.RECEIVED):
        return ReceiptVerdict.AFTER_END
    if receipt.reason == WITHDRAWN:
        return OrderState.WITHDRAWN
    return OrderState.REFUSED if receipt.stage is ReceiptStage.REFUSED else OrderState.FAILED
