"""The room as it was at one moment, put together from what was written until then.

Readings are looked for a short while back: what was older was not the present even then. Cases
stand as their history had brought them, orders as far as receipts had come.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from model.cases import Case, CaseState, Change, Transition
from model.facts import (
    BollardReceipt,
    BollardState,
    Decision,
    DeviceStatus,
    Fact,
    SensorAlarm,
    TerminalReceipt,
    Verb,
)
from model.level import Level, Sight, rank_of
from model.orders import FINAL_ORDER_STATES, OrderRecord, OrderState
from store.columns import SIGHTS, ZONE_NUMBERS
from store.history import rows, sources, words
from store.newest import body_of, recalled
from store.open_rows import OpenRows
from store.records import fact_of
from store.sql import Database
from store.stamps import from_ms, to_ms

READING_BACK = timedelta(minutes=10)
COUNTER_BACK = timedelta(seconds=60)
CLOSED_BACK = timedelta(hours=2)
ORDERS_BACK = timedelta(hours=24)
COUNTER_AHEAD = timedelta(hours=1)
"""How far many orders at once may push the counter beyond the clock."""
CASES_AT_MOST = 500
ORDERS_AT_MOST = 1000
EVENTS_AT_MOST = 20_000


class ZoneThen(msgspec.Struct, frozen=True, kw_only=True):
    """A zone's fused reading as it was stored."""

    zone: str
    at: datetime
    sight: Sight
    occupancy: float | None
    occupancy_low: float | None
    occupancy_high: float | None
    density_p_m2: float | None
    peak_p_m2: float | None


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known of one moment."""

    at: datetime
    zones: tuple[ZoneThen, ...]
    levels: dict[str, Level]
    facts: tuple[Fact, ...]
    cases: tuple[tuple[Case, tuple[Transition, ...]], ...]
    orders: tuple[OrderRecord, ...]


def records_at(
    db: Database, at: datetime, zones: tuple[ZoneThen, ...], readings: tuple[Fact, ...]
) -> Moment:
    """The room as it was at `at`: its records, put beside the readings."""
    decisions, facts = _events(db, at)
    cases = tuple(_cases(db, at, decisions))
    levels: dict[str, Level] = {}
    for case, _ in cases:
        if case.subject_kind == "zone" and case.state is not CaseState.CLOSED:
            known = levels.get(case.subject)
            levels[case.subject] = max(case.level, known or case.level, key=rank_of)
    receipts = [fact.body for fact in facts]
    return Moment(
        at=at,
        zones=zones,
        levels=levels,
        facts=(*readings, *facts),
        cases=cases,
        orders=tuple(_orders(db, at, receipts)),
    )


def readings_at(
    db: sqlite3.Connection, open_rows: OpenRows, at: datetime
) -> tuple[tuple[ZoneThen, ...], tuple[Fact, ...]]:
    """The newest reading of every zone and device within the ten minutes up to a moment.

    Of a counter it is the whole last minute, oldest first: from totals come people a minute.
    """
    end = at + timedelta(milliseconds=1)
    known = words(db)
    zones: list[ZoneThen] = []
    facts: list[Fact] = []
    for source in sources(db):
        span = COUNTER_BACK if source.kind == "counter" else READING_BACK
        found = rows(db, open_rows, source.number, start=at - span, end=end)
        wanted = found if source.kind == "counter" else found[-1:]
        for row in wanted.tolist():
            if source.kind == "zone":
                zones.append(_zone(source.name, row))
            else:
                facts.append(
                    recalled(
                        source.kind, source.name, from_ms(int(row[0])), body_of(source, row, known)
                    )
                )
    return tuple(zones), tuple(facts)


def _zone(name: str, row: list[float]) -> ZoneThen:
    at_ms, sight, *numbers = row
    told = {
        column: None if math.isnan(number) else number
        for column, number in zip(ZONE_NUMBERS, numbers, strict=True)
    }
    return ZoneThen(zone=name, at=from_ms(int(at_ms)), sight=SIGHTS[int(sight)], **told)


def _events(db: Database, at: datetime) -> tuple[list[Decision], list[Fact]]:
    """Decisions; and of every device its last state, status and alarms, and all receipts."""
    since = to_ms(at - timedelta(days=31))
    rows = db.execute(
        "SELECT kind, source, arrived_ms, type, body FROM event"
        " WHERE at_ms <= :at AND at_ms > :since ORDER BY serial DESC LIMIT :limit",
        {"at": to_ms(at), "since": since, "limit": EVENTS_AT_MOST},
    )
    decisions: list[Decision] = []
    kept: dict[tuple[str, str, str], Fact] = {}
    receipts: list[Fact] = []
    oldest_receipt = at - ORDERS_BACK
    for row in rows:
        fact = fact_of(*row)
        match fact.body:
            case Decision() as decision:
                decisions.append(decision)
            case TerminalReceipt() | BollardReceipt():
                if fact.field_time > oldest_receipt:
                    receipts.append(fact)
            case SensorAlarm(id=alarm):
                kept.setdefault((fact.kind, fact.source, f"alarm:{alarm}"), fact)
            case DeviceStatus() | BollardState():
                kept.setdefault((fact.kind, fact.source, type(fact.body).__name__), fact)
            case _:
                pass
    return decisions[::-1], [*kept.values(), *receipts[::-1]]


def _cases(
    db: Database, at: datetime, decisions: list[Decision]
) -> Iterator[tuple[Case, tuple[Transition, ...]]]:
    rows = db.execute(
        "SELECT body FROM warning_case WHERE opened_ms <= :at AND opened_ms > :since"
        " ORDER BY opened_ms DESC LIMIT :limit",
        {"at": to_ms(at), "since": to_ms(at - timedelta(days=31)), "limit": CASES_AT_MOST},
    ).fetchall()
    assigned = {
        decision.subject: decision.assignee
        for decision in decisions
        if decision.verb is Verb.ASSIGN
    }
    for (body,) in rows:
        case = msgspec.json.decode(body, type=Case)
        if case.state is CaseState.CLOSED and case.changed <= at - CLOSED_BACK:
            continue
        steps = db.execute(
            "SELECT body FROM transition WHERE case_id = :id ORDER BY serial", {"id": case.id}
        )
        whole = [msgspec.json.decode(one, type=Transition) for (one,) in steps]
        history = tuple(step for step in whole if step.at <= at)
        if history:
            later = frozenset(step.change for step in whole if step.at > at)
            then = _case_then(case, history, assigned.get(case.id))
            yield msgspec.structs.replace(then, **_not_yet(later)), history


def _case_then(case: Case, history: tuple[Transition, ...], assignee: str | None) -> Case:
    state, owner = CaseState.OPEN, None
    for step in history:
        match step.change:
            case Change.ACKNOWLEDGED:
                state, owner = CaseState.ACKNOWLEDGED, step.actor
            case Change.UNACKNOWLEDGED:
                state, owner = CaseState.OPEN, None
            case Change.ASSIGNED:
                owner = assignee
            case Change.CLOSED:
                state = CaseState.CLOSED
            case _:
                pass
    last = history[-1]
    return msgspec.structs.replace(
        case,
        state=state,
        owner=owner,
        level=last.level,
        changed=last.at,
        serial=last.serial,
        escalation=sum(step.change is Change.ESCALATED for step in history),
        next_escalation=None,
    )


_CHANGED_BY: dict[str, frozenset[Change]] = {
    "muted_by": frozenset({Change.MUTED, Change.UNMUTED}),
    "shelved_until": frozenset({Change.SHELVED, Change.UNSHELVED}),
    "merged_into": frozenset({Change.MERGED, Change.SEPARATED}),
    "gaps": frozenset({Change.GAP_NAMED, Change.GAP_CLOSED}),
    "checklist": frozenset({Change.CHECKED, Change.PLAN_STARTED}),
    "waiting": frozenset({Change.PLAN_WAITING, Change.APPROVED, Change.PLAN_STARTED}),
    "ready": frozenset({Change.APPROVED, Change.ARMED, Change.PLAN_STARTED}),
}
"""What is written on a case, and the steps that write it."""


def _not_yet(later: frozenset[Change]) -> dict[str, Any]:
    """What stands on a case today and came, or may have come, only after the moment: left out."""
    kept = ("gaps", "checklist", "waiting", "ready")
    return {
        name: () if name in kept else None
        for name, changes in _CHANGED_BY.items()
        if not changes.isdisjoint(later)
    }


def _orders(db: Database, at: datetime, said: Sequence[object]) -> Iterator[OrderRecord]:
    """Orders issued within a day before, oldest first, with the standing of that moment."""
    heard: dict[str, OrderState] = {}
    for receipt in said:
        if isinstance(receipt, TerminalReceipt):
            heard[receipt.order] = OrderState(receipt.stage.value)
        elif isinstance(receipt, BollardReceipt):
            heard[receipt.order] = OrderState(receipt.result.value)
    # A counter is at least the Unix milliseconds of its order.
    rows = db.execute(
        "SELECT body FROM device_order WHERE counter > :since AND counter < :until"
        " ORDER BY counter DESC LIMIT :limit",
        {
            "since": to_ms(at - ORDERS_BACK),
            "until": to_ms(at + COUNTER_AHEAD),
            "limit": ORDERS_AT_MOST * 4,
        },
    ).fetchall()
    found = [msgspec.json.decode(body, type=OrderRecord) for (body,) in rows]
    then = [record for record in found if at - ORDERS_BACK < record.issued <= at]
    for record in reversed(then[:ORDERS_AT_MOST]):
        if record.changed <= at:
            yield record
            continue
        state = heard.get(record.id, OrderState.SENT)
        if state not in FINAL_ORDER_STATES and at > record.expires:
            state = OrderState.EXPIRED
        yield msgspec.structs.replace(record, state=state, changed=min(record.changed, at))
