"""The spine: from what arrived to what the field must do, in one commit.

One thread takes a batch of messages and decisions, stores the new facts, lets the pure deciders
judge them, and stores their cases and orders, all in one transaction. Only after that commit are
the messages acknowledged, the orders sent and the watchers told. Killed anywhere, it goes on from
the last commit: what was not acknowledged comes again, what was written is sent again, and a
device obeys an order once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Protocol

import msgspec
from prometheus_client import Histogram

from alerts.engine import AlertEngine, Outcome
from console.diary import Noted
from console.ports import Accepted, Refused, Verdict
from crowd.assignment import Assigner
from crowd.zones import ZoneFusion
from devices.health import HealthRegistry
from devices.outbox import Outbox
from ingest.intake import Arrival, Intake
from model.clock import Clock
from model.commit import Commit, ZoneJudgement
from model.facts import Decision, Fact
from model.level import Level
from model.orders import OrderRecord
from model.zones import ZoneView
from service.announcer import Announcer, Speaker
from service.plants import Plant
from store.tidying import Keeping
from store.transaction import Transaction

log = logging.getLogger(__name__)

BATCH_MAX = 500
TICK_S = 0.2
DECISIONS_MAX = 1000
NOTED_MAX = 1000
TIDY_EVERY_S = 600.0
SAVE_ZONES_EVERY_S = 5.0
STEP_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
ALERTS = "alerts"
ZONES = "zones"
"""Names of the deciders' snapshots in the store."""
DUTY = "duty"
ARMED = "armed"
ANNOUNCEMENTS = "announcements"
"""What the console reads beside the live feed: who is on duty, what stands armed, what was typed."""


class Ledger(Protocol):
    """The store, as far as the spine needs it: one transaction a step."""

    def transaction(self) -> AbstractContextManager[Transaction]: ...


