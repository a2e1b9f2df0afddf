"""The monitoring room of a run: people who watch the warnings, take some on, and lower a lane."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial

from console.ports import Verdict
from model.cases import Case, CaseState
from model.commit import Commit
from model.facts import Decision, Verb
from simulators.torture.agenda import Agenda
from simulators.torture.evidence import Evidence, Told
from store.embedded import Store

AGAIN_S = 5.0
OPEN_MOST = 500


@dataclass
class Room:
    """What people in the room see, and what they do about it; it sees nothing but commits."""

    agenda: Agenda
    evidence: Evidence
    rng: random.Random
    answers: float
    submit: Callable[[Decision], Future[Verdict] | None]
    seen: dict[str, Case] = field(default_factory=dict)
    _decisions: int = 0

    def look_anew(self, store: Store) -> None:
        """The console was connected again: read the present state."""
        open_now = {case.id: case for case in store.cases(open_only=True, limit=OPEN_MOST)}
        for case in [*open_now.values()]:
            self._see(case)
        for name in self.seen.keys() - open_now.keys():
            closed = store.case(name)
            if closed is not None:
                self._see(closed)

    def watch(self, _store: Store, commits: list[Commit]) -> None:
        """What the live feed brought."""
        for commit in commits:
            for case in commit.cases:
                self._see(case)

    def _see(self, case: Case) -> None:
        before = self.seen.get(case.id)
        if before == case or case.subject_kind != "zone":
            return
        self.seen[case.id] = case
        self.evidence.told.append(
            Told(
                self.agenda.t,
                case.id,
                case.subject,
                case.hazard,
                case.level.value,
                case.state.value,
                case.escalation,
            )
        )
        if case.state is CaseState.CLOSED:
            del self.seen[case.id]
        elif before is None and self.rng.random() < self.answers:
            self.agenda.after(self.rng.uniform(3.0, 110.0), self._take_on, case.id)

    def _take_on(self, case: str) -> None:
        known = self.seen.get(case)
        if known is None or known.state is not CaseState.OPEN:
            return
        self._decide(Verb.ACKNOWLEDGE, case, partial(self._take_on, case))
        if self.rng.random() < 0.2:
            self.agenda.after(self.rng.uniform(10.0, 120.0), self._give_back, case)

    def _give_back(self, case: str) -> None:
        known = self.seen.get(case)
        if known is not None and known.state is CaseState.ACKNOWLEDGED:
            self._decide(Verb.UNACKNOWLEDGE, case, partial(self._give_back, case))

    def lower(self, entrance: str) -> None:
        """An ambulance must pass: lower an entrance by hand."""
        self._decide(Verb.LOWER, entrance, partial(self.lower, entrance))

    def _decide(self, verb: Verb, subject: str, again: Callable[[], None]) -> None:
        self._decisions += 1
        decision = Decision(
            at=self.agenda.clock.now(),
            id=f"decision-{self._decisions}",
            person="operator",
            session="desk-1",
            verb=verb,
            subject=subject,
        )
        verdict = self.submit(decision)
        if verdict is None:
            self.agenda.after(AGAIN_S, again)
            return
        self.agenda.after(AGAIN_S, self._check, verdict, again)

    def _check(self, verdict: Future[Verdict], again: Callable[[], None]) -> None:
        """The service ended before it answered: the page shows an error, the person tries again."""
        if not verdict.done():
            again()
