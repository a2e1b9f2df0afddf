"""Orders as the room shows them: what was asked of each device and how far that got."""

from __future__ import annotations

from datetime import datetime

import msgspec

from console.views import OrderCard
from model.facts import BollardReceipt, DeviceKind, TerminalReceipt
from model.orders import FINAL_ORDER_STATES, BollardOrder, OrderRecord, OrderState, TerminalOrder

KEPT_PER_DEVICE = 4
"""Older orders of a device leave the room once they are over; the store keeps them all."""

_CAME_TO_NOTHING = frozenset(
    {OrderState.REFUSED, OrderState.FAILED, OrderState.EXPIRED, OrderState.WITHDRAWN}
)

_REACHED = (OrderState.RECEIVED, OrderState.PLAYED, OrderState.CONFIRMED, OrderState.DONE)

_terminal = msgspec.json.Decoder(TerminalOrder)
_bollard = msgspec.json.Decoder(BollardOrder)


def card_of(record: OrderRecord, stages: dict[str, datetime]) -> OrderCard:
    """An order as shown, with the device's own times where receipts gave them."""
    shown = dict(stages)
    if record.state is OrderState.SENT:
        shown.setdefault("sent", record.changed)
    elif record.attempts or record.state in _REACHED:
        # Sent and answered within one commit: when it was issued is when it was first sent.
        shown.setdefault("sent", record.issued)
    if record.state in _REACHED:
        shown.setdefault(record.state.value, record.changed)
    card = OrderCard(
        device=record.device,
        kind="terminal" if record.kind is DeviceKind.TERMINAL else "bollard",
        action=record.action,
        state=record.state,
        issued=record.issued,
        expires=record.expires,
        changed=record.changed,
        case=record.case,
        reason=record.reason,
        attempts=record.attempts,
        stages=shown,
    )
    return _with_words(card, record)


def _with_words(card: OrderCard, record: OrderRecord) -> OrderCard:
    try:
        if record.kind is DeviceKind.TERMINAL:
            order = _terminal.decode(record.payload)
            return msgspec.structs.replace(
                card, exercise=order.exercise, level=order.level, text=order.text
            )
        return msgspec.structs.replace(card, exercise=_bollard.decode(record.payload).exercise)
    except msgspec.DecodeError:
        return card


class Errands:
    """Every device's orders that stand, and its last few."""

    def __init__(self) -> None:
        self._cards: dict[str, OrderCard] = {}
        self._by_device: dict[tuple[str, str], list[str]] = {}

    @property
    def cards(self) -> dict[str, OrderCard]:
        return self._cards

    def record(self, record: OrderRecord) -> tuple[set[str], set[str]]:
        """Take an order's newest standing; returns the ids that changed and that left the room."""
        known = self._cards.get(record.id)
        self._cards[record.id] = card_of(record, {} if known is None else known.stages)
        if known is not None:
            return {record.id}, set()
        ids = self._by_device.setdefault((record.kind.value, record.device), [])
        ids.append(record.id)
        ids.sort(key=lambda each: self._cards[each].issued)
        gone = self._over(ids)
        ids[:] = [each for each in ids if each not in gone]
        for order in gone:
            del self._cards[order]
        return {record.id} - gone, gone

    def _over(self, ids: list[str]) -> set[str]:
        """Of a device's orders, oldest first, those that nobody needs to see any more."""
        now = self._cards[ids[-1]].issued
        last_word = {self._cards[each].case: each for each in ids}
        over = set()
        for each in ids[:-KEPT_PER_DEVICE]:
            card = self._cards[each]
            # A terminal goes on showing what it confirmed; a later word on the same warning replaces it.
            if card.kind == "terminal":
                replaced = card.case is not None and last_word[card.case] != each
                ended = replaced or card.state in _CAME_TO_NOTHING
            else:
                ended = card.state in FINAL_ORDER_STATES
            if ended or card.expires <= now:
                over.add(each)
        return over

    def receipt(self, receipt: TerminalReceipt | BollardReceipt) -> set[str]:
        """Note the device's own time of a stage; the first word on a stage stands."""
        card = self._cards.get(receipt.order)
        if card is None:
            return set()
        stage = (
            receipt.stage.value if isinstance(receipt, TerminalReceipt) else receipt.result.value
        )
        stages = dict(card.stages)
        # A receipt and its order's new state come in one commit, in no fixed order: the device's
        # own time replaces ours.
        stages[stage] = receipt.at
        self._cards[receipt.order] = msgspec.structs.replace(card, stages=stages)
        return {receipt.order}
