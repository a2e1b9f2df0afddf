"""Named gaps: a message that reached nobody somewhere is said in the case, and somebody makes up for it."""

from __future__ import annotations

from typing import Any

import pytest

from config.crosscheck import faults
from model.calls import CallRole
from model.cases import Change, Reason
from model.facts import Verb
from model.orders import OrderState
from tests.alerts.room import Room, peak_rule, plan, site, words

PEOPLE = [{"id": "wang", "name": "王", "roles": ["responder"]}]
T1 = {"id": "t1", "name": words("T1"), "zones": ["bridge"]}
T2 = {"id": "t2", "name": words("T2"), "zones": ["bridge"]}
T3 = {"id": "t3", "name": words("T3"), "zones": ["lane"]}


def zones(**bridge: Any) -> list[dict[str, Any]]:
    square = [(0.0, 0.0), (20.0, 0.0), (20.0, 10.0), (0.0, 10.0)]
    zone = {"outline": square, "usable_area_m2": 200.0, "m2_per_visitor": 1.0}
    return [
        {"id": "bridge", "name": words("Bridge"), **zone, **bridge},
        {"id": "lane", "name": words("Lane"), **zone},
    ]


def room(*plans: dict[str, Any], terminals: list[dict[str, Any]], **changes: Any) -> Room:
    whole = site(
        rules=[peak_rule(hold_s=0, clear_hold_s=2)],
        plans=list(plans or [plan("y", "yellow", expires_s=100)]),
        terminals=terminals,
        people=PEOPLE,
        broadcasts={"gap_after_s": 300},
        **changes,
    )
    return Room(whole)


def with_fallback(**changes: Any) -> Room:
    fallback = {"terminals": ["t3"], "people": ["wang"]}
    return room(terminals=[{**T1, "fallback": fallback}, T2, T3], **changes)


def gaps(here: Room) -> list[str | None]:
    return [gap.terminal for gap in here.only_case().gaps]


def test_a_terminal_without_receipt_is_named_after_five_minutes_however_often_it_was_told() -> None:
    here = with_fallback()
    here.see(3.2)
    here.answers("t2", OrderState.RECEIVED)
    here.see_for(3.2, 80)
    here.answers("t2", OrderState.RECEIVED)
    here.see_for(3.2, 218)
    assert gaps(here) == []
    here.see_for(3.2, 4)
    assert "t1" in gaps(here)
    assert len(here.changes(Change.PLAN_REPEATED)) > 2


def test_its_fallback_speaks_in_its_place_and_its_people_are_called_once() -> None:
    here = with_fallback()
    here.see(3.2)
    here.answers("t2", OrderState.PLAYED)
    here.answers("t1", OrderState.FAILED, reason="speaker_broken")
    here.wait(1)
    assert gaps(here) == ["t1"]
    assert [one.terminals for one in here.told] == [("t1", "t2"), ("t3",)]
    (call,) = here.calls
    assert (call.role, call.people) == (CallRole.FALLBACK, ("wang",))
    (named,) = here.changes(Change.GAP_NAMED)
    assert (named.actor, named.reason) == ("t1", Reason.NOT_ANSWERED)
    assert named.detail is not None
    assert named.detail.en == (
        "T1 was not reached: its speaker is broken; told instead: T3; to walk there: wang"
    )
    here.wait(20)
    assert len([one for one in here.calls if one.role is CallRole.FALLBACK]) == 1
    here.see_for(0.5, 4)
    assert here.told[-1].action == "cancel"
    assert "t3" in here.told[-1].terminals


def test_a_higher_plan_is_told_in_its_place_too() -> None:
    here = room(
        plan("y", "yellow"),
        plan("r", "red"),
        terminals=[{**T1, "fallback": {"terminals": ["t3"]}}, T3],
    )
    here.see(3.2)
    here.answers("t1", OrderState.REFUSED, reason="expired")
    here.wait(1)
    here.see(5.2)
    assert here.told[-1].text.en == "show r"
    assert here.told[-1].terminals == ("t1", "t3")


def test_a_terminal_that_answers_after_all_closes_its_gap() -> None:
    here = with_fallback()
    here.see(3.2)
    here.answers("t1", OrderState.FAILED)
    here.wait(1)
    assert gaps(here) == ["t1"]
    here.answers("t1", OrderState.RECEIVED)
    assert gaps(here) == ["t1"], "its speaker is as broken as before"
    here.answers("t1", OrderState.PLAYED)
    assert gaps(here) == []
    (closed,) = here.changes(Change.GAP_CLOSED)
    assert (closed.actor, closed.reason) == ("t1", Reason.ANSWERED)
    here.answers("t1", OrderState.PLAYED)
    assert len(here.changes(Change.GAP_CLOSED)) == 1


def test_a_receipt_closes_the_gap_of_one_that_only_was_away() -> None:
    here = with_fallback()
    here.see_for(3.2, 302)
    assert "t1" in gaps(here)
    here.answers("t1", OrderState.RECEIVED)
    assert "t1" not in gaps(here)


def test_a_late_word_on_the_weaker_message_does_not_say_that_the_stronger_was_heard() -> None:
    here = room(plan("y", "yellow"), plan("r", "red"), terminals=[T1])
    here.see(3.2)
    here.answers("t1", OrderState.RECEIVED)
    here.wait(60)
    here.see(5.2)
    here.answers("t1", OrderState.PLAYED, told_s_ago=60)
    here.see_for(5.2, 302)
    assert gaps(here) == ["t1"]


