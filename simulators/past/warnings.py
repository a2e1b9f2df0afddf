"""Warnings of a simulated day: from each crossing to its all-clear, who took it, and who heard it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
import numpy as np

from config.rules import Rule, Signal
from config.schema import SiteFile, Terminal, Zone
from model.cases import Case, CaseState, Change, Reason, Transition
from model.facts import DeviceKind, Fact, ReceiptStage, TerminalReceipt
from model.level import Level, rank_of
from model.orders import OrderRecord, OrderState
from model.text import Bilingual
from simulators.past.course import Floats
from simulators.past.outages import Blindness

LOCAL_PEAK: Final = 3.6
"""The fullest 3 m × 3 m of a zone holds so many times the zone's mean density."""

_CLEAR: Final = 0.85
_HEARD_SHARE: Final = 0.975
_PERSONS: Final = ("operator", "commander")


class Records(msgspec.Struct, frozen=True, kw_only=True):
    """What a day left in the records: closed cases with their history, orders, and receipts."""

    cases: list[Case]
    transitions: list[Transition]
    orders: list[OrderRecord]
    receipts: list[Fact]


class Historian:
    """Writes the day's records; order counters grow over all days."""

    def __init__(self, site: SiteFile, *, step: timedelta) -> None:
        self._site = site
        self._step = step
        people = {person.id for person in site.people}
        self._people = tuple(each for each in _PERSONS if each in people) or ("operator",)
        self._counter = 0

    def crowding(
        self, zone: Zone, peak: Floats, begin: datetime, random: np.random.Generator
    ) -> Records:
        """The zone's warnings by its rule of local crowding; none where it has no such rule."""
        rule = next((each for each in self._site.rules if _watches(each, zone)), None)
        records = Records(cases=[], transitions=[], orders=[], receipts=[])
        if rule is None:
            return records
        for first, last, level in _crossings(peak, rule):
            self._case(records, zone, rule, level, begin=begin, slots=(first, last), random=random)
        return records

    def _case(
        self,
        records: Records,
        zone: Zone,
        rule: Rule,
        level: Level,
        *,
        begin: datetime,
        slots: tuple[int, int],
        random: np.random.Generator,
    ) -> None:
        opened = begin + slots[0] * self._step + timedelta(seconds=float(random.uniform(5, 60)))
        closed = max(begin + slots[1] * self._step, opened + timedelta(minutes=4))
        acknowledged = opened + timedelta(seconds=float(np.exp(random.normal(3.6, 0.8))))
        acknowledged = min(acknowledged, closed - timedelta(seconds=30))
        who = str(random.choice(self._people))
        case = Case(
            id=f"past-{opened:%Y%m%d%H%M%S}-{zone.id}"[:64],
            subject_kind="zone",
            subject=zone.id,
            hazard=rule.hazard,
            level=level,
            state=CaseState.CLOSED,
            opened=opened,
            changed=closed,
            owner=who,
            text=Bilingual(zh=rule.text.zh, en=rule.text.en),
            serial=4,
            rule=rule.id,
        )
        steps = (
            (opened, "system", Change.OPENED, Reason.ABOVE_RAISE),
            (opened + timedelta(seconds=1), "system", Change.PLAN_STARTED, Reason.PLAN),
            (acknowledged, who, Change.ACKNOWLEDGED, Reason.PERSON),
            (closed, "system", Change.CLOSED, Reason.BELOW_CLEAR),
        )
        records.cases.append(case)
        records.transitions.extend(_history(case, steps))
        if level.rank >= Level.YELLOW.rank:
            for terminal in self._site.terminals:
                if zone.id in terminal.zones:
                    self._tell(records, terminal, case, opened, random)

    def _tell(
        self,
        records: Records,
        terminal: Terminal,
        case: Case,
        opened: datetime,
        random: np.random.Generator,
    ) -> None:
        issued = opened + timedelta(seconds=1)
        self._counter = max(self._counter + 1, int(issued.timestamp() * 1000))
        heard = bool(random.random() < _HEARD_SHARE)
        received = issued + timedelta(seconds=float(random.gamma(2.0, 0.15)))
        played = received + timedelta(seconds=float(random.gamma(2.0, 0.6)))
        order = OrderRecord(
            id=f"past-{self._counter}-{terminal.id}"[:64],
            kind=DeviceKind.TERMINAL,
            device=terminal.id,
            case=case.id,
            action="show",
            counter=self._counter,
            issued=issued,
            expires=issued + timedelta(minutes=10),
            payload=b"",
            state=OrderState.PLAYED if heard else OrderState.EXPIRED,
            attempts=1,
            changed=played if heard else issued + timedelta(minutes=10),
        )
        records.orders.append(order)
        if heard:
            for stage, at in ((ReceiptStage.RECEIVED, received), (ReceiptStage.PLAYED, played)):
                receipt = TerminalReceipt(order=order.id, stage=stage, at=at)
                records.receipts.append(
                    Fact(
                        kind=DeviceKind.TERMINAL,
                        source=terminal.id,
                        arrived=at,
                        arrived_monotonic_s=0.0,
                        body=receipt,
                    )
                )

    def blind(self, outage: Blindness, begin: datetime, random: np.random.Generator) -> Records:
        """The case of one blind camera."""
        opened = begin + outage.begin * self._step + timedelta(seconds=30)
        closed = max(begin + outage.end * self._step, opened + timedelta(minutes=2))
        who = str(random.choice(self._people))
        acknowledged = opened + timedelta(seconds=float(np.exp(random.normal(4.5, 0.8))))
        case = Case(
            id=f"past-{opened:%Y%m%d%H%M%S}-{outage.camera}"[:64],
            subject_kind="device",
            subject=outage.camera,
            hazard="device-fault",
            level=Level.BLUE,
            state=CaseState.CLOSED,
            opened=opened,
            changed=closed,
            owner=who,
            text=Bilingual(
                zh=f"摄像机 {outage.camera} 看不见", en=f"Camera {outage.camera} is blind"
            ),
            serial=3,
        )
        steps = (
            (opened, "system", Change.OPENED, Reason.CAMERA_BLIND),
            (min(acknowledged, closed), who, Change.ACKNOWLEDGED, Reason.PERSON),
            (closed, "system", Change.CLOSED, Reason.CAMERA_SEES),
        )
        return Records(
            cases=[case], transitions=list(_history(case, steps)), orders=[], receipts=[]
        )


def _watches(rule: Rule, zone: Zone) -> bool:
    return rule.signal is Signal.PEAK_DENSITY and (rule.zones == "all" or zone.id in rule.zones)


def _history(
    case: Case, steps: Sequence[tuple[datetime, str, Change, Reason]]
) -> Iterator[Transition]:
    for serial, (at, actor, change, reason) in enumerate(steps, start=1):
        yield Transition(
            case=case.id,
            serial=serial,
            at=at,
            actor=actor,
            change=change,
            level=case.level,
            reason=reason,
        )


def _crossings(peak: Floats, rule: Rule) -> Iterator[tuple[int, int, Level]]:
    """Spans in which the local peak stood above the lowest raise value, and the highest level in each."""
    lowest = min(rule.raise_at.values())
    begin, highest = None, 0.0
    for slot, value in enumerate(peak):
        if begin is None and value >= lowest:
            begin, highest = slot, float(value)
        elif begin is not None:
            highest = max(highest, float(value))
            if value < _CLEAR * lowest or slot == len(peak) - 1:
                yield begin, slot, _level(highest, rule)
                begin = None


def _level(value: float, rule: Rule) -> Level:
    reached = [level for level, least in rule.raise_at.items() if value >= least]
    return max(reached, key=rank_of)
