"""Exercises: the whole chain for practice, marked as such everywhere, moving nothing real.

An exercise has a case of its own beside any real one. It ends by hand, at its end, or as soon as a
real warning of orange or red stands in its zone: nobody practises where it is earnest.
"""

from __future__ import annotations

from alerts import wording
from alerts.cases import CaseBook, CaseFile, Journal
from alerts.ownership import EscalationClock, Refusal
from alerts.plans import PlanBook
from model.cases import Reason
from model.facts import Decision
from model.level import Level

DEFAULT_MIN = 30.0


class ExerciseDesk:
    """Begins and ends exercises."""

    def __init__(self, plans: PlanBook, clock: EscalationClock) -> None:
        self._plans = plans
        self._clock = clock

    def begin(
        self, journal: Journal, book: CaseBook, hazard: str, level: Level, decision: Decision
    ) -> Refusal | None:
        """Open an exercise's case in a zone; returns why not, if not."""
        zone = decision.subject
        key = f"exercise/{zone}/{hazard}"
        if book.get(key) is not None:
            return Refusal.EXERCISE_RUNS
        if earnest(book, zone):
            return Refusal.REAL_WARNING_STANDS
        minutes = decision.minutes or DEFAULT_MIN
        file = book.open(
            journal,
            key,
            subject_kind="zone",
            subject=zone,
            hazard=hazard,
            level=level,
            text=wording.exercise_text(wording.exercise_of(hazard)),
            rule=None,
            actor=decision.person,
            reason=Reason.PERSON,
            detail=wording.exercise_begins(minutes, decision),
            exercise=True,
        )
        file.runs_s = minutes * 60.0
        self._clock.start(journal, file)
        self._plans.follow(journal, book, file)
        return None

    def let_time_pass(
        self, journal: Journal, book: CaseBook, file: CaseFile, seconds: float
    ) -> None:
        """An exercise ends at its end."""
        if file.runs_s is None:
            return
        file.runs_s -= seconds
        if file.runs_s <= 1e-6:
            self.end(journal, book, file, actor="clock", reason=Reason.EXERCISE_OVER)

    def review(self, journal: Journal, book: CaseBook) -> None:
        """Where it is earnest now, no exercise goes on."""
        for file in book:
            if file.case.exercise and earnest(book, file.case.subject):
                self.end(journal, book, file, actor="clock", reason=Reason.REAL_WARNING)

    def end(
        self, journal: Journal, book: CaseBook, file: CaseFile, *, actor: str, reason: Reason
    ) -> None:
        """Close an exercise and take back what it told."""
        book.close(journal, file, actor=actor, reason=reason, detail=wording.exercise_ends(reason))
        self._plans.follow(journal, book, file)


def earnest(book: CaseBook, zone: str) -> bool:
    """Whether a real warning of orange or red stands in a zone."""
    return any(
        file.case.subject_kind == "zone"
        and file.case.subject == zone
        and not file.case.exercise
        and file.case.level.rank >= Level.ORANGE.rank
        for file in book
    )
