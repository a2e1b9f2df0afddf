"""A case replayed: its steps, the orders that it sent and what devices answered, in one order."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, Protocol

import msgspec

from model.cases import Transition
from model.facts import BollardReceipt, Fact, TerminalReceipt
from model.orders import OrderRecord
from model.text import Bilingual
from store.records import ROWS_AT_MOST


class TimelineEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that happened about a case: who or what, when, and what.

    `what` is a step's change, an order's action, or a receipt's stage or result.
    """

    at: datetime
    sort: Literal["step", "order", "receipt"]
    actor: str
    what: str
    level: str | None = None
    reason: str | None = None
    text: Bilingual | None = None
    order: str | None = None
    state: str | None = None


class Looked(Protocol):
    """The store, as far as a timeline needs it."""

    def transitions(self, case_id: str) -> list[Transition]: ...

    def orders(self, *, case: str | None = None, limit: int = 200) -> list[OrderRecord]: ...

    def events(
        self, *, kind: str | None = None, source: str | None = None, limit: int = 200
    ) -> list[Fact]: ...


def replayed(store: Looked, case: str) -> list[TimelineEntry]:
    """A case from the store: its steps, its orders and what devices answered."""
    orders = store.orders(case=case, limit=ROWS_AT_MOST)
    facts = [
        fact
        for kind, device in sorted({(order.kind.value, order.device) for order in orders})
        for fact in store.events(kind=kind, source=device, limit=ROWS_AT_MOST)
    ]
    return timeline(store.transitions(case), orders, facts)


def timeline(
    steps: Iterable[Transition], orders: Iterable[OrderRecord], facts: Iterable[Fact]
) -> list[TimelineEntry]:
    """Everything about one case, oldest first; receipts of other orders are passed over."""
    orders = list(orders)
    ids = {order.id for order in orders}
    entries = [_step(step) for step in steps]
    entries += [_order(order) for order in orders]
    entries += [
        _receipt(fact.source, fact.body)
        for fact in facts
        if isinstance(fact.body, TerminalReceipt | BollardReceipt) and fact.body.order in ids
    ]
    return sorted(entries, key=lambda each: (each.at, _ORDER[each.sort]))


_ORDER = {"step": 0, "order": 1, "receipt": 2}


def _step(step: Transition) -> TimelineEntry:
    return TimelineEntry(
        at=step.at,
        sort="step",
        actor=step.actor,
        what=step.change.value,
        level=step.level.value,
        reason=step.reason.value,
        text=step.detail,
    )


def _order(order: OrderRecord) -> TimelineEntry:
    return TimelineEntry(
        at=order.issued,
        sort="order",
        actor=order.device,
        what=order.action,
        reason=order.reason,
        order=order.id,
        state=order.state.value,
    )


def _receipt(device: str, body: TerminalReceipt | BollardReceipt) -> TimelineEntry:
    what = body.stage.value if isinstance(body, TerminalReceipt) else body.result.value
    return TimelineEntry(
        at=body.at, sort="receipt", actor=device, what=what, reason=body.reason, order=body.order
    )
