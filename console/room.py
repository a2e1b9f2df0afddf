"""The room: everything an operator sees at one moment, built from what was committed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from config.schema import SiteFile
from console.errands import Errands
from console.gates import Gate
from console.lanes import Lane
from console.ports import Backlog
from console.views import (
    UNHEARD,
    AnnouncementCard,
    AnyCard,
    CameraCard,
    CaseCard,
    DispatchCard,
    DutyCard,
    EntranceCard,
    Health,
    Measured,
    RaisedAlarm,
    Section,
    SensorCard,
    ServiceCard,
    TerminalCard,
    ZoneCard,
)
from model.announcements import Announcement
from model.cases import Case, CaseState, Transition
from model.commit import Commit, ZoneJudgement
from model.duty import ArmedEntrance, OnDuty
from model.facts import (
    BollardReceipt,
    BollardState,
    CounterReading,
    DensityBlind,
    DensityLive,
    DeviceKind,
    Fact,
    SensorAlarm,
    SensorReading,
    TerminalReceipt,
)
from model.health import WELL_STATES, DeviceHealth
from model.level import Sight
from model.orders import OrderRecord

HISTORY_KEPT = 50
CLOSED_KEPT = 20
ALARMS_KEPT = 50
QUANTITIES_KEPT = 20

Touched = dict[Section, set[str]]
"""Ids by section; an id that no longer has a card has left the room."""


class Room:
    """The state that every console shows, with what each commit changed in it.

    Not thread-safe: it belongs to the event loop. Devices that the site file does not name have
    no card.
    """

    def __init__(self, site: SiteFile) -> None:
        self._site = site
        self.cards: dict[Section, dict[str, AnyCard]] = {section: {} for section in Section}
        self._lanes = {bollard.id: Lane() for bollard in site.bollards}
        self._gates = {counter.id: Gate() for counter in site.counters}
        self._errands = Errands()
        self._closed: list[str] = []
        cards = self.cards
        cards[Section.CAMERAS] = {c.id: CameraCard(health=UNHEARD) for c in site.cameras}
        cards[Section.TERMINALS] = {t.id: TerminalCard(health=UNHEARD) for t in site.terminals}
        cards[Section.SENSORS] = {s.id: SensorCard(health=UNHEARD) for s in site.sensors}
        cards[Section.COUNTERS] = {i: gate.card() for i, gate in self._gates.items()}
        cards[Section.LANES] = {i: lane.card(0.0) for i, lane in self._lanes.items()}
        cards[Section.SERVICE] = {"service": ServiceCard(commit=0)}

    def recall(
        self,
        cases: Iterable[tuple[Case, Iterable[Transition]]],
        orders: Iterable[OrderRecord],
        facts: Iterable[Fact] = (),
    ) -> None:
        """Take up what the store remembers from before: cases, orders (oldest first), last facts.

        Bollard lanes are not recalled: what was proven before a restart is proven no more.
        """
        touched: Touched = {}
        for fact in facts:
            if not isinstance(fact.body, BollardState):
                self._fact(fact, 0.0, touched)
        for case, history in cases:
            self._case(case, touched)
            for transition in history:
                self._transition(transition, touched)
        for record in orders:
            self._order(record, touched)

    def apply(self, commit: Commit, mono: float) -> Touched:
        """Take in one commit; returns what it changed."""
        touched: Touched = {}
        for health in commit.health:
            self._health(health, mono, touched)
        for judgement in commit.zones:
            self._zone(judgement, touched)
        for case in commit.cases:
            self._case(case, touched)
        for transition in commit.transitions:
            self._transition(transition, touched)
        for record in commit.orders:
            self._order(record, touched)
        for fact in commit.facts:
            self._fact(fact, mono, touched)
        self._people(commit.duty, commit.armed, touched)
        self._typed(commit.announcements, touched)
        self._service(commit, touched)
        return touched

    def recall_announcements(self, announcements: tuple[Announcement, ...]) -> None:
        """Take up what was typed and stood at the last commit."""
        self._typed(announcements, {})

    def _typed(self, announcements: tuple[Announcement, ...] | None, touched: Touched) -> None:
        if announcements is not None:
            cards = {one.id: AnnouncementCard(announcement=one) for one in announcements}
            self._replace(Section.ANNOUNCEMENTS, cards, touched)

    def recall_people(self, duty: tuple[OnDuty, ...], armed: tuple[ArmedEntrance, ...]) -> None:
        """Take up who was on duty and what stood armed at the last commit."""
        self._people(duty, armed, {})

    def _people(
        self,
        duty: tuple[OnDuty, ...] | None,
        armed: tuple[ArmedEntrance, ...] | None,
        touched: Touched,
    ) -> None:
        if duty is not None:
            people = {one.person: DutyCard(since=one.since) for one in duty}
            self._replace(Section.DUTY, people, touched)
        if armed is not None:
            arms = {one.entrance: EntranceCard(armed=one) for one in armed}
            self._replace(Section.ENTRANCES, arms, touched)

    def _replace(self, section: Section, cards: Mapping[str, AnyCard], touched: Touched) -> None:
        for gone in self.cards[section].keys() - cards.keys():
            self._drop(section, gone, touched)
        for key, card in cards.items():
            self._put(section, key, card, touched)

    def tick(self, mono: float) -> Touched:
        """Let proofs run out: a lane that fell silent is no longer shown as protecting."""
        touched: Touched = {}
        for lane_id in self._lanes:
            self._show_lane(lane_id, mono, touched)
        return touched

    def show_dispatches(self, cards: Mapping[str, DispatchCard], *, whole: bool = False) -> Touched:
        """Take in reported problems; with `whole` those that are not named leave the room."""
        touched: Touched = {}
        for gone in set(self.cards[Section.DISPATCHES]) - set(cards) if whole else ():
            self._drop(Section.DISPATCHES, gone, touched)
        for key, card in cards.items():
            self._put(Section.DISPATCHES, key, card, touched)
        return touched

    def _put(self, section: Section, key: str, card: AnyCard, touched: Touched) -> None:
        if self.cards[section].get(key) != card:
            self.cards[section][key] = card
            touched.setdefault(section, set()).add(key)

    def _drop(self, section: Section, key: str, touched: Touched) -> None:
        if self.cards[section].pop(key, None) is not None:
            touched.setdefault(section, set()).add(key)

    def _service(self, commit: Commit, touched: Touched) -> None:
        card = self.cards[Section.SERVICE]["service"]
        assert isinstance(card, ServiceCard)  # noqa: S101 - the section has no other
        refused = dict(card.refused)
        for reason, count in commit.refused.items():
            refused[reason] = refused.get(reason, 0) + count
        newer = msgspec.structs.replace(card, commit=commit.serial, at=commit.at, refused=refused)
        if commit.refused:
            self._put(Section.SERVICE, "service", newer, touched)
        else:
            # A commit that changes nothing to be seen is not worth a message to every console.
            self.cards[Section.SERVICE]["service"] = newer

    def show_backlog(self, backlog: Backlog) -> Touched:
        """Tell what waits for the time-series server; returns what that changed."""
        touched: Touched = {}
        card = self.cards[Section.SERVICE]["service"]
        assert isinstance(card, ServiceCard)  # noqa: S101 - the section has no other
        newer = msgspec.structs.replace(card, backlog=backlog)
        self._put(Section.SERVICE, "service", newer, touched)
        return touched

    def _zone(self, judgement: ZoneJudgement, touched: Touched) -> None:
        view = judgement.view
        # Blind is never empty: whatever a blind view might carry, no number of it is shown.
        sees = view.sight is not Sight.BLIND
        known = self.cards[Section.ZONES].get(view.zone)
        last_seen = known.seen_at if isinstance(known, ZoneCard) else None
        card = ZoneCard(
            at=view.at,
            sight=view.sight,
            level=judgement.level,
            capacity=view.capacity,
            occupancy=view.occupancy if sees else None,
            occupancy_low=view.occupancy_low if sees else None,
            occupancy_high=view.occupancy_high if sees else None,
            density_p_m2=view.density_p_m2 if sees else None,
            peak_p_m2=view.peak_p_m2 if sees else None,
            seen_at=view.seen_at or last_seen,
            cameras_live=view.cameras_live,
            cameras_total=view.cameras_total,
            reasons=view.reasons,
        )
        self._put(Section.ZONES, view.zone, card, touched)

    def _case(self, case: Case, touched: Touched) -> None:
        known = self.cards[Section.CASES].get(case.id)
        history = known.history if isinstance(known, CaseCard) else ()
        self._put(Section.CASES, case.id, CaseCard(case=case, history=history), touched)
        if case.state is CaseState.CLOSED and case.id not in self._closed:
            self._closed.append(case.id)
            for gone in self._closed[:-CLOSED_KEPT]:
                self._drop(Section.CASES, gone, touched)
            del self._closed[:-CLOSED_KEPT]

    def _transition(self, transition: Transition, touched: Touched) -> None:
        known = self.cards[Section.CASES].get(transition.case)
        if not isinstance(known, CaseCard):
            return
        if any(step.serial == transition.serial for step in known.history):
            return
        history = (*known.history, transition)[-HISTORY_KEPT:]
        card = msgspec.structs.replace(known, history=history)
        self._put(Section.CASES, transition.case, card, touched)

    def _order(self, record: OrderRecord, touched: Touched) -> None:
        changed, gone = self._errands.record(record)
        self._show_orders(changed | gone, touched)

    def _show_orders(self, ids: set[str], touched: Touched) -> None:
        for order in ids:
            card = self._errands.cards.get(order)
            if card is None:
                self._drop(Section.ORDERS, order, touched)
            else:
                self._put(Section.ORDERS, order, card, touched)

    def _show_lane(self, lane_id: str, mono: float, touched: Touched) -> None:
        self._put(Section.LANES, lane_id, self._lanes[lane_id].card(mono), touched)

    def _health(self, health: DeviceHealth, mono: float, touched: Touched) -> None:
        shown = Health(
            state=health.state,
            since=health.since,
            reason=health.reason,
            last_seen=health.last_seen,
        )
        if health.kind is DeviceKind.BOLLARD and health.id in self._lanes:
            self._lanes[health.id].health = shown
            self._show_lane(health.id, mono, touched)
        elif health.kind is DeviceKind.COUNTER and health.id in self._gates:
            gate = self._gates[health.id]
            gate.health = shown
            self._put(Section.COUNTERS, health.id, gate.card(), touched)
        else:
            self._health_on_card(health, shown, touched)

    def _health_on_card(self, health: DeviceHealth, shown: Health, touched: Touched) -> None:
        section = _SECTION_OF.get(health.kind)
        if section is None:
            return
        card = self.cards[section].get(health.id)
        if isinstance(card, CameraCard) and shown.state not in WELL_STATES:
            blind = CameraCard(
                health=shown, sight=Sight.BLIND, at=card.at, reason=shown.reason, model=card.model
            )
            self._put(section, health.id, blind, touched)
        elif isinstance(card, CameraCard | TerminalCard | SensorCard):
            self._put(section, health.id, msgspec.structs.replace(card, health=shown), touched)

    def _fact(self, fact: Fact, mono: float, touched: Touched) -> None:
        body = fact.body
        if isinstance(body, DensityLive | DensityBlind):
            self._density(fact.source, body, touched)
        elif isinstance(body, BollardState):
            if fact.source in self._lanes:
                self._lanes[fact.source].heard(body, fact.arrived_monotonic_s)
                self._show_lane(fact.source, mono, touched)
        elif isinstance(body, CounterReading):
            if fact.source in self._gates:
                self._gates[fact.source].heard(body)
                card = self._gates[fact.source].card()
                self._put(Section.COUNTERS, fact.source, card, touched)
        elif isinstance(body, SensorReading | SensorAlarm):
            self._sensor(fact.source, body, touched)
        elif isinstance(body, TerminalReceipt | BollardReceipt):
            self._show_orders(self._errands.receipt(body), touched)

    def _density(self, camera: str, body: DensityLive | DensityBlind, touched: Touched) -> None:
        known = self.cards[Section.CAMERAS].get(camera)
        if not isinstance(known, CameraCard) or (known.at is not None and body.at < known.at):
            return
        if isinstance(body, DensityBlind):
            card = CameraCard(
                health=known.health,
                sight=Sight.BLIND,
                at=body.at,
                reason=body.reason,
                model=body.model,
            )
        else:
            card = CameraCard(
                health=known.health,
                sight=Sight.LIVE,
                at=body.at,
                count=body.count,
                count_low=body.count_low,
                count_high=body.count_high,
                density_p_m2=body.density_p_m2,
                peak_p_m2=body.peak_p_m2,
                speed_m_s=body.speed_m_s,
                direction_deg=body.direction_deg,
                counterflow=body.counterflow,
                model=body.model,
            )
        self._put(Section.CAMERAS, camera, card, touched)

    def _sensor(self, sensor: str, body: SensorReading | SensorAlarm, touched: Touched) -> None:
        known = self.cards[Section.SENSORS].get(sensor)
        if not isinstance(known, SensorCard):
            return
        if isinstance(body, SensorReading):
            last = known.values.get(body.quantity)
            late = last is not None and body.at < last.at
            if late or (last is None and len(known.values) >= QUANTITIES_KEPT):
                return
            measured = Measured(value=body.value, unit=body.unit, at=body.at)
            values = {**known.values, body.quantity: measured}
            card = msgspec.structs.replace(known, values=values)
        else:
            alarms = {key: alarm for key, alarm in known.alarms.items() if key != body.id}
            if body.state == "raised":
                alarms[body.id] = RaisedAlarm(hazard=body.hazard, at=body.at, text=body.text)
            alarms = dict(list(alarms.items())[-ALARMS_KEPT:])
            card = msgspec.structs.replace(known, alarms=alarms)
        self._put(Section.SENSORS, sensor, card, touched)


_SECTION_OF = {
    DeviceKind.CAMERA: Section.CAMERAS,
    DeviceKind.TERMINAL: Section.TERMINALS,
    DeviceKind.SENSOR: Section.SENSORS,
}