def test_who_makes_up_for_a_terminal_hears_only_what_was_meant_for_it() -> None:
    here = room(
        plan("y", "yellow", terminals="all"),
        plan("r", "red", terminals=["t2"]),
        terminals=[{**T1, "fallback": {"terminals": ["t3"]}}, T2, T3],
    )
    here.see(3.2)
    here.answers("t1", OrderState.FAILED)
    here.wait(1)
    here.see(5.2)
    assert here.told[-1].text.en == "show r"
    assert here.told[-1].terminals == ("t2",)


def test_the_public_message_of_a_case_that_nobody_takes_has_its_fallback_too() -> None:
    here = room(
        plan("y", "yellow", approval="two"),
        terminals=[{**T1, "fallback": {"terminals": ["t3"]}}, T3],
        escalation={"public": {"text": words("walk on"), "cancel": words("thanks")}},
    )
    here.see_for(3.2, 125)
    assert [one.terminals for one in here.told] == [("t1",)]
    here.answers("t1", OrderState.FAILED)
    here.wait(1)
    assert here.told[-1].terminals == ("t3",)
    assert here.told[-1].text.en == "walk on"


def test_a_zone_that_hears_nothing_is_named_though_others_are_told() -> None:
    group = {"id": "stewards", "name": words("Stewards"), "terminals": ["t3"]}
    here = room(
        plan("y", "yellow", groups=["stewards"]),
        terminals=[T3],
        groups=[group],
    )
    here.see(3.2)
    assert here.told[0].terminals == ("t3",)
    assert gaps(here) == [None]


def test_many_that_are_missing_at_once_are_one_call() -> None:
    here = room(terminals=[T1, T2], zones=zones(walkers=["wang"]))
    here.see_for(3.2, 302)
    assert set(gaps(here)) == {"t1", "t2"}
    assert len([one for one in here.calls if one.role is CallRole.FALLBACK]) == 1


def test_a_counter_that_ran_ahead_and_other_peoples_orders_are_no_gap() -> None:
    here = with_fallback()
    here.see(3.2)
    here.answers("t1", OrderState.REFUSED, reason="stale_reissued")
    here.answers("t3", OrderState.FAILED)
    here.answers("t1", OrderState.FAILED, case="another")
    here.answers("t1", OrderState.SENT)
    here.wait(1)
    assert gaps(here) == []


def test_the_walkers_of_its_zone_go_where_a_terminal_names_nobody() -> None:
    here = room(terminals=[T1], zones=zones(walkers=["wang"]))
    here.see(3.2)
    here.answers("t1", OrderState.FAILED)
    here.wait(1)
    assert here.calls[0].people == ("wang",)


def test_a_gap_that_nobody_makes_up_for_says_so() -> None:
    here = room(terminals=[T1])
    here.see(3.2)
    here.answers("t1", OrderState.FAILED)
    here.wait(1)
    (named,) = here.changes(Change.GAP_NAMED)
    assert named.detail is not None
    assert named.detail.en.endswith("the site names nobody to make up for it")
    assert here.calls == []


def test_a_zone_without_any_terminal_is_named_once_with_who_walks_there() -> None:
    here = room(
        plan("y", "yellow"), plan("o", "orange"), terminals=[T3], zones=zones(walkers=["wang"])
    )
    here.see(3.2)
    here.see(4.2)
    assert gaps(here) == [None]
    (named,) = here.changes(Change.GAP_NAMED)
    assert named.reason is Reason.NO_TERMINAL
    assert [call.people for call in here.calls] == [("wang",)]


def test_a_plan_that_means_to_tell_nobody_has_no_gap() -> None:
    here = room(plan("y", "yellow", terminals=[], raise_entrances=["e1"]), terminals=[T3])
    here.see(3.2)
    assert gaps(here) == []


def test_what_was_taken_back_is_missing_nowhere() -> None:
    here = with_fallback()
    here.see(3.2)
    here.answers("t1", OrderState.FAILED)
    here.wait(1)
    here.decide(Verb.WITHDRAW)
    assert gaps(here) == []
    here.see_for(3.2, 400)
    assert gaps(here) == []


def test_waiting_and_named_gaps_survive_a_restart() -> None:
    here = with_fallback()
    here.see(3.2)
    here.answers("t2", OrderState.FAILED)
    here.see_for(3.2, 200)
    here.restart(down_s=5)
    assert gaps(here) == ["t2"]
    here.see_for(3.2, 102)
    assert set(gaps(here)) >= {"t1", "t2"}
    assert len([one for one in here.changes(Change.GAP_NAMED) if one.actor == "t2"]) == 1


@pytest.mark.parametrize(
    ("terminal", "path", "what"),
    [
        ({"fallback": {"terminals": ["t9"]}}, "terminals.0.fallback.terminals.0", "`t9`"),
        ({"fallback": {"people": ["li"]}}, "terminals.0.fallback.people.0", "`li`"),
        ({"fallback": {"terminals": ["t1"]}}, "terminals.0.fallback", "make up for itself"),
    ],
)
def test_a_fallback_that_cannot_help_is_named_by_its_place(
    terminal: dict[str, Any], path: str, what: str
) -> None:
    whole = site(terminals=[{**T1, **terminal}], people=PEOPLE)
    found = {".".join(map(str, fault[0])): fault[1] for fault in faults(whole)}
    assert what in found[path]


def test_a_walker_that_the_site_does_not_have_is_named_by_its_place() -> None:
    found = {".".join(map(str, fault[0])) for fault in faults(site(zones=zones(walkers=["x"])))}
    assert "zones.0.walkers.0" in found
