"""Bollard lanes: what is proven of them, and until when the proof holds."""

from __future__ import annotations

from datetime import datetime

from console.views import UNHEARD, Guard, Health, LaneCard
from model.facts import BollardPosition, BollardState, LoopState
from model.health import WELL_STATES

PROOF_S = 3.0
"""A lane reports at least every second; after this long without a word nothing is proven."""

_AT_REST = {
    BollardPosition.UP: Guard.PROTECTING,
    BollardPosition.DOWN: Guard.OPEN,
    BollardPosition.MOVING: Guard.MOVING,
}


def judge(
    state: BollardState | None, health: Health, silent_s: float | None
) -> tuple[Guard, str | None]:
    """What the lane does and, where it is not proven healthy, the named reason.

    `silent_s` is how long ago its last state arrived on the monotonic clock.
    """
    doubt = _doubt(state, health, silent_s)
    if doubt is not None or state is None:
        return Guard.NOT_PROTECTING, doubt
    return _AT_REST[state.position], None


def _doubt(state: BollardState | None, health: Health, silent_s: float | None) -> str | None:
    doubts = (
        (state is None or silent_s is None, "waiting"),
        (silent_s is not None and silent_s > PROOF_S, "silent"),
        (state is not None and bool(state.fault), "fault"),
        (state is not None and state.loop is LoopState.FAULT, "loop_fault"),
        (health.state not in WELL_STATES, health.state.value),
        (state is not None and state.position not in _AT_REST, "position_unknown"),
    )
    return next((reason for holds, reason in doubts if holds), None)


class Lane:
    """One lane as the room follows it."""

    def __init__(self) -> None:
        self.health = UNHEARD
        self._state: BollardState | None = None
        self._arrived_s: float | None = None

    def heard(self, state: BollardState, arrived_monotonic_s: float) -> None:
        """Take the lane's newest state; one that is older than the last is left aside."""
        if self._state is not None and state.at < self._state.at:
            return
        self._state = state
        self._arrived_s = arrived_monotonic_s

    def card(self, mono: float) -> LaneCard:
        """The lane as shown at this monotonic time."""
        silent_s = None if self._arrived_s is None else mono - self._arrived_s
        guard, why = judge(self._state, self.health, silent_s)
        state = self._state
        at: datetime | None = None if state is None else state.at
        return LaneCard(
            health=self.health,
            guard=guard,
            why=why,
            position=None if state is None else state.position,
            loop=None if state is None else state.loop,
            loop_age_ms=None if state is None else state.loop_age_ms,
            fault=None if state is None else state.fault,
            at=at,
        )