class Teller(Protocol):
    """The feed, as far as the spine needs it."""

    def publish(self, commit: Commit) -> None: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A person's decision on its way to the commit, and where its verdict is awaited."""

    decision: Decision
    verdict: Future[Verdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deciders:
    """The pure parts that judge each batch."""

    fusion: ZoneFusion
    engine: AlertEngine
    outbox: Outbox
    registry: HealthRegistry
    assigner: Assigner


class Spine:
    """Owns the store's only writer and the order in which things happen."""

    def __init__(
        self,
        *,
        clock: Clock,
        store: Ledger,
        feed: Teller,
        intake: Intake,
        link: Speaker,
        deciders: Deciders,
        announcer: Announcer,
        keeping: Keeping,
        foreseen: Callable[[ZoneView], ZoneView] | None = None,
        plant: Plant | None = None,
    ) -> None:
        self._clock = clock
        self._store = store
        self._feed = feed
        self._intake = intake
        self._link = link
        self._on = deciders
        self._announcer = announcer
        self._foreseen = foreseen
        self._plant = plant
        self._keeping = keeping
        self._save_zones_s = float("-inf")
        self._tidy_s = clock.monotonic() + TIDY_EVERY_S
        self._asked: SimpleQueue[Asked] = SimpleQueue()
        self._noted: SimpleQueue[Noted] = SimpleQueue()
        self._serial = 0
        self.duplicates = 0
        self.step_times = Histogram(
            "yinding_step_seconds",
            "From taking a batch to the end of its commit, orders and announcements",
            buckets=STEP_BUCKETS_S,
            registry=None,
        )
        self._levels: dict[str, Level | None] = {}

    @property
    def commits(self) -> int:
        """How many steps were committed since the start."""
        return self._serial

    def submit(self, decision: Decision) -> Future[Verdict]:
        """Put a person's decision before the next commit; the verdict follows it."""
        verdict: Future[Verdict] = Future()
        if self._asked.qsize() >= DECISIONS_MAX:
            verdict.set_result(Refused(decision=decision.id, reason="too_many_waiting"))
        else:
            self._asked.put(Asked(decision, verdict))
        return verdict

    def note(self, noted: Noted) -> bool:
        """Put an act at the console's door into the audit of the next commit; False when full."""
        if self._noted.qsize() >= NOTED_MAX:
            return False
        self._noted.put(noted)
        return True

    def run(self, stop: threading.Event, on_crash: Callable[[BaseException], None]) -> None:
        """Step until told to stop. An error ends the spine: a restart resumes from the store."""
        try:
            while not stop.is_set():
                self.step(self._intake.next_batch(BATCH_MAX, TICK_S))
            self._announcer.goodbye()
        except BaseException as error:
            log.critical("the spine stopped: %s", error, exc_info=error)
            on_crash(error)

    def step(self, arrivals: Sequence[Arrival]) -> None:
        """One batch: decode, store, decide, commit; then acknowledge, send and tell."""
        now, mono = self._clock.now(), self._clock.monotonic()
        asked = self._take_asked()
        facts = [
            *self._intake.decode(arrivals),
            *(self._fact_of(each.decision, mono) for each in asked),
        ]
        with self._store.transaction() as tx:
            new = tx.add_facts(facts)
            fresh = [fact for fact, is_new in zip(facts, new, strict=True) if is_new]
            known = [fact for fact, is_new in zip(facts, new, strict=True) if not is_new]
            refused = self._intake.refused_counts()
            if known:
                refused["duplicate"] = len(known)
                self.duplicates += len(known)
            commit, outcome = self._decide(fresh, known, refused, now=now, mono=mono)
            self._write(tx, commit, mono=mono)
            _write_audit(tx, commit, asked, dict(outcome.decisions_refused))
            for noted in _waiting(self._noted):
                tx.add_audit(
                    at=noted.at,
                    actor=noted.actor,
                    act=noted.act.value,
                    subject=noted.subject or noted.address,
                )
            self._tidy(tx, now=now, mono=mono)
        self._intake.acknowledge(arrivals)
        self._send(now=now, mono=mono)
        self._announcer.announce(commit, mono=mono)
        self._feed.publish(commit)
        _answer(asked, outcome)
        self.step_times.observe(self._clock.monotonic() - mono)

    def _take_asked(self) -> list[Asked]:
        asked: list[Asked] = []
        while len(asked) < BATCH_MAX:
            try:
                each = self._asked.get_nowait()
            except Empty:
                break
            if each.verdict.set_running_or_notify_cancel():
                asked.append(each)
        return asked

    def _fact_of(self, decision: Decision, mono: float) -> Fact:
        return Fact(
            kind="person",
            source=decision.person,
            arrived=self._clock.now(),
            arrived_monotonic_s=mono,
            body=decision,
        )

    def _decide(
        self,
        fresh: Sequence[Fact],
        known: Sequence[Fact],
        refused: dict[str, int],
        *,
        now: datetime,
        mono: float,
    ) -> tuple[Commit, Outcome]:
        """Let every pure part judge the new facts; nothing is written or sent here."""
        on = self._on
        health = (
            *on.registry.recall(known, now, mono),
            *on.registry.observe(fresh, now, mono),
            *on.registry.tick(now, mono),
        )
        on.fusion.observe(fresh, now, mono)
        views = on.fusion.changed(now, mono)
        judged = views if self._foreseen is None else tuple(map(self._foreseen, views))
        heard = on.outbox.observe(fresh, now, mono)
        outcome = on.engine.step(judged, fresh, health, now, mono, orders=heard.answered)
        planned = on.outbox.plan(outcome.actions, now, mono)
        passed = on.outbox.tick(now, mono)
        outcome = on.engine.note_refusals(outcome, planned.refused, now)
        self._serial += 1
        commit = Commit(
            serial=self._serial,
            at=now,
            facts=tuple(fresh),
            zones=self._judgements(views, outcome.levels, now=now, mono=mono),
            cases=outcome.cases,
            transitions=outcome.transitions,
            orders=_last_states((*heard.changed, *planned.changed, *passed.changed)),
            health=health,
            refused=refused,
            calls=outcome.calls,
            duty=outcome.duty,
            armed=outcome.armed,
            announcements=outcome.announcements,
        )
        return commit, outcome

    def _judgements(
        self,
        changed: Sequence[ZoneView],
        levels: Mapping[str, Level | None],
        *,
        now: datetime,
        mono: float,
    ) -> tuple[ZoneJudgement, ...]:
        """Zones whose view or level is another than at the last commit."""
        told = {view.zone for view in changed} | {
            zone for zone, level in levels.items() if self._levels.get(zone, level) is not level
        }
        self._levels = dict(levels)
        return tuple(
            ZoneJudgement(view=view, level=levels.get(view.zone))
            for view in self._on.fusion.views(now, mono)
            if view.zone in told
        )

    def _write(self, tx: Transaction, commit: Commit, *, mono: float) -> None:
        """Put everything that was decided beside the facts that it was decided on."""
        tx.add_zone_views(judgement.view for judgement in commit.zones)
        for case in commit.cases:
            tx.save_case(case, [each for each in commit.transitions if each.case == case.id])
        if commit.orders:
            for record in commit.orders:
                tx.save_order(record)
            tx.set_last_counter(self._on.outbox.last_counter)
        if self._on.engine.dirty:
            tx.save_state(ALERTS, self._on.engine.snapshot())
        # A person who counted was told that it is in force, and the hour at which nobody is inside
        # is not lived again: both must outlive the next moment.
        if self._on.fusion.set_right or mono >= self._save_zones_s:
            self._save_zones_s = mono + SAVE_ZONES_EVERY_S
            tx.save_state(ZONES, self._on.fusion.snapshot())
        if commit.duty is not None:
            tx.save_state(DUTY, msgspec.json.encode(commit.duty))
        if commit.armed is not None:
            tx.save_state(ARMED, msgspec.json.encode(commit.armed))
        if commit.announcements is not None:
            tx.save_state(ANNOUNCEMENTS, msgspec.json.encode(commit.announcements))

    def _tidy(self, tx: Transaction, *, now: datetime, mono: float) -> None:
        """Pack readings and remove what is older than the site keeps, a little at a time."""
        if mono >= self._tidy_s:
            finished = tx.tidy(now, self._keeping)
            self._tidy_s = mono + (TIDY_EVERY_S if finished else TICK_S)

    def _send(self, *, now: datetime, mono: float) -> None:
        """Hand out what is due; what the link cannot take stays due."""
        if self._plant is Plant.OUTBOX_STOPPED:
            return
        sent = [
            record.id
            for record in self._on.outbox.due(mono)
            if self._link.publish(self._on.outbox.topic_of(record), record.payload)
        ]
        self._on.outbox.mark_sent(sent, now, mono)


def _write_audit(
    tx: Transaction, commit: Commit, asked: Sequence[Asked], refused: Mapping[str, str]
) -> None:
    """Every decision with what became of it, and every step of every case, into the chain."""
    for each in asked:
        decision = each.decision
        detail: dict[str, str | int | float | bool | None] = {
            name: value
            for name in _DECISION_DETAILS
            if (value := getattr(decision, name)) is not None
        }
        if decision.message is not None:
            detail["message"] = msgspec.json.encode(decision.message).decode()
        if decision.id in refused:
            detail["refused"] = str(refused[decision.id])
        tx.add_audit(
            at=decision.at,
            actor=decision.person,
            act=decision.verb.value,
            subject=decision.subject,
            detail=detail,
        )
    for step in commit.transitions:
        tx.add_audit(
            at=step.at,
            actor=step.actor,
            act=f"case_{step.change.value}",
            subject=step.case,
            detail={"serial": step.serial, "level": step.level.value, "reason": step.reason.value},
        )


_DECISION_DETAILS = (
    "id",
    "session",
    "assignee",
    "comment",
    "hazard",
    "level",
    "minutes",
    "into",
    "plan",
    "item",
    "people",
)


def _last_states(records: Iterable[OrderRecord]) -> tuple[OrderRecord, ...]:
    """Each order once, as it stands last."""
    return tuple({record.id: record for record in records}.values())


def _waiting(noted: SimpleQueue[Noted]) -> list[Noted]:
    """What was noted at the door since the last commit, as far as one batch goes."""
    found: list[Noted] = []
    while len(found) < BATCH_MAX:
        try:
            found.append(noted.get_nowait())
        except Empty:
            break
    return found


def _answer(asked: Sequence[Asked], outcome: Outcome) -> None:
    refused = dict(outcome.decisions_refused)
    for each in asked:
        reason = refused.get(each.decision.id)
        verdict: Verdict
        if reason is None:
            verdict = Accepted(decision=each.decision.id)
        else:
            verdict = Refused(decision=each.decision.id, reason=str(reason))
        each.verdict.set_result(verdict)
