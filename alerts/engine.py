"""The alert engine: from what is seen to cases and actions. It decides; it sends nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import msgspec

from alerts import asking_again, quieting, wording
from alerts.announcements import Announced, AnnouncementDesk
from alerts.cases import CaseBook, CaseFile, Journal
from alerts.desk import DecisionDesk
from alerts.duty import DutyDesk, Signed
from alerts.exercises import ExerciseDesk
from alerts.faults import FaultDesk
from alerts.ownership import STEPS, EscalationClock, Refusal
from alerts.plans import PlanBook
from alerts.raising import Armed, RaisingDesk
from alerts.refused_actions import RefusedAction, reason_of, wholly_refused
from alerts.signals import Ignored
from alerts.watch import Moved, Watch, WatchState
from config.schema import SiteFile
from model.actions import Action
from model.announcements import Announcement
from model.calls import Call
from model.cases import Case, Change, Transition
from model.duty import ArmedEntrance, OnDuty
from model.facts import Decision, Fact, SensorAlarm, SensorReading, Stamp, Verb
from model.health import DeviceHealth
from model.level import Level, rank_of
from model.orders import OrderRecord
from model.text import Bilingual
from model.zones import ZoneView

LONGEST_STEP_S = 30.0
"""A longer pause between two steps counts as this much: an engine that slept has seen nothing."""

SNAPSHOT_EVERY_S = 2.0
"""While holds or clocks run, a snapshot is wanted at least this often."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one step decided. `levels` has every zone; `cases` only those that changed.

    `duty`, `armed` and `announcements` are the whole of what stands; none where nothing changed.
    """

    cases: tuple[Case, ...] = ()
    transitions: tuple[Transition, ...] = ()
    actions: tuple[Action, ...] = ()
    calls: tuple[Call, ...] = ()
    levels: dict[str, Level | None] = {}
    decisions_refused: tuple[tuple[str, str], ...] = ()
    signals_ignored: tuple[tuple[str, Ignored], ...] = ()
    duty: tuple[OnDuty, ...] | None = None
    armed: tuple[ArmedEntrance, ...] | None = None
    announcements: tuple[Announcement, ...] | None = None


class _State(msgspec.Struct, kw_only=True):
    """Everything that must survive a restart."""

    version: int = 1
    saved_at: Stamp | None = None
    watch: WatchState = msgspec.field(default_factory=WatchState)
    files: dict[str, CaseFile] = {}
    decisions: list[str] = []
    duty: dict[str, Signed] = {}
    armed: dict[str, Armed] = {}
    announced: dict[str, Announced] = {}


class AlertEngine:
    """Rules, cases, ownership and plans of one site, as one pure decider.

    Call `step` for every batch of facts and on every tick. After a restart the first step should
    carry the views of all zones. Time while the service was down counts as blindness for holds,
    and as time without an owner for the escalation clock, at most up to its next step.
    """

    def __init__(
        self, site: SiteFile, *, new_id: Callable[[], str], snapshot: bytes | None = None
    ) -> None:
        """Raises msgspec.DecodeError (or ValidationError) when the snapshot is not one of ours."""
        state = _State() if snapshot is None else msgspec.msgpack.decode(snapshot, type=_State)
        self._state = state
        self._watch = Watch(site, state.watch)
        self._book = CaseBook(new_id, state.files)
        self._plans = PlanBook(site)
        self._faults = FaultDesk(site)
        self._duty = DutyDesk(site, state.duty)
        self._clock = EscalationClock(site.escalation.at_s, self._duty.whom)
        self._raising = RaisingDesk(self._plans, state.armed)
        self._exercises = ExerciseDesk(self._plans, self._clock)
        self._announcements = AnnouncementDesk(site, state.announced)
        self._desk = DecisionDesk(
            site,
            handled=state.decisions,
            watch=self._watch,
            book=self._book,
            plans=self._plans,
            clock=self._clock,
            duty=self._duty,
            raising=self._raising,
            exercises=self._exercises,
            announcements=self._announcements,
        )
        self._told_duty: tuple[OnDuty, ...] | None = None
        self._told_armed: tuple[ArmedEntrance, ...] | None = None
        self._told_announcements: tuple[Announcement, ...] | None = None
        self._lanes = Counter(bollard.entrance for bollard in site.bollards)
        self._names = {one.id: one.name for one in site.terminals}
        self._names |= {one.id: one.name for one in site.bollards}
        self._levels: dict[str, Level | None] = {zone.id: None for zone in site.zones}
        self._weigh(file.case for file in self._book)
        self._last_mono: float | None = None
        self._unsaved_s = 0.0
        self._dirty = snapshot is None

    @property
    def dirty(self) -> bool:
        """Whether a crash now would lose something that the last snapshot does not hold."""
        return self._dirty

    def snapshot(self) -> bytes:
        """The whole state, to be stored together with what the steps before it decided."""
        self._watch.bring_all_up()
        self._dirty = False
        self._unsaved_s = 0.0
        return msgspec.msgpack.encode(self._state)

    def open_cases(self) -> tuple[Case, ...]:
        """Every case that is not closed."""
        return tuple(file.case for file in self._book)

    def step(
        self,
        views: Iterable[ZoneView],
        facts: Iterable[Fact],
        health: Iterable[DeviceHealth],
        now: datetime,
        mono: float,
        *,
        orders: Iterable[OrderRecord] = (),
    ) -> Outcome:
        """Decide on what came in since the last step, and on the time that passed.

        `mono` is monotonic seconds; `now` only stamps. Views need only be those that changed,
        `orders` those of which the field said how far they got.
        """
        journal = Journal(now)
        self._take_orders(journal, orders)
        self._pass_time(journal, self._elapsed(journal, mono))
        decisions, ignored = self._take_facts(journal, facts)
        for view in views:
            self._watch.take_view(view)
        self._settle_all(journal, self._watch.judge())
        for device in health:
            self._faults.take(journal, self._book, device)
        refused = self._decide(journal, decisions)
        if journal.cases:
            self._add_up(journal)
            self._exercises.review(journal, self._book)
            self._announcements.review(journal, self._book)
            quieting.review(journal, self._book, self._clock)
        self._wrap_up(journal)
        return Outcome(
            cases=tuple(journal.cases.values()),
            transitions=tuple(journal.transitions),
            actions=tuple(journal.actions),
            calls=tuple(journal.calls),
            levels=self._levels,
            decisions_refused=refused,
            signals_ignored=ignored,
            **self._people_and_arms(),
        )

    def _add_up(self, journal: Journal) -> None:
        """Weak signals of different kinds in one zone may make a warning together, by a rule."""
        for zone in sorted({case.subject for case in journal.cases.values()}):
            self._watch.take_weak(
                zone,
                {
                    file.case.hazard: file.case.level
                    for file in self._book
                    if _is_of(file.case, zone)
                },
            )
        self._settle_all(journal, self._watch.judge())

    def _decide(
        self, journal: Journal, decisions: Iterable[Decision]
    ) -> tuple[tuple[str, Refusal], ...]:
        refused = []
        for decision in decisions:
            self._dirty = True
            refusal = self._desk.decide(journal, decision)
            if refusal is not None:
                refused.append((decision.id, refusal))
        return tuple(refused)

    def note_refusals(
        self, outcome: Outcome, refused: Iterable[RefusedAction], now: datetime
    ) -> Outcome:
        """Add to an outcome what devices will not be asked to do of its actions, and why."""
        refused, journal = tuple(refused), Journal(now)
        wholly = wholly_refused(refused, self._lanes)
        if wholly:
            decisions = (*outcome.decisions_refused, *wholly)
            outcome = msgspec.structs.replace(outcome, decisions_refused=decisions)
        asking_again.settle(self._book, outcome.actions, refused)
        for refusal in refused:
            file = None if refusal.action.case is None else self._book.by_id(refusal.action.case)
            if file is None:
                continue
            journal.note(
                file,
                actor=refusal.device,
                change=Change.ACTION_REFUSED,
                reason=reason_of(refusal),
                detail=wording.refused(
                    refusal.action, self._name_of(refusal.device), refusal.reason
                ),
            )
        if not journal.transitions:
            return outcome
        self._dirty = True
        cases = {case.id: case for case in outcome.cases} | journal.cases
        return msgspec.structs.replace(
            outcome,
            cases=tuple(cases.values()),
            transitions=(*outcome.transitions, *journal.transitions),
        )

    def _name_of(self, device: str) -> Bilingual:
        name = self._names.get(device)
        return Bilingual(zh=name.zh, en=name.en) if name else Bilingual(zh=device, en=device)

    def _elapsed(self, journal: Journal, mono: float) -> float:
        if self._last_mono is None:
            self._last_mono = mono
            self._wake(journal)
        self._state.saved_at = journal.now
        seconds = min(max(0.0, mono - self._last_mono), LONGEST_STEP_S)
        self._last_mono = max(mono, self._last_mono)
        return seconds

    def _wake(self, journal: Journal) -> None:
        """The escalation clock went on meanwhile, at most to its next step; the plans may be others now."""
        saved_at = self._state.saved_at
        if saved_at is None:
            return
        down_s = max(0.0, (journal.now - saved_at).total_seconds())
        self._announcements.pass_time(down_s)
        for file in self._book:
            file.unowned_s += min(down_s, self._clock.due_s(file))
            file.lived_s += down_s
        self._plans.take_up(journal, self._book)

    def _pass_time(self, journal: Journal, seconds: float) -> None:
        """Run holds and clocks. What rose by time alone is a case even if it falls in this step."""
        ended = self._announcements.live(journal, seconds)
        if self._duty.pass_time(journal.now, seconds) | self._raising.pass_time(seconds) | ended:
            self._dirty = True
        for file in self._book:
            if self._clock.escalate(journal, file, seconds) == len(STEPS) - 1:
                self._plans.tell_public(journal, file)
            quieting.let_time_pass(journal, file, seconds, self._clock)
            self._plans.let_time_pass(journal, file, seconds)
            if self._plans.gaps.let_time_pass(journal, file, seconds):
                self._plans.make_up(journal, self._book, file)
            self._exercises.let_time_pass(journal, self._book, file, seconds)
            self._faults.advance(journal, self._book, file, seconds)
        self._settle_all(journal, self._watch.pass_time(seconds, journal.now))
        if self._watch.running or self._book.files or self._state.announced:
            self._unsaved_s += seconds

    def _take_orders(self, journal: Journal, orders: Iterable[OrderRecord]) -> None:
        for record in orders:
            file = None if record.case is None else self._book.by_id(record.case)
            if file is not None and record.action == "show":
                self._plans.gaps.take(journal, file, record)
                self._dirty = True

    def _take_facts(
        self, journal: Journal, facts: Iterable[Fact]
    ) -> tuple[list[Decision], tuple[tuple[str, Ignored], ...]]:
        decisions: list[Decision] = []
        ignored: list[tuple[str, Ignored]] = []
        for fact in facts:
            why = None
            match fact.body:
                case Decision() as decision:
                    if decision.verb is not Verb.LOOK:
                        decisions.append(decision)
                case SensorReading() as reading:
                    why = self._watch.take_reading(fact.source, reading)
                case SensorAlarm() as alarm:
                    why, moved = self._watch.take_alarm(fact.source, alarm, fact.arrived)
                    self._settle_all(journal, moved)
                    self._dirty = True
                case _:
                    continue
            if why is not None:
                ignored.append((fact.source, why))
        return decisions, tuple(ignored)

    def _settle_all(self, journal: Journal, moved: list[Moved]) -> None:
        groups: dict[str, list[Moved]] = {}
        for one in moved:
            groups.setdefault(one.rule.case_key, []).append(one)
        for group in groups.values():
            self._settle(journal, max(group, key=lambda one: rank_of(one.move.after)))
        if groups:
            self._dirty = True

    def _settle(self, journal: Journal, cause: Moved) -> None:
        """Bring the one case of a zone and hazard to the highest level of its rules."""
        rule, move = cause.rule, cause.move
        siblings = self._watch.siblings(rule.zone, rule.hazard)
        lead, leading = max(siblings, key=lambda pair: rank_of(pair[1].level))
        level, file = leading.level, self._book.get(rule.case_key)
        called = None if file is None else file.case.called
        if file is not None and rank_of(called) > rank_of(level):
            # An operator's own call stands above what is measured, until a person closes it.
            level = called
        if level is None:
            if file is None:
                return
            self._book.close(journal, file, actor=rule.id, reason=move.reason, detail=move.detail)
        elif file is None:
            file = self._book.open(
                journal,
                rule.case_key,
                subject_kind="zone",
                subject=rule.zone,
                hazard=rule.hazard,
                level=level,
                text=lead.text,
                rule=lead.id,
                actor=rule.id,
                reason=move.reason,
                detail=move.detail,
            )
            self._clock.start(journal, file)
        elif file.case.level is not level:
            up = level.rank > file.case.level.rank
            self._book.set_level(
                journal,
                file,
                level,
                text=lead.text if leading.level is level else file.case.text,
                rule=lead.id,
                actor=rule.id,
                reason=move.reason,
                detail=move.detail,
            )
            if up:
                quieting.stepped_up(journal, file, self._clock, actor=rule.id, reason=move.reason)
        else:
            if leading.level is level and file.case.rule != lead.id:
                # Another rule holds the level now, such as the night's after the day's.
                case = msgspec.structs.replace(file.case, rule=lead.id, text=lead.text)
                journal.show(file, case)
            return
        self._plans.follow(journal, self._book, file)

    def _weigh(self, changed: Iterable[Case]) -> None:
        """Bring the level in force of the zones whose cases changed up to date."""
        for zone in {case.subject for case in changed if case.subject_kind == "zone"}:
            levels = [file.case.level for file in self._book if _is_of(file.case, zone)]
            self._levels[zone] = max(levels, key=rank_of, default=None)

    def _people_and_arms(self) -> dict[str, Any]:
        """Who is on duty, what stands armed and what was typed, where it is another than last told."""
        news: dict[str, Any] = {}
        duty, armed = self._duty.standing(), self._raising.standing()
        if duty != self._told_duty:
            news["duty"] = self._told_duty = duty
        if armed != self._told_armed:
            news["armed"] = self._told_armed = armed
        announcements = self._announcements.standing()
        if announcements != self._told_announcements:
            news["announcements"] = self._told_announcements = announcements
        return news

    def _wrap_up(self, journal: Journal) -> None:
        if journal.cases:
            self._dirty = True
            self._levels = dict(self._levels)
            self._weigh(journal.cases.values())
        if self._unsaved_s >= SNAPSHOT_EVERY_S:
            self._dirty = True


def _is_of(case: Case, zone: str) -> bool:
    return case.subject_kind == "zone" and case.subject == zone and not case.exercise
