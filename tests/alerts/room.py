"""A small monitoring room for timelines: one engine, one manual clock, and what it decided."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from alerts.engine import AlertEngine, Outcome
from config.schema import SiteFile
from model.actions import Action, Broadcast, MoveEntrance
from model.announcements import Announcement
from model.calls import Call
from model.cases import Case, Change, Reason, Transition
from model.clock import ManualClock
from model.duty import ArmedEntrance, OnDuty
from model.facts import Body, Decision, DeviceKind, Fact, SensorAlarm, SensorReading, Verb
from model.health import DeviceHealth, HealthState
from model.level import Sight
from model.orders import Motion, OrderRecord, OrderState
from model.zones import ZoneView

START = datetime(2026, 2, 14, 19, 0, tzinfo=UTC)
TICK_S = 0.2
DETAILS = (
    *("assignee", "comment", "hazard", "level", "minutes", "into", "plan", "item"),
    *("people", "message"),
)


def words(text: str) -> dict[str, str]:
    return {"zh": text, "en": text}


def peak_rule(**changes: Any) -> dict[str, Any]:
    return {
        "id": "peak",
        "hazard": "crowding",
        "signal": "peak_density",
        "raise_at": {"blue": 2.0, "yellow": 3.0, "orange": 4.0, "red": 5.0},
        "clear_below": 0.5,
        "hold_s": 20.0,
        "clear_hold_s": 60.0,
        "text": words("crowding"),
    } | changes


def plan(plan_id: str, level: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": plan_id,
        "hazard": "crowding",
        "level": level,
        "approval": "none",
        "text": words(f"show {plan_id}"),
        "cancel": words(f"cancel {plan_id}"),
    } | changes


def site(**changes: Any) -> SiteFile:
    square = [(0.0, 0.0), (20.0, 0.0), (20.0, 10.0), (0.0, 10.0)]
    zone = {"outline": square, "usable_area_m2": 200.0, "m2_per_visitor": 1.0}
    whole: dict[str, Any] = {
        "site": {"id": "lake", "name": words("Lake"), "origin": {"lat": 39.9, "lon": 116.4}},
        "broker": {"embedded": True},
        "keys": {"signing_key_file": "key.pem", "key_id": "k1"},
        "zones": [
            {"id": "bridge", "name": words("Bridge"), **zone},
            {"id": "lane", "name": words("Lane"), **zone},
        ],
        "cameras": [
            {"id": "c1", "name": words("North"), "url": "rtsp://127.0.0.1/c1", "zones": ["bridge"]}
        ],
        "sensors": [
            {"id": "s1", "name": words("Level A"), "zones": ["bridge"], "silent_after_s": 30},
            {"id": "s2", "name": words("Level B"), "zones": ["bridge"], "silent_after_s": 30},
        ],
        "terminals": [
            {"id": "t1", "name": words("T1"), "zones": ["bridge"]},
            {"id": "t2", "name": words("T2"), "zones": ["bridge", "lane"]},
            {"id": "t3", "name": words("T3"), "zones": ["lane"]},
        ],
        "bollards": [
            {"id": "b1", "name": words("B1"), "entrance": "e1"},
            {"id": "b2", "name": words("B2"), "entrance": "e1", "lane": 2},
            {"id": "b3", "name": words("B3"), "entrance": "e2"},
        ],
        "rules": [peak_rule()],
        "plans": [],
    }
    return SiteFile.model_validate(whole | changes)


def check_words(step: Transition) -> None:
    """Whatever a step says, it says in both languages; people's own words stand as written."""
    if step.detail is None:
        assert step.reason is Reason.PERSON
        return
    assert step.detail.zh.strip()
    assert step.detail.en.strip()
    if step.reason is not Reason.PERSON:
        assert re.search(r"[\u4e00-\u9fff]", step.detail.zh)
        assert not re.search(r"[\u4e00-\u9fff_]", step.detail.en)


class LaneRefusal(NamedTuple):
    """A motion that lane b1 will not be asked for, and why."""

    action: Action
    reason: str
    device: str = "b1"


