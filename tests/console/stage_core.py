"""The stage's machinery: the real console, store and feed, moved one fact at a time."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec
from fastapi import FastAPI

from alerts import wording
from config.editing import SiteEditor
from config.schema import SiteFile
from console.app import STATIC, create_app
from console.diary import Noted
from console.ports import Accepted, LiveVideo, Outbox, Refused, Verdict
from model.cases import Case, CaseState, Change, Reason, Transition
from model.clock import Clock
from model.commit import Commit, ZoneJudgement
from model.facts import (
    Body,
    BollardPosition,
    BollardState,
    Decision,
    DeviceKind,
    Fact,
    LoopState,
    ReceiptStage,
    TerminalReceipt,
    Verb,
)
from model.health import DeviceHealth, HealthState
from model.level import Level, Sight
from model.orders import OrderRecord, OrderState, TerminalOrder
from model.text import Bilingual
from model.zones import ZoneView
from service.foretelling import Foreteller
from store.dispatches import Dispatches
from store.embedded import Store
from store.feed import Feed
from store.people import Accounts
from tests.console.stage_site import PASSWORD, QUICK, StagePictures, small_site


class StageCore:
    """Everything around the console, moved by the test."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        static: Path = STATIC,
        live_video: LiveVideo | None = None,
        editor: SiteEditor | None = None,
        outbox: Outbox | None = None,
        site: SiteFile | None = None,
        learnt_for: Mapping[str, str] | None = None,
    ) -> None:
        self.clock = clock
        self.site = site or small_site()
        self.store = Store.open(folder, full_sync=False)
        self.accounts = Accounts.open(folder, clock, hasher=QUICK)
        self.dispatches = Dispatches.open(folder)
        self.feed = Feed()
        self.pictures = StagePictures(clock)
        self.decisions: list[Decision] = []
        self.saved: list[bool] = []
        self.noted: list[Noted] = []
        self.diary_is_full = False
        self.refusal: str | None = None
        self.unready_reasons: tuple[str, ...] = ()
        self._lock = threading.Lock()
        self._serials = itertools.count(1)
        self._counters = itertools.count(1)
        self.cases: dict[str, Case] = {}
        self.reports_folder = folder / "reports"
        self.foreteller = Foreteller(
            self.site, folder, store=self.store, feed=self.feed, clock=clock
        )
        self.app: FastAPI = create_app(
            site=self.site,
            clock=clock,
            store=self.store,
            feed=self.feed,
            accounts=self.accounts,
            dispatches=self.dispatches,
            desk=self,
            pictures=self.pictures,
            readiness=self,
            prospects=self.foreteller,
            outbox=outbox,
            reports_folder=self.reports_folder,
            live_video=live_video,
            static=static,
            editor=editor,
            site_saved=lambda: self.saved.append(True),
            learnt_for=learnt_for or {},
        )

    def close(self) -> None:
        self.feed.close()
        self.accounts.close()
        self.dispatches.close()
        self.store.close()

    def enrol(self, *people: str) -> None:
        for person in people:
            self.accounts.set_password(person, PASSWORD)

    def unready(self) -> tuple[str, ...]:
        return self.unready_reasons

    def note(self, noted: Noted) -> bool:
        """The desk's diary: acts at the door."""
        if self.diary_is_full:
            return False
        self.noted.append(noted)
        return True

    async def submit(self, decision: Decision) -> Verdict:
        """The desk: commits acknowledge, assign and close as the spine would."""
        self.decisions.append(decision)
        if self.refusal is not None:
            return Refused(decision=decision.id, reason=self.refusal)
        case = self.cases.get(decision.subject)
        if case is not None:
            self._decide(case, decision)
        return Accepted(decision=decision.id)

    def _decide(self, case: Case, decision: Decision) -> None:
        state, change, owner = {
            Verb.ACKNOWLEDGE: (CaseState.ACKNOWLEDGED, Change.ACKNOWLEDGED, decision.person),
            Verb.UNACKNOWLEDGE: (CaseState.OPEN, Change.UNACKNOWLEDGED, None),
            Verb.ASSIGN: (CaseState.ACKNOWLEDGED, Change.ASSIGNED, decision.assignee),
            Verb.COMMENT: (case.state, Change.COMMENTED, case.owner),
            Verb.APPROVE: (case.state, Change.APPROVED, case.owner),
        }.get(decision.verb, (CaseState.CLOSED, Change.CLOSED, case.owner))
        self.step_case(
            case.id,
            change,
            Reason.PERSON,
            actor=decision.person,
            detail=wording.said(decision),
            state=state,
            owner=owner,
        )

    def commit(self, **parts: object) -> None:
        """Store what is stored of a commit, then tell it."""
        with self._lock:
            commit = Commit(serial=next(self._serials), at=self.clock.now(), **parts)  # type: ignore[arg-type]  # the parts are the struct's own fields
            with self.store.transaction() as tx:
                tx.add_facts(commit.facts)
                tx.add_zone_views([judged.view for judged in commit.zones])
                for case in commit.cases:
                    steps = [one for one in commit.transitions if one.case == case.id]
                    tx.save_case(case, steps)
                for order in commit.orders:
                    tx.save_order(order)
            self.feed.publish(commit)

    def fact(self, kind: DeviceKind, source: str, body: Body) -> Fact:
        return Fact(
            kind=kind,
            source=source,
            arrived=self.clock.now(),
            arrived_monotonic_s=self.clock.monotonic(),
            body=body,
        )

    def zone(
        self,
        zone_id: str,
        people: float | None,
        *,
        level: Level | None = None,
        partial: bool = False,
        at: datetime | None = None,
    ) -> ZoneJudgement:
        """A zone with so many people; none means blind."""
        zone = next(one for one in self.site.zones if one.id == zone_id)
        now = at or self.clock.now()
        total = sum(zone_id in camera.zones for camera in self.site.cameras)
        if people is None:
            view = ZoneView(
                zone=zone_id,
                at=now,
                sight=Sight.BLIND,
                capacity=zone.capacity,
                cameras_total=total,
                reasons=tuple(
                    f"{camera.id}:black" for camera in self.site.cameras if zone_id in camera.zones
                ),
            )
            return ZoneJudgement(view=view, level=level)
        spread = 0.3 if partial else 0.1
        view = ZoneView(
            zone=zone_id,
            at=now,
            sight=Sight.PARTIAL if partial else Sight.LIVE,
            capacity=zone.capacity,
            occupancy=people,
            occupancy_low=people * (1 - spread),
            occupancy_high=people * (1 + spread),
            density_p_m2=people / zone.usable_area_m2,
            peak_p_m2=min(9.0, people / zone.usable_area_m2 * 3.5 + 0.4),
            seen_at=now,
            cameras_live=total - 1 if partial else total,
            cameras_total=total,
            reasons=("yandai-east:black", "ground_not_seen:32%") if partial else (),
        )
        return ZoneJudgement(view=view, level=level)

    def open_case(
        self,
        zone: str,
        level: Level,
        *,
        hazard: str = "crowding",
        text: Bilingual | None = None,
        exercise: bool = False,
        subject_kind: str = "zone",
        escalates_s: float | None = 30.0,
        ago_s: float = 0.0,
        detail: Bilingual | None = None,
    ) -> str:
        """Open a case and tell it; returns its id."""
        now = self.clock.now() - timedelta(seconds=ago_s)
        case = Case(
            id=f"case-{zone}-{hazard}",
            subject_kind=subject_kind,  # type: ignore[arg-type]  # one of the struct's literals
            subject=zone,
            hazard=hazard,
            level=level,
            state=CaseState.OPEN,
            opened=now,
            changed=now,
            exercise=exercise,
            text=text or Bilingual(zh="人员密集", en="Crowding"),
            serial=1,
            next_escalation=None if escalates_s is None else now + timedelta(seconds=escalates_s),
        )
        self.cases[case.id] = case
        opened = Transition(
            case=case.id,
            serial=1,
            at=now,
            actor="system",
            change=Change.OPENED,
            level=level,
            reason=Reason.ABOVE_RAISE if subject_kind == "zone" else Reason.CAMERA_BLIND,
            detail=detail,
        )
        self.commit(cases=(case,), transitions=(opened,))
        return case.id

    def step_case(
        self,
        case_id: str,
        change: Change,
        reason: Reason,
        *,
        actor: str = "system",
        detail: Bilingual | None = None,
        **fields: object,
    ) -> None:
        """One more transition of a case."""
        old = self.cases[case_id]
        case = msgspec.structs.replace(
            old, changed=self.clock.now(), serial=old.serial + 1, **fields
        )
        self.cases[case_id] = case
        step = Transition(
            case=case_id,
            serial=case.serial,
            at=case.changed,
            actor=actor,
            change=change,
            level=case.level,
            reason=reason,
            detail=detail,
        )
        self.commit(cases=(case,), transitions=(step,))

    def order(
        self,
        terminal: str,
        case: str,
        level: Level,
        text: Bilingual,
        action: Literal["show", "cancel"] = "show",
    ) -> OrderRecord:
        """An order to one terminal, as just sent."""
        now = self.clock.now()
        counter = next(self._counters)
        body = TerminalOrder(
            id=f"o-{counter}",
            counter=int(now.timestamp() * 1000) + counter,
            issued=now,
            expires=now + timedelta(minutes=10),
            action=action,
            warning=case,
            level=level,
            exercise=False,
            text=text,
            speech=text.zh,
            key="orders-1",
            signature="",
        )
        return OrderRecord(
            id=body.id,
            kind=DeviceKind.TERMINAL,
            device=terminal,
            case=case,
            action=action,
            counter=body.counter,
            issued=now,
            expires=body.expires,
            payload=msgspec.json.encode(body),
            state=OrderState.SENT,
            attempts=1,
            changed=now,
        )

    def receipt(self, order: OrderRecord, stage: ReceiptStage, reason: str | None = None) -> None:
        """The terminal's word on an order, with the order's new standing, in one commit."""
        said = TerminalReceipt(order=order.id, stage=stage, at=self.clock.now(), reason=reason)
        standing = msgspec.structs.replace(
            order, state=OrderState(stage.value), changed=self.clock.now(), reason=reason
        )
        fact = self.fact(DeviceKind.TERMINAL, order.device, said)
        self.commit(facts=(fact,), orders=(standing,))

    def lane(
        self,
        lane: str,
        position: BollardPosition = BollardPosition.DOWN,
        loop: LoopState = LoopState.CLEAR,
        fault: str | None = None,
    ) -> Fact:
        now = self.clock.now()
        body = BollardState(
            at=now,
            seq=int(now.timestamp() * 1000),
            position=position,
            loop=loop,
            loop_age_ms=40,
            fault=fault,
        )
        return self.fact(DeviceKind.BOLLARD, lane, body)

    def health(
        self, kind: DeviceKind, device: str, state: HealthState, reason: str | None = None
    ) -> DeviceHealth:
        now = self.clock.now()
        return DeviceHealth(
            kind=kind, id=device, state=state, since=now, last_seen=now, reason=reason
        )

    def everyone_online(self) -> None:
        """The whole field comes up."""
        kinds = (
            (DeviceKind.CAMERA, self.site.cameras),
            (DeviceKind.TERMINAL, self.site.terminals),
            (DeviceKind.BOLLARD, self.site.bollards),
            (DeviceKind.SENSOR, self.site.sensors),
            (DeviceKind.COUNTER, self.site.counters),
        )
        self.commit(
            health=tuple(
                self.health(kind, device.id, HealthState.ONLINE)
                for kind, devices in kinds
                for device in devices
            )
        )
