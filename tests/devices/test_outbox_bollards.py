"""Orders to bollard lanes: raised only where proven safe, lowered and stopped always."""

from __future__ import annotations

from datetime import timedelta

import pytest

from devices.interlock import LaneWatch, RaiseRefusal
from devices.steps import EndReason, PlanRefusal
from model.facts import BollardPosition, BollardResult, BollardState, DeviceKind, LoopState
from model.orders import Motion, OrderState
from tests.devices.rig import START, Rig, move


def lanes_after(rig: Rig, motion: Motion) -> dict[str, object]:
    """What became of each lane: the refusal's reason, or the order's action."""
    refused = {refusal.device: refusal.reason for refusal in rig.plan(move(motion))}
    return refused | {record.device: record.action for record in rig.send()}


def test_an_entrance_rises_on_every_lane_that_is_proven_clear() -> None:
    rig = Rig()
    rig.prove_lanes()
    assert lanes_after(rig, Motion.RAISE) == {"lane-1": "raise", "lane-2": "raise"}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"loop": LoopState.OCCUPIED}, RaiseRefusal.LOOP_NOT_CLEAR),
        ({"loop": LoopState.FAULT}, RaiseRefusal.LOOP_NOT_CLEAR),
        ({"loop_age_ms": 501}, RaiseRefusal.LOOP_STALE),
        ({"position": BollardPosition.MOVING}, RaiseRefusal.LANE_MOVING),
        ({"position": BollardPosition.UNKNOWN}, RaiseRefusal.STATE_UNKNOWN),
        ({"fault": "stuck"}, RaiseRefusal.LANE_FAULT),
        ({"under_way_s": 2.5}, RaiseRefusal.STATE_LATE),
    ],
)
def test_a_lane_that_is_not_proven_safe_does_not_rise(
    said: dict[str, object], reason: RaiseRefusal
) -> None:
    rig = Rig()
    rig.prove_lanes()
    rig.clock.advance(0.5)
    rig.lane_says("lane-1", **said)  # type: ignore[arg-type]  # a table of keyword arguments
    assert lanes_after(rig, Motion.RAISE) == {"lane-1": reason, "lane-2": "raise"}


def test_at_the_bounds_a_lane_still_rises() -> None:
    rig = Rig()
    rig.prove_lanes()
    rig.lane_says("lane-1", loop_age_ms=500)
    rig.clock.advance(2.0)
    assert lanes_after(rig, Motion.RAISE) == {"lane-1": "raise", "lane-2": "raise"}


def test_a_state_older_than_two_seconds_proves_nothing() -> None:
    rig = Rig()
    rig.prove_lanes()
    rig.clock.advance(2.01)
    stale = RaiseRefusal.STATE_STALE
    assert lanes_after(rig, Motion.RAISE) == {"lane-1": stale, "lane-2": stale}


def test_a_lane_never_heard_and_a_lane_heard_once_do_not_rise() -> None:
    rig = Rig()
    rig.lane_says("lane-1")
    assert lanes_after(rig, Motion.RAISE) == {
        "lane-1": RaiseRefusal.STATE_UNPROVEN,
        "lane-2": RaiseRefusal.STATE_UNKNOWN,
    }


def test_the_retained_copy_of_a_dead_lanes_last_state_proves_nothing() -> None:
    rig = Rig()
    rig.prove_lanes("lane-1")
    rig.clock.advance(60)
    rig.lane_says("lane-1", under_way_s=0)
    assert rig.outbox.lane_refusal("lane-1", rig.clock.monotonic()) is RaiseRefusal.STATE_UNPROVEN


def test_a_lane_that_said_goodbye_must_be_proven_again() -> None:
    rig = Rig()
    rig.prove_lanes("lane-1")
    rig.status(DeviceKind.BOLLARD, "lane-1", online=False)
    assert rig.outbox.lane_refusal("lane-1", rig.clock.monotonic()) is RaiseRefusal.LANE_OFFLINE
    rig.lane_says("lane-1")
    assert rig.outbox.lane_refusal("lane-1", rig.clock.monotonic()) is RaiseRefusal.STATE_UNPROVEN
    rig.lane_says("lane-1")
    assert rig.outbox.lane_refusal("lane-1", rig.clock.monotonic()) is None


def test_a_step_of_the_wall_clock_never_lets_a_lane_rise_on_an_old_state() -> None:
    rig = Rig()
    rig.prove_lanes("lane-1")
    rig.clock.advance(2.5)
    rig.clock.step_wall(-3600)
    assert rig.outbox.lane_refusal("lane-1", rig.clock.monotonic()) is RaiseRefusal.STATE_STALE


def test_an_unknown_entrance_is_refused_by_name() -> None:
    rig = Rig()
    action = move(Motion.LOWER).__class__(entrance="moon", motion=Motion.LOWER, actor="plan")
    (refusal,) = rig.plan(action)
    assert (refusal.device, refusal.reason) == ("moon", PlanRefusal.UNKNOWN_ENTRANCE)


