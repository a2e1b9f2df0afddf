"""What becomes of a raise without a receipt, at every bound and from both sides of it."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from devices.interlock import LaneWatch, RaiseRefusal
from devices.motions import RaiseStep, raise_step
from devices.pending import Pending
from model.facts import BollardPosition, BollardState, LoopState
from model.orders import Motion, OrderState
from tests.devices.rig import START, Rig, move

ASK_AT_S, ASKED_S, DEADLINE_S = 10.0, 11.0, 20.0


def raised(*, asked: float | None = ASKED_S, ask_at: float | None = ASK_AT_S) -> Pending:
    """A raise that was sent and brought no receipt."""
    rig = Rig()
    rig.prove_lanes("lane-1")
    rig.plan(move(Motion.RAISE))
    rig.send()
    return Pending(
        record=rig.of("lane-1")[0],
        deadline=DEADLINE_S,
        next_send=None,
        ask_at=ask_at,
        asked=asked,
    )


def lane(
    *heard_s: float,
    position: BollardPosition = BollardPosition.DOWN,
    loop: LoopState = LoopState.CLEAR,
) -> LaneWatch:
    """A lane that said the same at each of these seconds."""
    watch = LaneWatch()
    for number, second in enumerate(heard_s, start=1):
        at = START + timedelta(seconds=second)
        state = BollardState(at=at, seq=number, position=position, loop=loop, loop_age_ms=0)
        watch.hear(state, at, second)
    return watch


@pytest.mark.parametrize(
    ("pending", "mono", "step"),
    [
        (raised(asked=None, ask_at=None), 99.0, RaiseStep.LEAVE),
        (raised(asked=None), ASK_AT_S - 0.1, RaiseStep.LEAVE),
        (raised(asked=None), ASK_AT_S, RaiseStep.ASK),
        (raised(), ASKED_S + 1.0, RaiseStep.LEAVE),
    ],
)
def test_a_lane_is_asked_once_when_it_is_time(
    pending: Pending, mono: float, step: RaiseStep
) -> None:
    assert raise_step(pending, lane(9.0, 9.5), mono) is step


@pytest.mark.parametrize("asked", [None, ASKED_S])
def test_after_a_receipt_nothing_is_asked_or_sent(asked: float | None) -> None:
    pending = raised(asked=asked)
    pending.record = msgspec.structs.replace(pending.record, state=OrderState.RECEIVED)
    assert raise_step(pending, lane(11.5, 12.0), 12.0) is RaiseStep.LEAVE


def test_only_what_was_said_after_the_question_answers_it() -> None:
    assert raise_step(raised(), lane(), 12.0) is RaiseStep.LEAVE
    assert raise_step(raised(), lane(10.5, ASKED_S), 12.0) is RaiseStep.LEAVE
    assert raise_step(raised(), lane(10.5, ASKED_S + 0.01), 12.0) is RaiseStep.REPEAT


@pytest.mark.parametrize(
    ("position", "step"),
    [
        (BollardPosition.UP, RaiseStep.SETTLE),
        (BollardPosition.MOVING, RaiseStep.WAIT),
        (BollardPosition.DOWN, RaiseStep.REPEAT),
        (BollardPosition.UNKNOWN, RaiseStep.LEAVE),
    ],
)
def test_where_the_lane_stands_decides(position: BollardPosition, step: RaiseStep) -> None:
    assert raise_step(raised(), lane(11.5, 12.0, position=position), 12.0) is step


def test_a_lane_that_may_not_rise_is_left_and_says_why() -> None:
    pending = raised()
    watch = lane(11.5, 12.0, loop=LoopState.OCCUPIED)
    assert raise_step(pending, watch, 12.0) is RaiseStep.LEAVE
    assert pending.hold_reason == RaiseRefusal.LOOP_NOT_CLEAR
    assert raise_step(pending, lane(12.5, 13.0), 13.0) is RaiseStep.REPEAT
    assert pending.hold_reason is None


def test_nothing_is_repeated_when_its_time_is_over() -> None:
    watch = lane(19.0, 19.5)
    assert raise_step(raised(), watch, DEADLINE_S - 0.01) is RaiseStep.REPEAT
    assert raise_step(raised(), watch, DEADLINE_S) is RaiseStep.LEAVE
    assert raise_step(raised(), watch, DEADLINE_S + 0.01) is RaiseStep.LEAVE
