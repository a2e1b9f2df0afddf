"""Raising by hand: an entrance rises after two acts, arming and confirming, within half a minute.

The one who confirms is another person at another session than the one who armed, unless people
agreed to a plan for this entrance already, or a plan that needs nobody names it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from alerts import wording
from alerts.cases import CaseBook, Journal
from alerts.entrances import raise_ready
from alerts.ownership import Refusal
from alerts.plans import PlanBook
from model.actions import MoveEntrance
from model.cases import Change, Reason
from model.duty import ArmedEntrance
from model.facts import Decision
from model.orders import Motion

ARMED_FOR_S = 30.0
"""An entrance stays armed so long; then the first act is as if it had never been."""


class Armed(msgspec.Struct, kw_only=True):
    """Who armed an entrance, from which session, and how long ago."""

    person: str
    session: str
    since: datetime
    alone: bool
    case: str | None
    age_s: float = 0.0


class RaisingDesk:
    """Entrances that stand armed. `state` is what a snapshot keeps of them."""

    def __init__(self, plans: PlanBook, state: dict[str, Armed]) -> None:
        self._plans = plans
        self._state = state

    def standing(self) -> tuple[ArmedEntrance, ...]:
        """Every entrance that stands armed."""
        return tuple(
            ArmedEntrance(
                entrance=entrance,
                person=armed.person,
                until=armed.since + timedelta(seconds=ARMED_FOR_S),
                alone=armed.alone,
                case=armed.case,
            )
            for entrance, armed in self._state.items()
        )

    def pass_time(self, seconds: float) -> bool:
        """Let time pass; returns whether an arming ended by it."""
        late = []
        for entrance, armed in self._state.items():
            armed.age_s += seconds
            if armed.age_s > ARMED_FOR_S + 1e-6:
                late.append(entrance)
        for entrance in late:
            del self._state[entrance]
        return bool(late)

    def arm(self, journal: Journal, book: CaseBook, entrance: str, decision: Decision) -> None:
        """The first act. Arming again begins the half minute anew, by whoever did it last."""
        ready = [file for file in book if entrance in file.ready]
        for file in ready:
            journal.note(
                file,
                actor=decision.person,
                change=Change.ARMED,
                reason=Reason.PERSON,
                detail=wording.armed(entrance, ARMED_FOR_S),
            )
        case = ready[0].case.id if ready else None
        self._state[entrance] = Armed(
            person=decision.person,
            session=decision.session,
            since=journal.now,
            alone=case is not None or self._plans.approved_beforehand(entrance),
            case=case,
        )

    def confirm(
        self, journal: Journal, book: CaseBook, entrance: str, decision: Decision
    ) -> Refusal | None:
        """The second act: raise the entrance; returns why not, if not."""
        armed = self._state.get(entrance)
        if armed is None:
            return Refusal.NOT_ARMED
        ready = any(entrance in file.ready for file in book)
        if not ready and not self._plans.approved_beforehand(entrance):
            if armed.person == decision.person:
                return Refusal.SAME_PERSON
            if armed.session == decision.session:
                return Refusal.SAME_SESSION
        del self._state[entrance]
        if not raise_ready(journal, book, entrance, decision):
            journal.actions.append(
                MoveEntrance(
                    entrance=entrance,
                    motion=Motion.RAISE,
                    actor=decision.person,
                    decision=decision.id,
                )
            )
        return None

    def disarm(self, entrance: str) -> None:
        """Lowering or stopping takes the first act back."""
        self._state.pop(entrance, None)
