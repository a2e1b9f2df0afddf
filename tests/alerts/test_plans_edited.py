"""Plans when the site file was edited while a warning stands: what it gains acts, what it lacks stays."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.engine import AlertEngine
from alerts.ownership import Refusal
from model.cases import Change
from model.facts import Verb
from model.orders import Motion
from tests.alerts.room import Room, peak_rule, plan, site, words
from tests.alerts.test_plans import motions, room, spoken


def test_a_plan_taken_out_of_the_site_file_is_still_withdrawn() -> None:
    here = room(plan("r", "red", raise_entrances=["e1"]))
    here.see(5.2)
    snapshot = here.engine.snapshot()
    without = site(rules=[peak_rule(hold_s=0, clear_hold_s=2)])
    here.engine = AlertEngine(without, new_id=here._new_id, snapshot=snapshot)
    here.step(views=tuple(here.views.values()))
    here.see_for(0.5, 4)
    assert spoken(here.told)[1:] == [("cancel", "Alert withdrawn", ("t1", "t2"))]
    assert motions(here.moved)[1:] == [("e1", Motion.LOWER)]


def edited(here: Room, *plans: dict[str, Any], **changes: Any) -> None:
    """The site file was saved with other plans: the service starts anew with them."""
    rules = [peak_rule(hold_s=0, clear_hold_s=2)]
    after = site(rules=rules, plans=list(plans), **changes)
    here.engine = AlertEngine(after, new_id=here._new_id, snapshot=here.engine.snapshot())
    here.step(views=tuple(here.views.values()))


@pytest.mark.parametrize("instead", [[], [plan("q", "red", approval="one")]], ids=["none", "other"])
def test_agreement_to_a_plan_taken_out_of_the_site_file_is_none_to_what_waits_instead(
    instead: list[dict[str, Any]],
) -> None:
    here = room(plan("r", "red", approval="two"))
    here.see(5.2)
    here.decide(Verb.APPROVE, person="wang")
    edited(here, *instead)
    assert [one.plan for one in here.only_case().waiting] == [one["id"] for one in instead]
    assert here.told == []
    here.decide(Verb.APPROVE, person="li")
    assert len(here.told) == len(instead)
    refused = [why for _, why in here.refused]
    assert refused == ([] if instead else [Refusal.NOTHING_TO_APPROVE])


def test_a_plan_that_the_site_file_gains_acts_on_the_warning_that_stands() -> None:
    here = room()
    here.see(5.2)
    edited(here, plan("r", "red", raise_entrances=["e1"]))
    assert spoken(here.told) == [("show", "show r", ("t1", "t2"))]
    assert motions(here.moved) == [("e1", Motion.RAISE)]
    here.see_for(5.2, 60)
    assert (len(here.told), len(here.moved)) == (1, 1)


def test_a_terminal_that_a_plan_gains_is_told_of_the_warning_that_stands() -> None:
    here = room(plan("r", "red", terminals=["t1"]))
    here.see(5.2)
    edited(here, plan("r", "red", terminals=["t1", "t3"]))
    assert spoken(here.told)[1:] == [("show", "show r", ("t3",))]


def test_a_plan_that_needs_nobody_any_more_waits_no_longer() -> None:
    here = room(plan("r", "red", approval="two"))
    here.see(5.2)
    assert here.told == []
    edited(here, plan("r", "red"))
    assert here.only_case().waiting == ()
    assert spoken(here.told) == [("show", "show r", ("t1", "t2"))]


def test_a_message_that_a_person_took_back_is_not_told_again_by_a_start() -> None:
    here = room(plan("r", "red"))
    here.see(5.2)
    here.decide(Verb.WITHDRAW, case=here.only_case().id, comment="wrong words")
    edited(here, plan("r", "red"), plan("q", "red"))
    assert [one.action for one in here.told] == ["show", "cancel"]


def test_a_plan_that_asks_for_people_now_keeps_its_words_where_a_lower_plan_needs_nobody() -> None:
    """The red words made way for yellow ones while red stood, as if it were easing."""
    yellow = plan("y", "yellow", terminals=["t1", "t2", "t3"])
    here = room(yellow, plan("r", "red", terminals=["t1", "t2"]))
    here.see(5.2)
    told = [*spoken(here.told), ("show", "show y", ("t3",))]
    edited(here, yellow, plan("r", "red", terminals=["t1", "t2"], approval="one"))
    assert spoken(here.told) == told
    here.decide(Verb.APPROVE, person="wang")
    assert spoken(here.told) == told
    here.see_for(3.2, 4)
    assert spoken(here.told)[-1] == ("show", "show y", ("t1", "t2"))


def test_who_agreed_is_enough_where_the_site_file_asks_for_one_person_now() -> None:
    """Nobody else was there, and the same person could not agree twice."""
    here = room(plan("r", "red", approval="two"))
    here.see(5.2)
    here.decide(Verb.APPROVE, person="wang")
    edited(here, plan("r", "red", approval="one"))
    assert here.only_case().waiting == ()
    assert spoken(here.told) == [("show", "show r", ("t1", "t2"))]


def test_a_plan_that_asks_for_one_more_person_says_so_at_once() -> None:
    here = room(plan("r", "red", approval="one"))
    here.see(5.2)
    edited(here, plan("r", "red", approval="two"))
    assert [one.needed for one in here.only_case().waiting] == [2]


def test_a_zone_that_the_site_file_gives_its_first_terminal_has_no_gap_any_more() -> None:
    elsewhere = {"id": "t3", "name": words("T3"), "zones": ["lane"]}
    here = room(plan("r", "red"), terminals=[elsewhere])
    here.see(5.2)
    assert [gap.terminal for gap in here.only_case().gaps] == [None]
    edited(here, plan("r", "red"), terminals=[elsewhere])
    assert [gap.terminal for gap in here.only_case().gaps] == [None]
    edited(
        here, plan("r", "red"), terminals=[{"id": "t1", "name": words("T1"), "zones": ["bridge"]}]
    )
    assert here.only_case().gaps == ()
    assert len(here.changes(Change.GAP_CLOSED)) == 1
    assert spoken(here.told) == [("show", "show r", ("t1",))]