@pytest.mark.parametrize("motion", [Motion.LOWER, Motion.STOP, Motion.REPORT])
def test_lower_stop_and_report_are_never_refused(motion: Motion) -> None:
    rig = Rig()
    assert lanes_after(rig, motion) == {"lane-1": motion.value, "lane-2": motion.value}


@pytest.mark.parametrize("running", [Motion.RAISE, Motion.LOWER, Motion.STOP])
def test_one_order_runs_on_a_lane_at_a_time(running: Motion) -> None:
    rig = Rig()
    rig.prove_lanes()
    rig.plan(move(running))
    assert {refusal.reason for refusal in rig.plan(move(Motion.RAISE))} == {
        PlanRefusal.ORDER_RUNNING
    }


@pytest.mark.parametrize(
    ("motion", "reason"), [(Motion.STOP, EndReason.STOPPED), (Motion.LOWER, EndReason.SUPERSEDED)]
)
def test_stop_and_lower_take_back_a_raise(motion: Motion, reason: EndReason) -> None:
    rig = Rig()
    rig.prove_lanes()
    rig.plan(move(Motion.RAISE))
    rig.plan(move(motion))
    raised, after = rig.of("lane-1")
    assert (raised.state, raised.reason) == (OrderState.WITHDRAWN, reason)
    assert {record.action for record in rig.send()} == {motion.value}
    assert after.counter > raised.counter


def test_a_raise_that_could_not_leave_at_once_is_looked_at_again() -> None:
    rig = Rig()
    rig.prove_lanes("lane-1")
    rig.plan(move(Motion.RAISE))
    rig.lane_says("lane-1", loop=LoopState.OCCUPIED)
    assert rig.send() == ()
    rig.clock.advance(0.6)
    rig.lane_says("lane-1", loop=LoopState.CLEAR)
    assert [record.action for record in rig.send()] == ["raise"]


def test_a_raise_that_never_could_leave_says_what_the_lane_said() -> None:
    rig = Rig()
    rig.prove_lanes("lane-1")
    rig.plan(move(Motion.RAISE))
    rig.lane_says("lane-1", loop=LoopState.OCCUPIED)
    rig.send()
    rig.pass_time(1.5)
    rig.clock.advance(0.1)
    rig.lane_says("lane-1", loop=LoopState.OCCUPIED)
    sent = rig.pass_time(10)
    assert "raise" not in {record.action for _, record in sent}
    (record,) = [r for r in rig.of("lane-1") if r.action == "raise"]
    assert record.state is OrderState.REFUSED
    assert record.reason == RaiseRefusal.STATE_STALE


def test_lower_is_repeated_until_receipted() -> None:
    rig = Rig()
    rig.plan(move(Motion.LOWER))
    first, _ = rig.send()
    repeats = [record for _, record in rig.pass_time(4) if record.device == "lane-1"]
    assert len(repeats) >= 2
    assert {record.payload for record in repeats} == {first.payload}
    rig.bollard_says(first, BollardResult.DONE)
    assert rig.disk[first.id].state is OrderState.DONE


def raised_without_receipt() -> Rig:
    rig = Rig()
    rig.prove_lanes("lane-1")
    rig.plan(move(Motion.RAISE))
    rig.send()
    return rig


def sent_while_lane_says(rig: Rig, seconds: float, **state: object) -> list[str]:
    """The actions sent while the lane keeps saying the same every half second."""
    sent: list[str] = []
    for _ in range(round(seconds / 0.5)):
        rig.clock.advance(0.5)
        rig.lane_says("lane-1", **state)  # type: ignore[arg-type]  # a table of keyword arguments
        sent += [record.action for record in rig.send()]
    return sent


def test_a_raise_without_receipt_asks_for_the_state_and_is_never_sent_blindly() -> None:
    rig = raised_without_receipt()
    assert sent_while_lane_says(rig, 2.5) == []
    assert [record.action for _, record in rig.pass_time(6)] == ["report", "report", "report"]


def test_a_lane_found_up_settles_the_raise() -> None:
    rig = raised_without_receipt()
    sent_while_lane_says(rig, 4, position=BollardPosition.UP)
    record = rig.of("lane-1")[0]
    assert (record.state, record.reason) == (OrderState.DONE, EndReason.SEEN_BY_STATE)
    assert {r.state for r in rig.of("lane-1")} == {OrderState.DONE}


def test_a_lane_found_moving_is_waited_for() -> None:
    rig = raised_without_receipt()
    sent = sent_while_lane_says(rig, 9, position=BollardPosition.MOVING)
    assert "raise" not in sent
    assert rig.of("lane-1")[0].state is OrderState.SENT


def test_a_lane_found_down_and_clear_gets_the_same_bytes_again() -> None:
    rig = raised_without_receipt()
    sent = sent_while_lane_says(rig, 4.5)
    assert sent == ["report", "raise"]
    assert [r.action for r in rig.of("lane-1")] == ["raise", "report"]
    assert rig.of("lane-1")[0].attempts == 2


