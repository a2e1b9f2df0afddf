"""How a device judges an order that reaches it: the contract's checks, in the contract's order.

Signature, then whether the id was handled already, then the counter, then expiry and the device's
own clock. A message that is not ours gets no receipt: its id is not proven either, and a receipt
to a forged one could end a real order that carries the same id.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from model.facts import BollardReceipt, TerminalReceipt
from model.orders import BollardOrder, Motion, TerminalOrder
from wire.signing import SignatureRefusal, verify_order

Receipt = TerminalReceipt | BollardReceipt

HANDLED_MAX = 512
"""Ids remembered; an order older than all of them still fails by its counter."""


class OrderVerdict(StrEnum):
    """What a device makes of an order; the values are the reasons in its receipts."""

    OBEY = "obey"
    NOT_OURS = "not_ours"
    REPEATED = "repeated"
    STALE = "stale"
    EXPIRED = "expired"
    CLOCK_UNSET = "clock_unset"


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """An order with its verdict; `receipt` is the last word on one that was handled already."""

    verdict: OrderVerdict
    order: TerminalOrder | BollardOrder | None = None
    receipt: bytes | None = None
    detail: str = ""


class OrderMemory:
    """What a device must not forget: ids it handled with their last receipt, and its counter.

    With a file it survives a power cut: it is replaced whole before the device acts.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.highest = 0
        self.handled: OrderedDict[str, bytes | None] = OrderedDict()
        self._path = path
        if path is not None and path.exists():
            kept = json.loads(path.read_text("utf-8"))
            self.highest = kept["highest"]
            for order_id, receipt in kept["handled"]:
                self.handled[order_id] = None if receipt is None else receipt.encode()

    def accept(self, order_id: str, counter: int) -> None:
        """Take an order on; from here on it is never acted on again."""
        self.highest = max(self.highest, counter)
        self.note(order_id, None)

    def note(self, order_id: str, receipt: bytes | None) -> None:
        """Keep the last receipt for an order."""
        self.handled[order_id] = receipt
        self.handled.move_to_end(order_id)
        if len(self.handled) > HANDLED_MAX:
            self.handled.popitem(last=False)
        self._save()

    def _save(self) -> None:
        if self._path is None:
            return
        handled = [(i, None if r is None else r.decode()) for i, r in self.handled.items()]
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps({"highest": self.highest, "handled": handled}), "utf-8")
        fresh.replace(self._path)


class OrderCheck:
    """One device's check of what arrives on its order topic.

    `keys` are the public keys it holds by id: at least two, so that one can be replaced while the
    other is in use.
    """

    def __init__(
        self, topic: str, keys: Mapping[str, Ed25519PublicKey], memory: OrderMemory
    ) -> None:
        self.topic = topic
        self.memory = memory
        self._keys = dict(keys)

    def judge(self, topic: str, payload: bytes, now: datetime | None) -> Judged:
        """Judge a message; `now` is the device's own clock, None while that is unset.

        An order to obey is noted as handled before this returns.
        """
        if topic != self.topic:
            return Judged(verdict=OrderVerdict.NOT_OURS, detail="misaddressed")
        order = verify_order(topic, payload, self._keys)
        if isinstance(order, SignatureRefusal):
            return Judged(verdict=OrderVerdict.NOT_OURS, detail=order.reason.value)
        if order.id in self.memory.handled:
            receipt = self.memory.handled[order.id]
            return Judged(verdict=OrderVerdict.REPEATED, order=order, receipt=receipt)
        verdict = self._verdict(order, now)
        if verdict is OrderVerdict.OBEY:
            self.memory.accept(order.id, order.counter)
        return Judged(verdict=verdict, order=order)

    def _verdict(self, order: TerminalOrder | BollardOrder, now: datetime | None) -> OrderVerdict:
        if order.counter <= self.memory.highest:
            return OrderVerdict.STALE
        if takes_back(order):
            return OrderVerdict.OBEY
        if now is None:
            return OrderVerdict.CLOCK_UNSET
        return OrderVerdict.EXPIRED if now >= order.expires else OrderVerdict.OBEY


def takes_back(order: TerminalOrder | BollardOrder) -> bool:
    """Whether an order only withdraws or stops: obeyed late and by a device without a clock."""
    if isinstance(order, TerminalOrder):
        return order.action == "cancel"
    return order.motion is Motion.STOP
