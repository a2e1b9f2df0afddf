"""Who is called about a warning: duty before roster before role; plans' people, checklists, messages."""

from __future__ import annotations

from typing import Any

from alerts.ownership import Refusal
from model.calls import CallRole
from model.cases import Change
from model.facts import Verb
from model.level import Level
from tests.alerts.room import Room, peak_rule, plan, site, words

PEOPLE = [
    {"id": "li", "name": "Li", "roles": ["operator"]},
    {"id": "wang", "name": "Wang", "roles": ["operator"]},
    {"id": "zhao", "name": "Zhao", "roles": ["commander"]},
    {"id": "sun", "name": "Sun", "roles": ["commander"]},
    {"id": "district", "name": "District", "roles": []},
]
PUBLIC = {"text": words("please walk on"), "cancel": words("thank you"), "expires_s": 100}


def room(**changes: Any) -> Room:
    return Room(
        site(
            rules=[peak_rule(hold_s=0, clear_hold_s=2)],
            people=PEOPLE,
            **{"escalation": {"outside": ["district"]}} | changes,
        )
    )


def called(here: Room) -> list[tuple[CallRole, tuple[str, ...]]]:
    return [(one.role, one.people) for one in here.calls]


def test_without_duty_and_roster_everybody_of_the_role_is_called() -> None:
    here = room()
    here.see(5.2)
    here.wait(121)
    assert called(here) == [
        (CallRole.SECOND_PERSON, ("li", "wang", "zhao", "sun")),
        (CallRole.COMMANDER, ("zhao", "sun")),
        (CallRole.OUTSIDE_CONTACT, ("district",)),
    ]
    assert len({one.id for one in here.calls}) == 3
    assert here.calls[0].case == here.only_case().id


def test_the_roster_says_whose_shift_it_is_over_midnight_too() -> None:
    # It is 03:00 in Shanghai.
    shifts = [
        {"start": "20:00", "end": "06:00", "people": ["wang", "sun"]},
        {"start": "08:00", "end": "20:00", "people": ["li", "zhao"]},
    ]
    here = room(roster=shifts)
    here.see(5.2)
    here.wait(61)
    assert called(here) == [
        (CallRole.SECOND_PERSON, ("wang", "sun")),
        (CallRole.COMMANDER, ("sun",)),
    ]


def test_who_signed_on_is_called_before_the_roster() -> None:
    here = room(roster=[{"start": "08:00", "end": "08:00", "people": ["wang", "sun"]}])
    here.decide(Verb.SIGN_ON, "li", person="li")
    here.decide(Verb.SIGN_ON, "zhao", person="zhao")
    assert [one.person for one in here.duty] == ["li", "zhao"]
    here.see(5.2)
    here.decide(Verb.ASSIGN, assignee="li")
    here.wait(61)
    assert called(here) == [
        (CallRole.SECOND_PERSON, ("zhao",)),
        (CallRole.COMMANDER, ("zhao",)),
    ]


def test_signing_on_and_off_over_a_restart_and_at_most_for_a_long_shift() -> None:
    here = room()
    here.decide(Verb.SIGN_OFF, "li", person="li")
    here.decide(Verb.SIGN_ON, "li", person="li")
    here.decide(Verb.SIGN_ON, "li", person="li")
    assert [why for _, why in here.refused] == [Refusal.NOT_ON_DUTY, Refusal.ALREADY_ON_DUTY]
    here.restart(down_s=60)
    assert [one.person for one in here.duty] == ["li"]
    for _ in range(16 * 120 + 1):
        here.clock.advance(30)
        here.step()
    assert here.duty == ()
    here.decide(Verb.SIGN_ON, "wang", person="wang")
    here.decide(Verb.SIGN_OFF, "wang", person="wang")
    assert here.duty == ()


def test_the_site_sets_the_times_of_the_clock() -> None:
    here = room(escalation={"second_s": 10, "commander_s": 20, "outside_s": 40})
    here.see(5.2)
    here.wait(41)
    assert len(here.calls) == 3
    assert here.said().startswith("outside contact called after 40 s")
    assert here.said().endswith("(the site names nobody)")