def test_a_lane_found_down_and_occupied_does_not() -> None:
    rig = raised_without_receipt()
    assert sent_while_lane_says(rig, 40, loop=LoopState.OCCUPIED) == ["report"]
    record = rig.of("lane-1")[0]
    assert record.state is OrderState.EXPIRED
    assert record.reason == RaiseRefusal.LOOP_NOT_CLEAR


def test_a_raise_that_the_controller_refused_does_not_come_back() -> None:
    rig = raised_without_receipt()
    rig.bollard_says(rig.of("lane-1")[0], BollardResult.REFUSED, "stale")
    assert sent_while_lane_says(rig, 20) == []


def test_a_stop_that_was_overtaken_is_written_anew() -> None:
    rig = Rig()
    rig.plan(move(Motion.STOP))
    rig.send()
    rig.bollard_says(rig.of("lane-1")[0], BollardResult.REFUSED, "stale")
    assert [record.action for record in rig.send()] == ["stop"]


def test_after_a_crash_a_raise_that_may_have_left_is_asked_after_first() -> None:
    rig = Rig()
    rig.prove_lanes("lane-1")
    rig.plan(move(Motion.RAISE))
    rig.restart()
    assert [record.action for record in rig.send()] == ["report"]
    assert sent_while_lane_says(rig, 2) == ["raise"]


def test_after_its_time_a_raise_never_leaves() -> None:
    rig = Rig()
    rig.prove_lanes("lane-1")
    rig.plan(move(Motion.RAISE))
    rig.clock.advance(11)
    assert sent_while_lane_says(rig, 5) == []


def said_at(seq: int, at_s: float, loop: LoopState) -> BollardState:
    return BollardState(
        at=START + timedelta(seconds=at_s),
        seq=seq,
        position=BollardPosition.DOWN,
        loop=loop,
        loop_age_ms=10,
    )


def refusal_after(*heard: tuple[float, BollardState]) -> RaiseRefusal | None:
    """What a lane's watch says right after it heard these, each at its second."""
    watch = LaneWatch()
    for second, state in heard:
        watch.hear(state, START + timedelta(seconds=second), second)
    return watch.raise_refusal(heard[-1][0])


def test_an_older_state_delivered_once_more_changes_nothing() -> None:
    clear = said_at(9, 1.0, LoopState.CLEAR)
    occupied = said_at(10, 1.5, LoopState.OCCUPIED)
    assert refusal_after((1.0, clear), (1.5, occupied), (1.6, clear)) is RaiseRefusal.LOOP_NOT_CLEAR


def test_the_same_state_once_more_after_a_silence_is_no_sign_of_life() -> None:
    first, last = said_at(1, 0.5, LoopState.CLEAR), said_at(2, 1.0, LoopState.CLEAR)
    assert refusal_after((0.5, first), (1.0, last), (9.0, last)) is RaiseRefusal.STATE_STALE
    back = said_at(9, 9.5, LoopState.CLEAR)
    heard = ((0.5, first), (1.0, last), (9.0, last), (9.5, back))
    assert refusal_after(*heard) is RaiseRefusal.STATE_UNPROVEN


def test_a_controller_that_began_again_is_proven_again() -> None:
    before = said_at(100, 0.5, LoopState.CLEAR), said_at(101, 1.0, LoopState.CLEAR)
    first, second = said_at(1, 1.5, LoopState.CLEAR), said_at(2, 2.0, LoopState.CLEAR)
    heard = ((0.5, before[0]), (1.0, before[1]), (1.5, first))
    assert refusal_after(*heard) is RaiseRefusal.STATE_UNPROVEN
    assert refusal_after(*heard, (2.0, second)) is None


def test_what_was_said_before_a_restart_and_comes_after_it_proves_nothing() -> None:
    before = [said_at(seq, 0.1 * seq, LoopState.CLEAR) for seq in (7, 8, 9)]
    since = said_at(1, 1.5, LoopState.OCCUPIED)
    heard = ((0.7, before[0]), (1.5, since), (1.6, before[1]), (1.7, before[2]))
    assert refusal_after(*heard) is RaiseRefusal.STATE_UNPROVEN


def test_a_lane_whose_clock_was_set_back_is_proven_again_after_two_seconds() -> None:
    ahead = said_at(1, 3.5, LoopState.CLEAR), said_at(2, 4.0, LoopState.CLEAR)
    heard = [(1.0, ahead[0]), (1.5, ahead[1]), (3.0, said_at(3, 3.0, LoopState.CLEAR))]
    assert refusal_after(*heard) is RaiseRefusal.STATE_UNPROVEN
    assert (
        refusal_after(*heard, (3.5, said_at(4, 3.5, LoopState.CLEAR)))
        is RaiseRefusal.STATE_UNPROVEN
    )
    assert refusal_after(*heard, (3.6, said_at(4, 3.6, LoopState.CLEAR))) is None
