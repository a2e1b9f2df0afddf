"""The desk: what people in the room decide, carried out once, or refused with a named reason."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from alerts import checklists, ownership, quieting, wording
from alerts.announcements import AnnouncementDesk
from alerts.cases import CaseBook, CaseFile, Journal
from alerts.duty import DutyDesk
from alerts.entrances import lower_by_hand
from alerts.exercises import ExerciseDesk
from alerts.ownership import EscalationClock, Refusal
from alerts.plans import PlanBook
from alerts.raising import RaisingDesk
from alerts.watch import Watch
from config.schema import SiteFile
from model.cases import Reason
from model.facts import Decision, Verb
from model.level import Level, rank_of

_DECISIONS_REMEMBERED = 256

OWN_CALL = "operators-call"
"""The hazard of an operator's own call where they named none."""

_ENTRANCE_VERBS = frozenset({Verb.ARM, Verb.CONFIRM, Verb.LOWER, Verb.STOP})
_ZONE_VERBS = frozenset({Verb.CALL, Verb.EXERCISE, Verb.COUNT})
_DUTY_VERBS = frozenset({Verb.SIGN_ON, Verb.SIGN_OFF})
_ANNOUNCEMENT_VERBS = frozenset({Verb.APPROVE, Verb.WITHDRAW})

Act = Callable[[Journal, CaseFile, Decision], Refusal | None]


