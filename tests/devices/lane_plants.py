"""Mistakes planted in the interlock and the outbox, each of which the lanes' state machine must catch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from devices import interlock, outbox
from devices.interlock import LaneWatch, RaiseRefusal
from devices.motions import RaiseStep, raise_step
from devices.steps import PlanRefusal
from model.actions import MoveEntrance
from model.facts import BollardState, DeviceKind
from model.orders import Motion


def _blind_to(*wrong: RaiseRefusal) -> Callable[[BollardState], RaiseRefusal | None]:
    """The interlock's look at a state without some of its reasons."""
    right = LaneWatch._refusal_of

    def look(state: BollardState) -> RaiseRefusal | None:
        refusal = right(state)
        return None if refusal in wrong else refusal

    return look


def _any_state_counts(watch: LaneWatch, state: BollardState, arrived: Any, mono: float) -> bool:
    watch.proven = watch.state is not None
    watch.state, watch.heard_mono, watch.offline = state, mono, False
    watch._under_way_s = (arrived - state.at).total_seconds()
    return True


def _one_state_proves(watch: LaneWatch, state: BollardState, arrived: Any, mono: float) -> bool:
    taken = _right_hear(watch, state, arrived, mono)
    watch.proven = watch.proven or taken
    return taken


def _blindly_again(pending: Any, lane: LaneWatch, mono: float) -> RaiseStep:
    step = raise_step(pending, lane, mono)
    return RaiseStep.REPEAT if step is RaiseStep.ASK else step


def _everything_waits(box: Any, action: MoveEntrance, lane: str, mono: float) -> object:
    running = [p for p in box._orders.of(DeviceKind.BOLLARD, lane) if p.record.action != "report"]
    if running:
        return PlanRefusal.ORDER_RUNNING
    return _right_motion_refusal(box, action, lane, mono)


def _practice_is_real(box: Any, action: MoveEntrance, lane: str, mono: float) -> object:
    return box._lanes[lane].raise_refusal(mono) if action.motion is Motion.RAISE else None


_right_hear = LaneWatch.hear
_right_motion_refusal = outbox.Outbox._motion_refusal
_Reason = RaiseRefusal

PLANTS: dict[str, tuple[object, str, object]] = {
    "an occupied or broken loop is taken for clear": (
        LaneWatch,
        "_refusal_of",
        staticmethod(_blind_to(_Reason.LOOP_NOT_CLEAR)),
    ),
    "an old sample of the loop counts": (interlock, "LOOP_FRESH_MS", 10_000),
    "a lane at fault rises": (
        LaneWatch,
        "_refusal_of",
        staticmethod(_blind_to(_Reason.LANE_FAULT)),
    ),
    "a lane in motion rises": (
        LaneWatch,
        "_refusal_of",
        staticmethod(_blind_to(_Reason.LANE_MOVING)),
    ),
    "a lane that does not know where it is rises": (
        LaneWatch,
        "_refusal_of",
        staticmethod(_blind_to(_Reason.STATE_UNKNOWN)),
    ),
    "a state from long ago counts": (interlock, "STATE_FRESH_S", 1e9),
    "a backlog counts": (interlock, "UNDER_WAY_MAX_S", 1e9),
    "one state alone is proof": (LaneWatch, "hear", _one_state_proves),
    "states long apart are in a row": (interlock, "STATE_SILENT_S", 1e9),
    "an older state replaces a newer one": (LaneWatch, "hear", _any_state_counts),
    "a goodbye goes unheard": (LaneWatch, "said_goodbye", lambda _watch: None),
    "nobody looks again when a raise leaves": (
        outbox.Outbox,
        "_may_rise",
        lambda _box, _pending, _mono: True,
    ),
    "a raise is repeated without asking": (outbox, "raise_step", _blindly_again),
    "a stop takes nothing back": (outbox.Outbox, "_overtake", lambda *_: None),
    "a lower waits for the raise": (outbox.Outbox, "_motion_refusal", _everything_waits),
    "practice overtakes what is real": (outbox.Outbox, "_motion_refusal", _practice_is_real),
    "a stop is sent once": (outbox, "repeat_after_s", lambda _order, _tries: 1e9),
    "a stop that was overtaken is not written anew": (outbox, "STALE", "no such word"),
    "orders are forgotten in a restart": (outbox.Outbox, "_resume", lambda *_: None),
}
