"""The bollard interlock: whether a lane is proven safe to rise, and if not, why.

Contract: a raise is refused when the last state arrived over 2 s ago (monotonic), the loop is not
clear, or the loop's own sample is older than 500 ms. Four things are added on the safe side: one
state alone proves nothing (it may be the broker's retained copy of a dead lane), a state that was
long under way proves nothing (a backlog after a broken link arrives all at once; what was said
before a restart may come after what was said since), a lane with a fault or in motion is left alone,
and so is one that said goodbye. The controller checks its own loop again while it moves and has the
last word.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from model.facts import BollardPosition, BollardState, LoopState

STATE_FRESH_S = 2.0
LOOP_FRESH_MS = 500
STATE_SILENT_S = 3.0
"""A lane reports at least every second; after three missed ones it is not heard any more."""

UNDER_WAY_MAX_S = 2.0


class RaiseRefusal(StrEnum):
    """Why a lane may not rise now."""

    STATE_UNKNOWN = "state_unknown"
    STATE_UNPROVEN = "state_unproven"
    STATE_STALE = "state_stale"
    STATE_LATE = "state_late"
    LOOP_NOT_CLEAR = "loop_not_clear"
    LOOP_STALE = "loop_state_stale"
    LANE_MOVING = "lane_moving"
    LANE_FAULT = "lane_fault"
    LANE_OFFLINE = "lane_offline"


class LaneWatch:
    """What one lane last said of itself, and whether that can be believed.

    `heard_mono` is the arrival of the last believed state in monotonic seconds. A lane is proven
    by two different states in a row, the second within `STATE_SILENT_S` of the first and not stamped
    before what was heard already.
    """

    def __init__(self) -> None:
        self.state: BollardState | None = None
        self.heard_mono = float("-inf")
        self.proven = False
        self.offline = False
        self._under_way_s = 0.0
        self._newest: tuple[datetime, float] | None = None

    def hear(self, state: BollardState, arrived: datetime, mono: float) -> bool:
        """Take in a state; False where it is a repeat or older than what is known already."""
        last = self.state
        in_a_row = mono - self.heard_mono <= STATE_SILENT_S
        if last is not None and in_a_row and state.seq <= last.seq:
            if state.at <= last.at:
                return False
            in_a_row = False  # the controller began again: its first state proves nothing
        if state == last:
            return False  # the retained copy of a lane long silent
        self.proven = self._is_newest(state, mono) and in_a_row and not self.offline
        self.offline = False
        self.state = state
        self.heard_mono = mono
        self._under_way_s = (arrived - state.at).total_seconds()
        return True

    def _is_newest(self, state: BollardState, mono: float) -> bool:
        """Whether no later stamp was heard just before; a device's clock may be set back for good."""
        if self._newest is not None:
            at, heard_mono = self._newest
            if state.at < at and mono - heard_mono <= UNDER_WAY_MAX_S:
                return False
        self._newest = (state.at, mono)
        return True

    def said_goodbye(self) -> None:
        """The lane's last will came: nothing it said before counts any more."""
        self.offline = True
        self.proven = False

    def silent(self, mono: float) -> bool:
        """Whether nothing was heard for longer than a lane may keep quiet."""
        return mono - self.heard_mono > STATE_SILENT_S

    def raise_refusal(self, mono: float) -> RaiseRefusal | None:
        """Why the lane may not rise at this moment; None where it may."""
        state = self.state
        if self.offline:
            return RaiseRefusal.LANE_OFFLINE
        if state is None:
            return RaiseRefusal.STATE_UNKNOWN
        if mono - self.heard_mono > STATE_FRESH_S:
            return RaiseRefusal.STATE_STALE
        if self._under_way_s > UNDER_WAY_MAX_S:
            return RaiseRefusal.STATE_LATE
        if not self.proven:
            return RaiseRefusal.STATE_UNPROVEN
        return self._refusal_of(state)

    @staticmethod
    def _refusal_of(state: BollardState) -> RaiseRefusal | None:
        if state.loop is not LoopState.CLEAR:
            return RaiseRefusal.LOOP_NOT_CLEAR
        if state.loop_age_ms > LOOP_FRESH_MS:
            return RaiseRefusal.LOOP_STALE
        if state.position is BollardPosition.MOVING:
            return RaiseRefusal.LANE_MOVING
        if state.position is BollardPosition.UNKNOWN:
            return RaiseRefusal.STATE_UNKNOWN
        if state.fault is not None:
            return RaiseRefusal.LANE_FAULT
        return None
