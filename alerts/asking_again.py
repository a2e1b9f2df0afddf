"""A raise that a lane could not take just then: asked for again while its plan still wants it.

A car on the loop or a state that came late passes; dropping the raise for it would leave the road
open for the whole evening. Only what a plan asks for by itself is asked for again: who arms and
confirms by hand is told at once and decides anew. Each time the interlock looks afresh.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from alerts import wording
from alerts.cases import CaseBook, CaseFile, Journal
from alerts.entrances import move
from model.actions import Action, MoveEntrance
from model.cases import Change, Reason
from model.orders import Motion

AGAIN_AFTER_S = (5.0, 10.0, 20.0, 40.0, 80.0)
"""Seconds between one refusal and the next asking; after the last one people have to look."""

PASSING = frozenset(
    {
        *("loop_not_clear", "loop_state_stale", "lane_moving", "order_running"),
        *("state_stale", "state_unproven", "state_late"),
    }
)
"""Reasons that go away by themselves. A fault, or a lane that is gone, wants people."""


class Refused(Protocol):
    """An action that one device will not be asked to do, and why."""

    @property
    def action(self) -> Action: ...
    @property
    def reason(self) -> str: ...


def settle(book: CaseBook, actions: Iterable[Action], refused: Iterable[Refused]) -> None:
    """Note which of the raises that plans asked for have to wait, and which were taken."""
    waiting = {
        (refusal.action.case, refusal.action.entrance)
        for refusal in refused
        if isinstance(refusal.action, MoveEntrance) and str(refusal.reason) in PASSING
    }
    for action in actions:
        if not isinstance(action, MoveEntrance) or action.case is None:
            continue
        file = book.by_id(action.case)
        if file is None or action.motion is not Motion.RAISE or action.decision is not None:
            continue
        asked, _ = file.held.pop(action.entrance, (0, 0.0))
        if (action.case, action.entrance) in waiting and asked < len(AGAIN_AFTER_S):
            file.held[action.entrance] = asked, AGAIN_AFTER_S[asked]


def let_time_pass(journal: Journal, file: CaseFile, seconds: float) -> None:
    """Ask again for what has waited long enough and is still wanted."""
    for entrance, (asked, left_s) in list(file.held.items()):
        plan_id = file.raised.get(entrance)
        if plan_id is None:
            del file.held[entrance]
            continue
        if left_s > seconds:
            file.held[entrance] = asked, left_s - seconds
            continue
        file.held[entrance] = asked + 1, AGAIN_AFTER_S[-1]
        journal.actions.append(move(file.case, entrance, Motion.RAISE, plan_id))
        journal.note(
            file,
            actor=plan_id,
            change=Change.PLAN_REPEATED,
            reason=Reason.PLAN,
            detail=wording.asks_again(plan_id, entrance, asked + 1, len(AGAIN_AFTER_S)),
        )