def test_the_low_risk_message_goes_where_nothing_is_told_yet_and_is_taken_back() -> None:
    here = Room(
        site(
            rules=[peak_rule(hold_s=0, clear_hold_s=2)],
            plans=[plan("r", "red", terminals=["t1"], expires_s=86_400)],
            escalation={"public": PUBLIC},
        )
    )
    here.see(5.2)
    here.see_for(5.2, 122)
    public = here.told[-1]
    assert (public.text.en, public.terminals, public.level) == (
        "please walk on",
        ("t2",),
        Level.BLUE,
    )
    assert len(here.changes(Change.PUBLIC_TOLD)) == 1
    here.see_for(5.2, 84)
    assert here.told[-1].text.en == "please walk on"
    here.see_for(0.5, 4)
    assert {(one.text.en, one.terminals) for one in here.told if one.action == "cancel"} == {
        ("cancel r", ("t1",)),
        ("thank you", ("t2",)),
    }


def test_no_low_risk_message_where_everything_is_told_or_somebody_took_it_on() -> None:
    here = Room(
        site(
            rules=[peak_rule(hold_s=0, clear_hold_s=2)],
            plans=[plan("r", "red", expires_s=86_400)],
            escalation={"public": PUBLIC},
        )
    )
    here.see(5.2)
    here.see_for(5.2, 130)
    assert here.changes(Change.PUBLIC_TOLD) == []
    owned = room(escalation={"public": PUBLIC})
    owned.see(5.2)
    owned.decide(Verb.ACKNOWLEDGE)
    owned.wait(130)
    assert owned.told == []


def test_a_plan_calls_its_people_once_and_brings_its_checklist() -> None:
    lines = [words("close the east stairs"), words("stewards to the bridge")]
    here = Room(
        site(
            rules=[peak_rule(hold_s=0, clear_hold_s=2)],
            people=PEOPLE,
            plans=[plan("o", "orange", call=["wang"], checklist=lines), plan("r", "red")],
        )
    )
    here.see(4.2)
    here.see(5.2)
    here.see_for(4.2, 4)
    assert called(here)[:1] == [(CallRole.PLAN, ("wang",))]
    assert len(here.changes(Change.PEOPLE_CALLED)) == 1
    assert [line.text.en for line in here.only_case().checklist] == [
        "close the east stairs",
        "stewards to the bridge",
    ]
    here.decide(Verb.CHECK, plan="o", item=1, person="wang")
    assert [line.done_by for line in here.only_case().checklist] == [None, "wang"]
    assert here.said() == "stewards to the bridge"
    here.decide(Verb.CHECK, plan="o", item=1)
    here.decide(Verb.CHECK, plan="o", item=2)
    assert [why for _, why in here.refused] == [Refusal.ALREADY_CHECKED, Refusal.NO_SUCH_ITEM]


def test_one_person_takes_back_what_a_case_told_and_only_a_higher_plan_speaks_again() -> None:
    here = Room(
        site(
            rules=[peak_rule(hold_s=0, clear_hold_s=2)],
            plans=[plan("y", "yellow"), plan("o", "orange", terminals=["t1"]), plan("r", "red")],
        )
    )
    here.decide(Verb.WITHDRAW, "case-none")
    here.see(3.2)
    here.see(4.2)
    here.decide(Verb.WITHDRAW, comment="wrong words")
    assert {(one.action, one.text.en) for one in here.told[2:]} == {
        ("cancel", "cancel o"),
        ("cancel", "cancel y"),
    }
    assert here.said() == "messages of plan o, y withdrawn by hand: wrong words"
    here.decide(Verb.WITHDRAW)
    assert here.refused[-1][1] is Refusal.NOTHING_TOLD
    told = len(here.told)
    here.see_for(3.2, 4)
    here.see(4.2)
    assert len(here.told) == told
    here.see(5.2)
    assert here.told[-1].text.en == "show r"


def test_a_silenced_case_lets_no_low_risk_message_out() -> None:
    here = Room(
        site(
            rules=[peak_rule(hold_s=0, clear_hold_s=2)],
            plans=[plan("y", "yellow", expires_s=86_400)],
            escalation={"public": PUBLIC},
        )
    )
    here.see(3.2)
    here.decide(Verb.WITHDRAW)
    here.wait(130)
    assert here.changes(Change.PUBLIC_TOLD) == []