class Room:
    """One engine on a manual clock. `lanes_refuse` is why every lane refuses to rise, if it does."""

    def __init__(self, site_file: SiteFile | None = None) -> None:
        self.site = site_file or site()
        self.clock = ManualClock(START)
        self._ids = 0
        self.engine = AlertEngine(self.site, new_id=self._new_id)
        self.views: dict[str, ZoneView] = {}
        self.transitions: list[Transition] = []
        self.actions: list[Action] = []
        self.cases: dict[str, Case] = {}
        self.refused: list[tuple[str, str]] = []
        self.calls: list[Call] = []
        self.duty: tuple[OnDuty, ...] = ()
        self.typed: tuple[Announcement, ...] = ()
        self.armed: tuple[ArmedEntrance, ...] = ()
        self.levels: dict[str, Any] = {}
        self.lanes_refuse: str | None = None
        self.step()

    def _new_id(self) -> str:
        self._ids += 1
        return f"case-{self._ids}"

    def step(
        self,
        *,
        views: tuple[ZoneView, ...] = (),
        facts: tuple[Fact, ...] = (),
        health: tuple[DeviceHealth, ...] = (),
        orders: tuple[OrderRecord, ...] = (),
    ) -> Outcome:
        outcome = self.engine.step(
            views, facts, health, self.clock.now(), self.clock.monotonic(), orders=orders
        )
        outcome = self.engine.note_refusals(outcome, self._refusals(outcome), self.clock.now())
        for step in outcome.transitions:
            check_words(step)
        self.transitions.extend(outcome.transitions)
        self.actions.extend(outcome.actions)
        self.calls.extend(outcome.calls)
        self.duty = self.duty if outcome.duty is None else outcome.duty
        self.typed = self.typed if outcome.announcements is None else outcome.announcements
        self.armed = self.armed if outcome.armed is None else outcome.armed
        self.refused.extend(outcome.decisions_refused)
        self.cases.update({case.id: case for case in outcome.cases})
        self.levels = outcome.levels
        return outcome

    def _refusals(self, outcome: Outcome) -> list[LaneRefusal]:
        """What the lanes will not do of an outcome's actions."""
        return [
            LaneRefusal(action, self.lanes_refuse)
            for action in outcome.actions
            if self.lanes_refuse is not None
            and isinstance(action, MoveEntrance)
            and action.motion is Motion.RAISE
        ]

    def wait(self, seconds: float) -> None:
        """Let time pass in ticks of 200 ms."""
        for _ in range(round(seconds / TICK_S)):
            self.clock.advance(TICK_S)
            self.step()

    def see(self, peak: float, *, zone: str = "bridge", sight: Sight = Sight.LIVE) -> Outcome:
        """One camera reading reaches the room, seen whole unless said otherwise."""
        view = ZoneView(
            zone=zone,
            at=self.clock.now(),
            sight=sight,
            capacity=200.0,
            occupancy=peak * 20,
            occupancy_low=peak * 15,
            occupancy_high=peak * 25,
            density_p_m2=peak / 2,
            peak_p_m2=peak,
        )
        self.views[zone] = view
        return self.step(views=(view,))

    def blind(self, *, zone: str = "bridge") -> Outcome:
        view = ZoneView(zone=zone, at=self.clock.now(), sight=Sight.BLIND, capacity=200.0)
        self.views[zone] = view
        return self.step(views=(view,))

    def see_for(self, peak: float, seconds: float, **how: Any) -> None:
        """A reading every 2 s for some time, with ticks between."""
        for _ in range(round(seconds / 2)):
            self.see(peak, **how)
            self.wait(2)

    def fact(self, kind: Any, source: str, body: Body) -> Outcome:
        return self.step(
            facts=(
                Fact(
                    kind=kind,
                    source=source,
                    arrived=self.clock.now(),
                    arrived_monotonic_s=self.clock.monotonic(),
                    body=body,
                ),
            )
        )

    def read(self, sensor: str, quantity: str, value: float, unit: str, **how: Any) -> Outcome:
        at = how.get("at") or self.clock.now()
        reading = SensorReading(at=at, quantity=quantity, value=value, unit=unit)
        return self.fact(DeviceKind.SENSOR, sensor, reading)

    def alarm(
        self, state: Any, *, sensor: str = "s1", hazard: str = "fire", name: str = "a1"
    ) -> Outcome:
        body = SensorAlarm(id=name, at=self.clock.now(), hazard=hazard, state=state)
        return self.fact(DeviceKind.SENSOR, sensor, body)

    def decide(
        self, verb: Verb, subject: str | None = None, *, person: str = "li", **how: Any
    ) -> Outcome:
        self._ids += 1
        decision = Decision(
            at=self.clock.now(),
            id=how.get("id", f"decision-{self._ids}"),
            person=person,
            session=how.get("session", f"session-of-{person}"),
            verb=verb,
            subject=subject or self.only_case().id,
            **{name: how.get(name) for name in DETAILS},
        )
        return self.fact("person", person, decision)

    def answers(
        self,
        terminal: str,
        state: OrderState,
        *,
        reason: str | None = None,
        case: str | None = None,
        told_s_ago: float = 0.0,
    ) -> Outcome:
        """A terminal says how far the case's message got there."""
        now = self.clock.now()
        record = OrderRecord(
            id=f"order-{terminal}",
            kind=DeviceKind.TERMINAL,
            device=terminal,
            case=case or self.only_case().id,
            action="show",
            counter=1,
            issued=now - timedelta(seconds=told_s_ago),
            expires=now,
            payload=b"",
            state=state,
            changed=now,
            reason=reason,
        )
        return self.step(orders=(record,))

    def health(
        self, kind: DeviceKind, device: str, state: HealthState, reason: str | None = None
    ) -> Outcome:
        since = self.clock.now()
        health = DeviceHealth(kind=kind, id=device, state=state, since=since, reason=reason)
        return self.step(health=(health,))

    def restart(self, *, down_s: float = 0.0, wall_step_s: float = 0.0) -> None:
        """Stop the service and start it again from its snapshot, with what is seen by then."""
        snapshot = self.engine.snapshot()
        self.clock.advance(down_s)
        self.clock.step_wall(wall_step_s)
        self.engine = AlertEngine(self.site, new_id=self._new_id, snapshot=snapshot)
        self.step(views=tuple(self.views.values()))

    def only_case(self) -> Case:
        (case,) = self.engine.open_cases()
        return case

    def said(self, number: int = -1) -> str:
        """What one step of the history says, in English."""
        detail = self.transitions[number].detail
        assert detail is not None
        return detail.en

    def changes(self, *wanted: Change) -> list[Transition]:
        return [one for one in self.transitions if one.change in wanted]

    @property
    def told(self) -> list[Broadcast]:
        return [one for one in self.actions if isinstance(one, Broadcast)]

    @property
    def moved(self) -> list[MoveEntrance]:
        return [one for one in self.actions if isinstance(one, MoveEntrance)]
