"""What a warning does in the field, who must agree first, and that exactly that is taken back."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.ownership import Refusal
from model.actions import Action, Broadcast, MoveEntrance
from model.cases import Change, Reason
from model.facts import Verb
from model.level import Level
from model.orders import Motion, OrderState
from tests.alerts.room import Room, peak_rule, plan, site


def room(*plans: dict[str, Any], **changes: Any) -> Room:
    rules = changes.pop("rules", [peak_rule(hold_s=0, clear_hold_s=2)])
    return Room(site(rules=rules, plans=list(plans), **changes))


def spoken(actions: list[Broadcast]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(one.action, one.text.en, one.terminals) for one in actions]


def motions(actions: list[MoveEntrance]) -> list[tuple[str, Motion]]:
    return [(one.entrance, one.motion) for one in actions]


def test_a_plan_tells_the_terminals_of_its_zone_and_raises_its_entrances() -> None:
    here = room(plan("r", "red", raise_entrances=["e1"], speech="stop", volume=90, expires_s=120))
    here.see(5.2)
    (told,) = here.told
    assert (told.action, told.level, told.terminals) == ("show", Level.RED, ("t1", "t2"))
    assert (told.speech, told.volume, told.expires_s) == ("stop", 90, 120)
    assert motions(here.moved) == [("e1", Motion.RAISE)]
    started = here.changes(Change.PLAN_STARTED)[0]
    assert (started.actor, started.reason) == ("r", Reason.PLAN)


def test_at_all_clear_exactly_what_was_told_and_raised_is_taken_back() -> None:
    here = room(plan("r", "red", raise_entrances=["e1", "e2"], terminals=["t3"]))
    here.see(5.2)
    here.see_for(0.5, 4)
    assert spoken(here.told) == [("show", "show r", ("t3",)), ("cancel", "cancel r", ("t3",))]
    assert motions(here.moved)[2:] == [("e1", Motion.LOWER), ("e2", Motion.LOWER)]


def test_nothing_is_told_twice_while_the_level_stands() -> None:
    here = room(plan("y", "yellow", expires_s=86_400))
    here.see_for(3.2, 600)
    here.see_for(4.2, 600)
    assert len(here.told) == 1


def test_a_text_is_told_again_before_it_expires_while_the_warning_stands() -> None:
    here = room(plan("y", "yellow", expires_s=100))
    here.see(3.2)
    for terminal in ("t1", "t2"):
        here.answers(terminal, OrderState.PLAYED)
    here.see_for(3.2, 70)
    assert len(here.told) == 1
    here.see_for(3.2, 15)
    assert spoken(here.told)[1:] == [("show", "show y", ("t1", "t2"))]
    here.see_for(0.5, 4)
    here.see_for(0.5, 200)
    assert [one.action for one in here.told] == ["show", "show", "cancel"]


def test_stepping_up_replaces_the_message_where_the_higher_plan_speaks() -> None:
    here = room(plan("y", "yellow"), plan("o", "orange", terminals=["t1"]))
    here.see(3.2)
    here.see(4.2)
    assert spoken(here.told) == [
        ("show", "show y", ("t1", "t2")),
        ("show", "show o", ("t1",)),
    ]
    here.see_for(0.5, 4)
    assert spoken(here.told)[2:] == [
        ("cancel", "cancel o", ("t1",)),
        ("cancel", "cancel y", ("t2",)),
    ]


def test_stepping_down_returns_to_the_lower_plan_and_cancels_the_rest() -> None:
    here = room(
        plan("y", "yellow", terminals=["t1"]),
        plan("r", "red", terminals=["t1", "t3"], raise_entrances=["e1"]),
    )
    here.see(3.2)
    here.see(5.2)
    here.see_for(3.2, 4)
    assert here.only_case().level is Level.YELLOW
    assert spoken(here.told)[2:] == [
        ("cancel", "cancel r", ("t3",)),
        ("show", "show y", ("t1",)),
    ]
    assert motions(here.moved) == [("e1", Motion.RAISE), ("e1", Motion.LOWER)]


def test_a_barrier_that_the_lower_plan_wants_too_stays_up() -> None:
    here = room(
        plan("y", "yellow", raise_entrances=["e1"]),
        plan("r", "red", raise_entrances=["e1", "e2"]),
    )
    here.see(5.2)
    here.see_for(3.2, 4)
    assert motions(here.moved) == [
        ("e1", Motion.RAISE),
        ("e2", Motion.RAISE),
        ("e2", Motion.LOWER),
    ]
    here.see_for(0.2, 4)
    assert motions(here.moved)[3:] == [("e1", Motion.LOWER)]


def test_an_entrance_stays_up_while_another_case_wants_it() -> None:
    here = room(plan("r", "red", raise_entrances=["e1"]))
    here.see(5.2, zone="bridge")
    here.see(5.2, zone="lane")
    assert motions(here.moved) == [("e1", Motion.RAISE)]
    here.see_for(0.5, 4, zone="bridge")
    assert len(here.moved) == 1
    here.see_for(0.5, 4, zone="lane")
    assert motions(here.moved)[1:] == [("e1", Motion.LOWER)]


def test_plans_of_other_zones_and_hazards_do_not_act() -> None:
    here = room(plan("l", "red", zones=["lane"]), plan("w", "red", hazard="water"))
    here.see(5.2, zone="bridge")
    assert here.actions == []


def test_a_plan_for_two_waits_for_two_people_in_two_sessions() -> None:
    here = room(plan("r", "red", approval="two"))
    here.see(5.2)
    assert here.actions == []
    assert here.said() == "plan r waits for 2 different people"
    here.decide(Verb.APPROVE, person="li", session="s1")
    here.decide(Verb.APPROVE, person="li", session="s2")
    here.decide(Verb.APPROVE, person="wang", session="s1")
    assert [why for _, why in here.refused] == [Refusal.SAME_PERSON, Refusal.SAME_SESSION]
    assert here.actions == []
    (waiting,) = here.only_case().waiting
    assert (waiting.plan, waiting.needed, waiting.approved_by) == ("r", 2, ("li",))
    here.decide(Verb.APPROVE, person="wang", session="s3")
    assert [one.terminals for one in here.told] == [("t1", "t2")]
    assert here.only_case().waiting == ()
    here.decide(Verb.APPROVE, person="zhao", session="s4")
    assert here.refused[-1][1] is Refusal.NOTHING_TO_APPROVE


def test_a_plan_for_one_waits_for_one_person() -> None:
    here = room(plan("r", "red", approval="one"))
    here.see(5.2)
    assert here.actions == []
    here.decide(Verb.APPROVE)
    assert len(here.told) == 1


def test_while_red_waits_for_people_the_free_plan_below_it_speaks() -> None:
    here = room(plan("o", "orange"), plan("r", "red", approval="two", raise_entrances=["e1"]))
    here.see(5.2)
    assert spoken(here.told) == [("show", "show o", ("t1", "t2"))]
    assert here.told[0].level is Level.ORANGE
    assert here.moved == []
    here.decide(Verb.APPROVE, person="li")
    here.decide(Verb.APPROVE, person="wang")
    assert spoken(here.told)[1:] == [("show", "show r", ("t1", "t2"))]
    assert here.moved == []
    assert here.only_case().ready == ("e1",)
    here.decide(Verb.ARM, "e1")
    here.decide(Verb.CONFIRM, "e1")
    assert motions(here.moved) == [("e1", Motion.RAISE)]


def test_two_plans_of_one_level_each_wait_for_their_own() -> None:
    here = room(
        plan("notice", "red"),
        plan("barrier", "red", approval="two", terminals=[], raise_entrances=["e2"]),
    )
    here.see(5.2)
    assert spoken(here.told) == [("show", "show notice", ("t1", "t2"))]
    here.decide(Verb.APPROVE, person="li")
    here.decide(Verb.APPROVE, person="wang")
    assert len(here.told) == 1
    assert here.only_case().ready == ("e2",)


def test_agreement_to_one_plan_is_no_agreement_to_the_next() -> None:
    here = room(plan("o", "orange", approval="two"), plan("r", "red", approval="two"))
    here.see(4.2)
    here.decide(Verb.APPROVE, person="li")
    here.see(5.2)
    here.decide(Verb.APPROVE, person="wang")
    assert here.actions == []
    here.decide(Verb.APPROVE, person="li")
    assert spoken(here.told) == [("show", "show r", ("t1", "t2"))]


def test_what_was_not_told_is_not_cancelled() -> None:
    here = room(plan("r", "red", approval="two", raise_entrances=["e1"]))
    here.see(5.2)
    here.see_for(0.5, 4)
    assert here.engine.open_cases() == ()
    assert here.actions == []


def test_a_person_lowers_at_once_and_the_case_does_not_raise_again() -> None:
    here = room(
        plan("y", "yellow", raise_entrances=["e1"]), plan("r", "red", raise_entrances=["e1", "e2"])
    )
    here.see(3.2)
    case = here.only_case().id
    here.decide(Verb.LOWER, "e1", person="wang")
    last = here.moved[-1]
    assert (last.motion, last.actor, last.case) == (Motion.LOWER, "wang", None)
    assert here.transitions[-1].case == case
    here.see(5.2)
    assert motions(here.moved)[2:] == [("e2", Motion.RAISE)]
    here.see_for(0.5, 4)
    assert motions(here.moved)[3:] == [("e2", Motion.LOWER)]


def test_stop_works_without_any_case_and_by_the_lane_too() -> None:
    here = room()
    here.decide(Verb.STOP, "e2")
    here.decide(Verb.STOP, "b2")
    assert motions(here.moved) == [("e2", Motion.STOP), ("e1", Motion.STOP)]
    here.decide(Verb.STOP, "e9")
    assert [why for _, why in here.refused] == [Refusal.UNKNOWN_ENTRANCE]


def test_a_stopped_entrance_is_still_lowered_at_all_clear() -> None:
    here = room(plan("r", "red", raise_entrances=["e1"]))
    here.see(5.2)
    here.decide(Verb.STOP, "e1")
    here.see_for(0.5, 4)
    assert motions(here.moved) == [
        ("e1", Motion.RAISE),
        ("e1", Motion.STOP),
        ("e1", Motion.LOWER),
    ]


def test_closing_by_hand_takes_everything_back() -> None:
    here = room(plan("y", "yellow", raise_entrances=["e1"]))
    here.see(3.2)
    here.see(1.0)
    here.decide(Verb.CLOSE, comment="all quiet")
    assert spoken(here.told)[1:] == [("cancel", "cancel y", ("t1", "t2"))]
    assert motions(here.moved)[1:] == [("e1", Motion.LOWER)]


@pytest.mark.parametrize("down_s", [0.0, 30.0, 3600.0])
def test_after_a_restart_the_field_is_not_told_twice(down_s: float) -> None:
    here = room(plan("r", "red", expires_s=86_400, raise_entrances=["e1"]))
    here.see(5.2)
    opened = here.only_case()
    here.restart(down_s=down_s)
    here.see_for(5.2, 60)
    assert here.only_case().id == opened.id
    assert len(here.told) == 1
    assert len(here.moved) == 1
    here.see_for(0.5, 4)
    assert spoken(here.told)[1:] == [("cancel", "cancel r", ("t1", "t2"))]


class _Refused:
    """One lane that may not rise, as the outbox reports it."""

    def __init__(self, action: Action, reason: str) -> None:
        self.action = action
        self.device = "b1"
        self.reason = reason


@pytest.mark.parametrize(
    ("reason", "named"),
    [
        ("loop_not_clear", Reason.LOOP_NOT_CLEAR),
        ("loop_state_stale", Reason.LOOP_STALE),
        ("state_stale", Reason.STATE_UNKNOWN),
        ("lane_fault", Reason.DEVICE_FAULT),
    ],
)
def test_what_a_lane_refused_stands_in_the_history(reason: str, named: Reason) -> None:
    here = room(plan("r", "red", raise_entrances=["e1"]))
    outcome = here.see(5.2)
    noted = here.engine.note_refusals(outcome, [_Refused(here.moved[0], reason)], here.clock.now())
    last = noted.transitions[-1]
    assert (last.change, last.reason, last.actor) == (Change.ACTION_REFUSED, named, "b1")
    assert last.detail is not None
    assert last.detail.en == f"raise refused for B1: {reason.replace('_', ' ')}"
    assert last.detail.zh.startswith("未向 B1 下达“升起”：")
    assert noted.cases[0].serial == last.serial
    assert len(noted.cases) == 1
    assert here.engine.dirty


def test_a_refusal_without_an_open_case_changes_nothing() -> None:
    here = room()
    outcome = here.step()
    action = MoveEntrance(entrance="e1", motion=Motion.LOWER, actor="li")
    assert here.engine.note_refusals(outcome, [_Refused(action, "x")], here.clock.now()) is outcome


def test_plans_of_one_level_that_ask_for_one_and_for_two_people() -> None:
    here = room(
        plan("notice", "red", approval="one"),
        plan("barrier", "red", approval="two", terminals=[], raise_entrances=["e2"]),
    )
    here.see(5.2)
    here.decide(Verb.APPROVE, person="li")
    assert len(here.told) == 1
    assert here.moved == []
    waits = here.changes(Change.PLAN_WAITING)
    assert [one.actor for one in waits] == ["notice", "barrier", "barrier"]
    assert waits[-1].detail is not None
    assert waits[-1].detail.en == "plan barrier waits for one person"
    here.decide(Verb.APPROVE, person="wang")
    assert here.only_case().ready == ("e2",)