class DecisionDesk:
    """Every decision of a person, by its verb. `handled` are the last decisions' ids."""

    def __init__(
        self,
        site: SiteFile,
        *,
        handled: list[str],
        watch: Watch,
        book: CaseBook,
        plans: PlanBook,
        clock: EscalationClock,
        duty: DutyDesk,
        raising: RaisingDesk,
        exercises: ExerciseDesk,
        announcements: AnnouncementDesk,
    ) -> None:
        self._handled = handled
        self._watch = watch
        self._book = book
        self._plans = plans
        self._clock = clock
        self._duty = duty
        self._raising = raising
        self._exercises = exercises
        self._announcements = announcements
        self._entrances = {bollard.id: bollard.entrance for bollard in site.bollards}
        self._zones = frozenset(zone.id for zone in site.zones)
        self._counted = frozenset(counter.zone for counter in site.counters)
        self._on_case: dict[Verb, Act] = {
            Verb.CLOSE: self._close,
            Verb.APPROVE: self._approve,
            Verb.SHELVE: quieting.shelve,
            Verb.UNSHELVE: self._unshelve,
            Verb.MERGE: self._merge,
            Verb.SEPARATE: self._separate,
            Verb.CHECK: checklists.check,
            Verb.WITHDRAW: self._withdraw,
        }

    def decide(self, journal: Journal, decision: Decision) -> Refusal | None:
        """Carry out a person's decision once; returns why not, if not."""
        if decision.id in self._handled:
            return Refusal.DUPLICATE
        self._handled.append(decision.id)
        del self._handled[:-_DECISIONS_REMEMBERED]
        if decision.verb is Verb.BROADCAST or (
            decision.verb in _ANNOUNCEMENT_VERBS and self._announcements.knows(decision.subject)
        ):
            return self._announcements.decide(journal, self._book, decision)
        if decision.verb in _DUTY_VERBS:
            return self._duty.decide(decision, journal.now)
        if decision.verb in _ENTRANCE_VERBS:
            return self._entrance(journal, decision)
        if decision.verb in _ZONE_VERBS:
            return self._zone(journal, decision)
        return self._case(journal, decision)

    def _case(self, journal: Journal, decision: Decision) -> Refusal | None:
        file = self._book.by_id(decision.subject)
        if file is None:
            return Refusal.CASE_NOT_OPEN
        act = self._on_case.get(decision.verb)
        if act is not None:
            return act(journal, file, decision)
        return ownership.decide(journal, file, decision, self._clock)

    def _entrance(self, journal: Journal, decision: Decision) -> Refusal | None:
        """Arm, confirm, lower or stop an entrance, or the entrance of a lane."""
        entrance = self._entrances.get(decision.subject, decision.subject)
        if entrance not in self._entrances.values():
            return Refusal.UNKNOWN_ENTRANCE
        if decision.verb is Verb.ARM:
            self._raising.arm(journal, self._book, entrance, decision)
            return None
        if decision.verb is Verb.CONFIRM:
            return self._raising.confirm(journal, self._book, entrance, decision)
        self._raising.disarm(entrance)
        lower_by_hand(journal, self._book, entrance, decision)
        return None

    def _zone(self, journal: Journal, decision: Decision) -> Refusal | None:
        """An operator's own call about a zone, an exercise there, or a count of those inside."""
        if decision.subject not in self._zones:
            return Refusal.UNKNOWN_ZONE
        if decision.verb is Verb.COUNT:
            return self._count(decision)
        if decision.level is None:
            return Refusal.LEVEL_MISSING
        if not decision.comment:
            return Refusal.REASON_MISSING
        hazard = decision.hazard or OWN_CALL
        if decision.verb is Verb.EXERCISE:
            return self._exercises.begin(journal, self._book, hazard, decision.level, decision)
        self._call(journal, hazard, decision.level, decision)
        return None

    def _count(self, decision: Decision) -> Refusal | None:
        """The zone's own account takes the count up; here it is only judged whether it may."""
        if decision.subject not in self._counted:
            return Refusal.NO_GATES
        return Refusal.PEOPLE_MISSING if decision.people is None else None

    def _call(self, journal: Journal, hazard: str, level: Level, decision: Decision) -> None:
        """Somebody saw what no rule sees: a case at their word, until they close it."""
        key = f"{decision.subject}/{hazard}"
        text, detail = wording.own_call(hazard, decision), wording.called_by(decision)
        file = self._book.get(key)
        if file is None:
            file = self._book.open(
                journal,
                key,
                subject_kind="zone",
                subject=decision.subject,
                hazard=hazard,
                level=level,
                text=text,
                rule=None,
                actor=decision.person,
                reason=Reason.PERSON,
                detail=detail,
                called=level,
            )
            self._clock.start(journal, file)
        else:
            self._call_again(journal, file, level, decision)
        self._plans.follow(journal, self._book, file)

    def _call_again(
        self, journal: Journal, file: CaseFile, level: Level, decision: Decision
    ) -> None:
        """A call about what is a case already lifts it, and never lowers what is measured."""
        text, detail = wording.own_call(file.case.hazard, decision), wording.called_by(decision)
        file.case = msgspec.structs.replace(file.case, called=level)
        measured = self._watch.level_of(file.case.subject, file.case.hazard)
        goal = max(level, measured or level, key=rank_of)
        self._book.set_level(
            journal,
            file,
            goal,
            text=text if goal is not measured else file.case.text,
            rule=file.case.rule,
            actor=decision.person,
            reason=Reason.PERSON,
            detail=detail,
        )
        quieting.stepped_up(journal, file, self._clock, actor=decision.person, reason=Reason.PERSON)

    def _close(self, journal: Journal, file: CaseFile, decision: Decision) -> Refusal | None:
        """Close by a person's word, never against what is seen, and never red in the dark."""
        case = file.case
        if case.exercise:
            self._exercises.end(
                journal, self._book, file, actor=decision.person, reason=Reason.PERSON
            )
            return None
        zone = case.subject if case.subject_kind == "zone" else ""
        if not zone and file.well_s is None:
            return Refusal.FAULT_PERSISTS
        for rule, tracker in self._watch.siblings(zone, case.hazard):
            lowest = rule.thresholds[0].raise_at
            if tracker.sample.reaches(lowest):
                return Refusal.SIGNAL_ABOVE
            if tracker.level is Level.RED and not tracker.sample.wholly_below(lowest):
                return Refusal.SIGNAL_UNSEEN
        if not decision.comment:
            return Refusal.REASON_MISSING
        self._watch.restart(zone, case.hazard)
        self._book.close(
            journal,
            file,
            actor=decision.person,
            reason=Reason.PERSON,
            detail=wording.closed_by_hand(decision),
        )
        self._plans.follow(journal, self._book, file)
        return None

    def _approve(self, journal: Journal, file: CaseFile, decision: Decision) -> Refusal | None:
        refusal = self._plans.approve(journal, file, decision)
        if refusal is None:
            self._plans.follow(journal, self._book, file)
        return refusal

    def _withdraw(self, journal: Journal, file: CaseFile, decision: Decision) -> Refusal | None:
        return self._plans.withdraw_by_hand(journal, file, decision)

    def _unshelve(self, journal: Journal, file: CaseFile, decision: Decision) -> Refusal | None:
        return quieting.unshelve(journal, file, decision, self._clock)

    def _merge(self, journal: Journal, file: CaseFile, decision: Decision) -> Refusal | None:
        return quieting.merge(journal, self._book, file, decision)

    def _separate(self, journal: Journal, file: CaseFile, decision: Decision) -> Refusal | None:
        return quieting.separate(journal, file, decision, self._clock)
