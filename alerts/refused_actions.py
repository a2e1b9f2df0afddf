"""Refused actions: what devices will not be asked to do of what was decided, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from model.actions import Action, MoveEntrance
from model.cases import Reason

_REFUSALS = {
    "loop_not_clear": Reason.LOOP_NOT_CLEAR,
    "loop_state_stale": Reason.LOOP_STALE,
    "state_unknown": Reason.STATE_UNKNOWN,
    "state_unproven": Reason.STATE_UNKNOWN,
    "state_stale": Reason.STATE_UNKNOWN,
    "state_late": Reason.STATE_UNKNOWN,
}


class RefusedAction(Protocol):
    """One device that will not be asked to do its part of an action, and why."""

    @property
    def action(self) -> Action: ...

    @property
    def device(self) -> str: ...

    @property
    def reason(self) -> str: ...


def reason_of(refusal: RefusedAction) -> Reason:
    """The reason as it stands in a case's history."""
    return _REFUSALS.get(refusal.reason, Reason.DEVICE_FAULT)


def wholly_refused(
    refused: Iterable[RefusedAction], lanes: Mapping[str, int]
) -> tuple[tuple[str, str], ...]:
    """Decisions of which no lane of the entrance will do anything, each with the first reason.

    Whoever asked learns it at once; where some lanes move, the decision holds.
    """
    reasons: dict[str, list[str]] = {}
    asked: dict[str, int] = {}
    for refusal in refused:
        action = refusal.action
        if isinstance(action, MoveEntrance) and action.decision is not None:
            reasons.setdefault(action.decision, []).append(str(refusal.reason))
            asked[action.decision] = lanes.get(action.entrance, 1)
    return tuple((name, why[0]) for name, why in reasons.items() if len(why) >= asked[name])
