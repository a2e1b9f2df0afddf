"""Watching a raise that brought no receipt: ask for the state, and let the state decide."""

from __future__ import annotations

from enum import StrEnum

from devices.interlock import LaneWatch
from devices.pending import Pending
from model.facts import BollardPosition


class RaiseStep(StrEnum):
    """What to do next about an open raise."""

    LEAVE = "leave"
    ASK = "ask"
    WAIT = "wait"
    REPEAT = "repeat"
    SETTLE = "settle"


def raise_step(pending: Pending, lane: LaneWatch, mono: float) -> RaiseStep:
    """The next step for a raise that was sent; never a blind second sending.

    After the time-out the lane is asked for its state. A state heard since then decides: up means
    done, moving means wait on, down and proven clear lets the same signed bytes leave again, which
    the controller obeys at most once. Anything else keeps waiting until the order expires.
    """
    if not pending.unreceipted or pending.ask_at is None or mono < pending.ask_at:
        return RaiseStep.LEAVE
    if pending.asked is None:
        return RaiseStep.ASK
    if lane.state is None or lane.heard_mono <= pending.asked:
        return RaiseStep.LEAVE
    return _by_state(lane.state.position, pending, lane, mono)


def _by_state(
    position: BollardPosition, pending: Pending, lane: LaneWatch, mono: float
) -> RaiseStep:
    if position is BollardPosition.UP:
        return RaiseStep.SETTLE
    if position is BollardPosition.MOVING:
        return RaiseStep.WAIT
    pending.hold_reason = lane.raise_refusal(mono)
    if pending.hold_reason is None and mono < pending.deadline:
        return RaiseStep.REPEAT
    return RaiseStep.LEAVE
