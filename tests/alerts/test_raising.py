"""Raising an entrance takes two acts within half a minute, and two people where nothing was agreed."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.ownership import Refusal
from alerts.raising import ARMED_FOR_S
from model.cases import Change
from model.facts import Verb
from model.orders import Motion
from tests.alerts.room import Room, peak_rule, plan, site


def room(*plans: dict[str, Any]) -> Room:
    return Room(site(rules=[peak_rule(hold_s=0, clear_hold_s=2)], plans=list(plans)))


def test_two_people_raise_an_entrance_without_any_plan() -> None:
    here = room()
    here.decide(Verb.ARM, "e1", person="li")
    (armed,) = here.armed
    assert (armed.entrance, armed.person, armed.alone, armed.case) == ("e1", "li", False, None)
    here.decide(Verb.CONFIRM, "e1", person="li")
    here.decide(Verb.CONFIRM, "e1", person="wang", session="session-of-li")
    assert [why for _, why in here.refused] == [Refusal.SAME_PERSON, Refusal.SAME_SESSION]
    assert here.moved == []
    here.decide(Verb.CONFIRM, "e1", person="wang")
    (move,) = here.moved
    assert (move.motion, move.actor, move.case) == (Motion.RAISE, "wang", None)
    assert [*here.armed] == []
    here.decide(Verb.CONFIRM, "e1", person="wang")
    assert here.refused[-1][1] is Refusal.NOT_ARMED
    assert len(here.moved) == 1


def test_arming_lasts_half_a_minute() -> None:
    here = room()
    here.decide(Verb.ARM, "e1", person="li")
    here.wait(ARMED_FOR_S - 0.2)
    assert len(here.armed) == 1
    here.wait(0.6)
    assert [*here.armed] == []
    here.decide(Verb.CONFIRM, "e1", person="wang")
    assert here.refused[-1][1] is Refusal.NOT_ARMED


@pytest.mark.parametrize("verb", [Verb.LOWER, Verb.STOP])
def test_lowering_and_stopping_take_the_first_act_back(verb: Verb) -> None:
    here = room()
    here.decide(Verb.ARM, "e1", person="li")
    here.decide(verb, "e1", person="zhao")
    here.decide(Verb.CONFIRM, "e1", person="wang")
    assert here.refused[-1][1] is Refusal.NOT_ARMED


def test_one_person_raises_what_a_plan_was_agreed_to() -> None:
    here = room(plan("r", "red", approval="two", raise_entrances=["e1"]))
    here.see(5.2)
    here.decide(Verb.APPROVE, person="li")
    here.decide(Verb.APPROVE, person="wang")
    case = here.only_case()
    assert case.ready == ("e1",)
    here.decide(Verb.ARM, "b1", person="wang")
    (armed,) = here.armed
    assert (armed.alone, armed.case) == (True, case.id)
    assert len(here.changes(Change.ARMED)) == 1
    here.decide(Verb.CONFIRM, "e1", person="wang")
    (move,) = here.moved
    assert (move.case, move.actor) == (case.id, "wang")
    assert here.only_case().ready == ()
    here.see_for(0.5, 4)
    assert [one.motion for one in here.moved] == [Motion.RAISE, Motion.LOWER]


def test_what_was_agreed_to_is_over_with_its_case_and_then_two_are_needed() -> None:
    here = room(plan("r", "red", approval="one", raise_entrances=["e1"]))
    here.see(5.2)
    here.decide(Verb.APPROVE)
    here.decide(Verb.ARM, "e1")
    here.see_for(0.5, 4)
    here.decide(Verb.CONFIRM, "e1")
    assert here.refused[-1][1] is Refusal.SAME_PERSON
    assert here.moved == []


def test_one_person_raises_what_was_approved_beforehand() -> None:
    here = room(plan("r", "red", raise_entrances=["e1"]))
    here.decide(Verb.ARM, "e1")
    here.decide(Verb.CONFIRM, "e1")
    assert [one.motion for one in here.moved] == [Motion.RAISE]


def test_a_person_who_lowers_takes_a_ready_entrance_from_its_plan() -> None:
    here = room(plan("r", "red", approval="one", raise_entrances=["e1"]))
    here.see(5.2)
    here.decide(Verb.APPROVE)
    here.decide(Verb.LOWER, "e1")
    assert here.only_case().ready == ()
    here.see_for(5.2, 10)
    assert [one.motion for one in here.moved] == [Motion.LOWER]


def test_an_entrance_that_two_cases_want_rises_once() -> None:
    here = room(plan("r", "red", approval="one", raise_entrances=["e1"]))
    here.see(5.2)
    here.see(5.2, zone="lane")
    for case in here.engine.open_cases():
        here.decide(Verb.APPROVE, case.id)
    here.decide(Verb.ARM, "e1")
    here.decide(Verb.CONFIRM, "e1")
    assert [one.motion for one in here.moved] == [Motion.RAISE]
    here.see_for(0.5, 4)
    assert len(here.moved) == 1
    here.see_for(0.5, 4, zone="lane")
    assert [one.motion for one in here.moved] == [Motion.RAISE, Motion.LOWER]


def test_what_is_armed_stands_over_a_restart_and_no_entrance_of_nowhere_is_armed() -> None:
    here = room()
    here.decide(Verb.ARM, "e9")
    assert here.refused[-1][1] is Refusal.UNKNOWN_ENTRANCE
    here.decide(Verb.ARM, "e1", person="li")
    here.restart()
    assert [one.entrance for one in here.armed] == ["e1"]


class _Refused:
    """One lane that will not rise, as the outbox reports it."""

    def __init__(self, action: Any, device: str) -> None:
        self.action = action
        self.device = device
        self.reason = "loop_not_clear"


def test_who_asked_learns_at_once_that_no_lane_of_the_entrance_rises() -> None:
    here = room()
    here.decide(Verb.ARM, "e1", person="li")
    outcome = here.decide(Verb.CONFIRM, "e1", person="wang")
    (move,) = here.moved
    some = here.engine.note_refusals(outcome, [_Refused(move, "b1")], here.clock.now())
    assert some.decisions_refused == ()
    none = here.engine.note_refusals(
        outcome, [_Refused(move, "b1"), _Refused(move, "b2")], here.clock.now()
    )
    assert none.decisions_refused == ((move.decision, "loop_not_clear"),)
