"""A raise that a lane could not take just then is asked for again while its plan wants it."""

from __future__ import annotations

from alerts.asking_again import AGAIN_AFTER_S
from model.actions import MoveEntrance
from model.cases import Change
from model.facts import Verb
from model.orders import Motion
from tests.alerts.room import Room, plan
from tests.alerts.test_plans import room


def raises(here: Room) -> list[MoveEntrance]:
    return [move for move in here.moved if move.motion is Motion.RAISE]


def red(reason: str = "loop_not_clear") -> Room:
    here = room(plan("r", "red", raise_entrances=["e1"]))
    here.lanes_refuse = reason
    here.see(5.2)
    assert len(raises(here)) == 1
    return here


def test_a_car_on_the_loop_passes_and_the_lane_is_asked_again() -> None:
    here = red()
    here.see_for(5.2, AGAIN_AFTER_S[0] + 2)
    assert len(raises(here)) == 2
    assert {move.entrance for move in raises(here)} == {"e1"}
    here.lanes_refuse = None
    here.see_for(5.2, 300)
    assert len(raises(here)) == 3, "the lane took it: nobody asks any more"


def test_it_is_asked_some_times_and_then_left_to_people() -> None:
    here = red()
    here.see_for(5.2, 2 * sum(AGAIN_AFTER_S))
    assert len(raises(here)) == 1 + len(AGAIN_AFTER_S)
    repeats = [each for each in here.transitions if each.change is Change.PLAN_REPEATED]
    assert [each.detail.en for each in repeats if each.detail and "rise" in each.detail.en] == [
        f"plan r: entrance e1 asked to rise again ({number} of 5)" for number in range(1, 6)
    ]


def test_a_fault_is_not_asked_again() -> None:
    here = red("lane_fault")
    here.see_for(5.2, 2 * sum(AGAIN_AFTER_S))
    assert len(raises(here)) == 1


def test_nothing_rises_after_the_warning_is_over_or_a_person_said_stop() -> None:
    here = red()
    here.decide(Verb.STOP, "e1")
    here.see_for(5.2, 2 * sum(AGAIN_AFTER_S))
    assert len(raises(here)) == 1
    here = red()
    here.see_for(0.5, 2 * sum(AGAIN_AFTER_S))
    asked = len(raises(here))
    here.see_for(0.5, 60)
    assert here.engine.open_cases() == ()
    assert len(raises(here)) == asked
    assert asked <= 2
