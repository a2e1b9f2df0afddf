"""A simulated bollard lane: its own loop and edge have the last word, whatever was ordered."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from model.clock import ManualClock
from model.facts import BollardPosition, BollardReceipt, BollardState, DeviceKind, LoopState
from model.orders import BollardOrder, Motion
from simulators.bollard_motor import LOOP_FRESH_S
from simulators.bollards import BollardMachine
from simulators.logbook import FieldEntry
from tests.devices.rig import KEYS, SIGNER, START
from wire.topics import Topics

TOPIC = Topics("small").order(DeviceKind.BOLLARD, "lane-1")


class Lane:
    """A lane that ran for two seconds, so that its loop is proven clear."""

    def __init__(self) -> None:
        self.clock = ManualClock(START)
        self.seen: list[FieldEntry] = []
        self.states: list[BollardState] = []
        self.machine = BollardMachine(
            site_id="small", bollard_id="lane-1", keys=KEYS, log=self.seen.append
        )
        self.pass_time(2)

    def send(self, number: int, motion: Motion, **changes: object) -> list[tuple[str, str | None]]:
        order = BollardOrder(
            id=f"order-{number}",
            counter=number,
            issued=self.clock.now(),
            expires=self.clock.now() + timedelta(seconds=10),
            motion=motion,
            exercise=False,
            key="key-1",
            signature="",
        )
        payload = SIGNER.sign(TOPIC, msgspec.structs.replace(order, **changes))
        return said(self.machine.receive(TOPIC, payload, self.clock.now(), self.clock.monotonic()))

    def pass_time(self, seconds: float) -> list[tuple[str, str | None]]:
        receipts: list[BollardReceipt] = []
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)
            now, mono = self.clock.now(), self.clock.monotonic()
            receipts += self.machine.tick(now, mono)
            state = self.machine.state_if_due(now, mono)
            if state is not None:
                self.states.append(state)
        return said(receipts)

    @property
    def height(self) -> float:
        return self.machine.motor.height

    def whats(self) -> list[str]:
        return [entry.what for entry in self.seen if entry.what != "good_signature"]


def said(receipts: list[BollardReceipt]) -> list[tuple[str, str | None]]:
    return [(receipt.result.value, receipt.reason) for receipt in receipts]


def raised() -> Lane:
    lane = Lane()
    lane.send(1, Motion.RAISE)
    assert lane.pass_time(6) == [("done", None)]
    return lane


def test_a_raise_warns_first_then_rises_and_is_done_at_the_top() -> None:
    lane = Lane()
    assert lane.send(1, Motion.RAISE) == []
    lane.pass_time(0.9)
    assert lane.height == 0
    assert lane.pass_time(4) == [("done", None)]
    assert lane.machine.motor.position is BollardPosition.UP
    assert lane.whats() == ["moved", "done"]


def test_the_same_order_again_moves_nothing_and_gets_the_same_receipt() -> None:
    lane = Lane()
    lane.send(1, Motion.RAISE, expires=START + timedelta(minutes=1), issued=START)
    assert lane.send(1, Motion.RAISE, expires=START + timedelta(minutes=1), issued=START) == []
    lane.pass_time(6)
    again = lane.send(1, Motion.RAISE, expires=START + timedelta(minutes=1), issued=START)
    assert again == [("done", None)]
    assert lane.whats().count("moved") == 1


def test_a_vehicle_on_the_loop_refuses_a_raise_until_a_second_after_it_left() -> None:
    lane = Lane()
    lane.machine.street.vehicle = True
    assert lane.send(1, Motion.RAISE) == [("refused", "loop_not_clear")]
    lane.pass_time(1)
    lane.machine.street.vehicle = False
    lane.pass_time(0.9)
    assert lane.send(2, Motion.RAISE) == [("refused", "loop_not_clear")]
    lane.pass_time(0.3)
    assert lane.send(3, Motion.RAISE) == []


def test_a_vehicle_arriving_while_it_rises_turns_it_back_for_good() -> None:
    lane = Lane()
    lane.send(1, Motion.RAISE)
    lane.pass_time(2.5)
    height = lane.height
    lane.machine.street.vehicle = True
    assert lane.pass_time(0.1) == [("failed", "loop_not_clear")]
    assert lane.height <= height
    lane.machine.street.vehicle = False
    lane.pass_time(10)
    assert lane.height == 0


def test_contact_turns_it_back_and_three_contacts_keep_it_down() -> None:
    lane = Lane()
    lane.send(1, Motion.RAISE)
    lane.pass_time(2)
    lane.machine.street.contact = True
    assert lane.pass_time(20) == [("failed", "contact")]
    assert lane.whats().count("reversed") == 3
    assert lane.whats().count("moved") == 1
    assert lane.machine.motor.position is BollardPosition.DOWN


def test_one_contact_is_tried_again_under_the_same_order() -> None:
    lane = Lane()
    lane.send(1, Motion.RAISE)
    lane.pass_time(2)
    lane.machine.street.contact = True
    lane.pass_time(0.2)
    lane.machine.street.contact = False
    assert lane.pass_time(15) == [("done", None)]
    assert lane.height == 1


def test_a_loop_that_gives_no_new_sample_stops_a_raise() -> None:
    lane = Lane()
    lane.machine.faults.loop_frozen = True
    lane.pass_time(LOOP_FRESH_S + 0.2)
    assert lane.send(1, Motion.RAISE) == [("refused", "loop_not_clear")]
    assert lane.states[-1].loop_age_ms > 500


def test_a_loop_that_freezes_while_it_rises_turns_it_back() -> None:
    lane = Lane()
    lane.send(1, Motion.RAISE)
    lane.pass_time(2)
    lane.machine.faults.loop_frozen = True
    assert ("failed", "loop_not_clear") in lane.pass_time(1)


def test_a_lying_report_deceives_the_centre_and_not_the_lane() -> None:
    lane = Lane()
    lane.machine.street.vehicle = True
    lane.machine.faults.loop_lies = True
    lane.pass_time(1)
    assert lane.states[-1].loop is LoopState.CLEAR
    assert lane.send(1, Motion.RAISE) == [("refused", "loop_not_clear")]


def test_stop_works_late_without_a_clock_and_in_mid_motion() -> None:
    lane = Lane()
    lane.send(1, Motion.RAISE)
    lane.pass_time(2.5)
    lane.machine.faults.clock_unset = True
    answers = lane.send(2, Motion.STOP, expires=START)
    assert answers == [("failed", "overtaken"), ("done", None)]
    height = lane.height
    lane.pass_time(3)
    assert lane.height == height
    assert lane.states[-1].position is BollardPosition.UNKNOWN


def test_lower_overtakes_a_raise_and_works_on_an_occupied_loop() -> None:
    lane = Lane()
    lane.send(1, Motion.RAISE)
    lane.pass_time(2.5)
    lane.machine.street.vehicle = True
    assert lane.send(2, Motion.LOWER) == [("failed", "overtaken")]
    assert lane.pass_time(3) == [("done", None)]
    assert lane.height == 0


def test_a_raise_is_refused_while_another_order_runs() -> None:
    lane = Lane()
    lane.send(1, Motion.RAISE)
    assert lane.send(2, Motion.RAISE) == [("refused", "lane_moving")]


@pytest.mark.parametrize("motion", [Motion.RAISE, Motion.LOWER])
def test_without_a_clock_motions_are_refused(motion: Motion) -> None:
    lane = Lane()
    lane.machine.faults.clock_unset = True
    assert lane.send(1, motion) == [("refused", "clock_unset")]


def test_an_exercise_moves_nothing() -> None:
    lane = Lane()
    assert lane.send(1, Motion.RAISE, exercise=True) == [("done", "exercise")]
    lane.pass_time(6)
    assert lane.height == 0
    assert lane.whats() == ["done"]


def test_a_stuck_motor_fails_and_says_so_in_its_state() -> None:
    lane = Lane()
    lane.machine.faults.stuck = True
    lane.send(1, Motion.RAISE)
    assert lane.pass_time(10) == [("failed", "stuck")]
    assert lane.states[-1].fault == "stuck"


def test_a_report_is_answered_by_state_at_once() -> None:
    lane = Lane()
    told = len(lane.states)
    lane.send(1, Motion.REPORT)
    lane.pass_time(0.1)
    assert len(lane.states) == told + 1


def test_the_state_is_told_on_every_change_and_at_least_every_second() -> None:
    lane = Lane()
    lane.states.clear()
    lane.pass_time(5)
    assert len(lane.states) >= 5
    lane.machine.street.vehicle = True
    lane.pass_time(0.1)
    assert lane.states[-1].loop is LoopState.OCCUPIED
    assert [state.seq for state in lane.states] == sorted({state.seq for state in lane.states})


def test_the_key_switch_lowers_with_the_centre_down() -> None:
    lane = raised()
    lane.machine.lower_by_hand(lane.clock.now(), lane.clock.monotonic())
    lane.pass_time(3)
    assert lane.height == 0


def test_a_raise_of_a_lane_that_is_up_is_done_without_moving() -> None:
    lane = raised()
    assert lane.send(2, Motion.RAISE) == [("done", None)]
    assert lane.whats().count("moved") == 1
