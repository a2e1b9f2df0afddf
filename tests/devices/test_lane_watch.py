"""What a lane last said of itself, and when that may be believed: every bound from both sides."""

from __future__ import annotations

from datetime import timedelta

import pytest

from devices.interlock import LaneWatch, RaiseRefusal
from model.facts import BollardPosition, BollardState, LoopState
from tests.devices.rig import START


def said(seq: int, at_s: float, loop: LoopState = LoopState.CLEAR) -> BollardState:
    return BollardState(
        at=START + timedelta(seconds=at_s),
        seq=seq,
        position=BollardPosition.DOWN,
        loop=loop,
        loop_age_ms=10,
    )


def hear(watch: LaneWatch, second: float, state: BollardState) -> bool:
    return watch.hear(state, START + timedelta(seconds=second), second)


def after(*heard: tuple[float, BollardState]) -> LaneWatch:
    watch = LaneWatch()
    for second, state in heard:
        hear(watch, second, state)
    return watch


def test_a_lane_never_heard_is_silent_and_proven_by_nothing() -> None:
    watch = LaneWatch()
    assert (watch.silent(0.0), watch.proven, watch.offline) == (True, False, False)
    assert watch.raise_refusal(0.0) is RaiseRefusal.STATE_UNKNOWN


@pytest.mark.parametrize(
    ("apart_s", "refusal"), [(3.0, None), (3.001, RaiseRefusal.STATE_UNPROVEN)]
)
def test_two_states_prove_a_lane_up_to_three_seconds_apart(
    apart_s: float, refusal: RaiseRefusal | None
) -> None:
    watch = after((1.0, said(1, 1.0)), (1.0 + apart_s, said(2, 1.0 + apart_s)))
    assert watch.raise_refusal(1.0 + apart_s) is refusal
    assert watch.proven is (refusal is None)


@pytest.mark.parametrize(("passed_s", "silent"), [(3.0, False), (3.001, True)])
def test_a_lane_is_silent_after_three_seconds(passed_s: float, silent: bool) -> None:
    assert after((1.0, said(1, 1.0))).silent(1.0 + passed_s) is silent


@pytest.mark.parametrize(("passed_s", "refusal"), [(2.0, None), (2.001, RaiseRefusal.STATE_STALE)])
def test_a_state_is_fresh_for_two_seconds(passed_s: float, refusal: RaiseRefusal | None) -> None:
    watch = after((1.0, said(1, 1.0)), (2.0, said(2, 2.0)))
    assert watch.raise_refusal(2.0 + passed_s) is refusal


@pytest.mark.parametrize(
    ("under_way_s", "refusal"), [(2.0, None), (2.001, RaiseRefusal.STATE_LATE)]
)
def test_a_state_may_be_two_seconds_under_way(
    under_way_s: float, refusal: RaiseRefusal | None
) -> None:
    watch = after((3.0, said(1, 1.0)), (4.0, said(2, 4.0 - under_way_s)))
    assert watch.raise_refusal(4.0) is refusal


def test_states_of_one_moment_are_told_apart_by_their_number() -> None:
    assert after((1.0, said(1, 1.0)), (1.1, said(2, 1.0))).raise_refusal(1.1) is None


@pytest.mark.parametrize("seq", [4, 5])
def test_what_is_neither_newer_by_number_nor_by_stamp_is_not_taken(seq: int) -> None:
    watch = after((0.5, said(4, 0.5)), (1.0, said(5, 1.0, LoopState.OCCUPIED)))
    assert hear(watch, 1.1, said(seq, 1.0)) is False
    assert watch.raise_refusal(1.1) is RaiseRefusal.LOOP_NOT_CLEAR


def test_the_same_number_under_a_later_stamp_is_a_controller_that_began_again() -> None:
    watch = after((0.5, said(1, 0.5)))
    assert hear(watch, 1.0, said(1, 1.0)) is True
    assert watch.raise_refusal(1.0) is RaiseRefusal.STATE_UNPROVEN


def test_after_a_silence_a_controller_whose_clock_was_set_back_is_heard_again() -> None:
    watch = after((0.5, said(9, 0.5)), (1.0, said(10, 1.0)))
    assert hear(watch, 5.0, said(1, -90.0)) is True
    assert watch.raise_refusal(5.0) is RaiseRefusal.STATE_LATE


def test_the_very_same_state_after_a_silence_is_not_taken() -> None:
    watch = after((0.5, said(1, 0.5)), (1.0, said(2, 1.0)))
    assert hear(watch, 9.0, said(2, 1.0)) is False
    assert watch.silent(9.0)


def test_a_goodbye_takes_the_proof_away() -> None:
    watch = after((0.5, said(1, 0.5)), (1.0, said(2, 1.0)))
    watch.said_goodbye()
    assert (watch.proven, watch.raise_refusal(1.0)) == (False, RaiseRefusal.LANE_OFFLINE)
    hear(watch, 1.5, said(3, 1.5))
    assert (watch.offline, watch.raise_refusal(1.5)) == (False, RaiseRefusal.STATE_UNPROVEN)
    hear(watch, 2.0, said(4, 2.0))
    assert watch.raise_refusal(2.0) is None


def test_a_stamp_before_one_heard_just_now_takes_the_proof_away() -> None:
    watch = after((0.5, said(1, 0.5)), (1.0, said(2, 1.0)))
    assert hear(watch, 1.1, said(3, 0.9)) is True
    assert watch.proven is False
    assert watch.raise_refusal(1.1) is RaiseRefusal.STATE_UNPROVEN
