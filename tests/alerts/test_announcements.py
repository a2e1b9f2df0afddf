"""What somebody types for terminals: where it goes, who must agree, how it ends, and exercises."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from alerts.announcements import STANDING_MOST
from alerts.ownership import Refusal
from model.cases import CaseState
from model.facts import Message, Verb
from model.level import Level
from model.text import Bilingual
from tests.alerts.room import Room, peak_rule, site, words

GROUP = {"id": "stewards", "name": words("Stewards"), "terminals": ["t3", "t1"]}
TERMINALS = [
    {"id": "t1", "name": words("T1"), "zones": ["bridge"], "public": True},
    {"id": "t2", "name": words("T2"), "zones": ["bridge", "lane"]},
    {"id": "t3", "name": words("T3"), "zones": ["lane"]},
]


def room(**changes: Any) -> Room:
    rules = [peak_rule(hold_s=0, clear_hold_s=2)]
    return Room(site(rules=rules, terminals=TERMINALS, groups=[GROUP], **changes))


def typed(**changes: Any) -> Message:
    message = Message(
        text=Bilingual(zh="请绕行", en="Take another way"),
        cancel=Bilingual(zh="可以通行", en="The way is open"),
        speech="请绕行",
        everybody=True,
    )
    return msgspec.structs.replace(message, **changes)


def say(here: Room, name: str = "d-1", *, level: Level | None = Level.YELLOW, **how: Any) -> None:
    message = how.pop("message", None) or typed(**how.pop("words", {}))
    here.decide(
        Verb.BROADCAST,
        name,
        id=name,
        level=level,
        minutes=how.pop("minutes", 10.0),
        message=message,
        **how,
    )


def test_what_is_typed_goes_out_at_once_and_is_taken_back_in_its_own_words() -> None:
    here = room()
    say(here, words={"repeat_s": 60, "volume": 55})
    (told,) = here.told
    assert (told.case, told.action, told.terminals) == ("said-d-1", "show", ("t1", "t2", "t3"))
    assert (told.text.en, told.speech, told.expires_s) == ("Take another way", "请绕行", 600.0)
    assert (told.repeat_s, told.volume) == (60, 55)
    assert [one.id for one in here.typed] == ["said-d-1"]
    assert here.levels == {"bridge": None, "lane": None}
    here.decide(Verb.WITHDRAW, "said-d-1", person="wang")
    assert (here.told[-1].action, here.told[-1].text.en) == ("cancel", "The way is open")
    assert here.typed == ()


@pytest.mark.parametrize(
    ("where", "reached"),
    [
        ({"terminals": ("t3", "t9")}, ("t3",)),
        ({"groups": ("stewards",)}, ("t3", "t1")),
        ({"zones": ("lane",)}, ("t2", "t3")),
        ({"terminals": ("t2",), "groups": ("stewards",), "zones": ("lane",)}, ("t2", "t3", "t1")),
    ],
)
def test_it_reaches_terminals_groups_and_zones_each_terminal_once(
    where: dict[str, Any], reached: tuple[str, ...]
) -> None:
    here = room()
    say(here, words={"everybody": False, **where})
    assert here.told[0].terminals == reached


def test_red_that_the_public_hears_waits_for_another_person_at_another_session() -> None:
    here = room()
    say(here, level=Level.RED, person="li")
    assert here.told == []
    assert (here.typed[0].waits, here.typed[0].agreed) == (True, ("li",))
    here.decide(Verb.APPROVE, "said-d-1", person="li", session="another")
    here.decide(Verb.APPROVE, "said-d-1", person="wang", session="session-of-li")
    assert [why for _, why in here.refused] == [Refusal.SAME_PERSON, Refusal.SAME_SESSION]
    assert here.told == []
    here.decide(Verb.APPROVE, "said-d-1", person="wang")
    assert here.told[0].action == "show"
    assert here.typed[0].agreed == ("li", "wang")
    here.decide(Verb.APPROVE, "said-d-1", person="zhao")
    assert here.refused[-1][1] is Refusal.NOTHING_TO_APPROVE
    assert len(here.told) == 1


def test_red_for_staff_alone_needs_nobody_else_and_the_site_may_ask_earlier() -> None:
    here = room()
    say(here, level=Level.RED, words={"everybody": False, "terminals": ("t2", "t3")})
    assert len(here.told) == 1
    strict = room(broadcasts={"two_people_from": "yellow"})
    say(strict)
    assert strict.told == []


def test_what_waits_and_is_let_be_was_never_told() -> None:
    here = room()
    say(here, level=Level.RED)
    here.decide(Verb.WITHDRAW, "said-d-1")
    assert (here.told, here.typed) == ([], ())
    here.decide(Verb.APPROVE, "said-d-1", person="wang")
    assert here.refused[-1][1] is Refusal.CASE_NOT_OPEN


def test_it_ends_at_its_end_and_agreement_does_not_lengthen_it() -> None:
    here = room()
    say(here, level=Level.RED, minutes=1.0)
    here.wait(20)
    here.decide(Verb.APPROVE, "said-d-1", person="wang")
    assert here.told[0].expires_s == pytest.approx(40, abs=0.5)
    here.wait(41)
    assert here.typed == ()
    assert len(here.told) == 1


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"level": None}, Refusal.LEVEL_MISSING),
        ({"minutes": None}, Refusal.END_MISSING),
        ({"words": {"everybody": False, "zones": ("nowhere",)}}, Refusal.NOBODY_ADDRESSED),
    ],
)
def test_what_is_not_complete_is_refused_with_a_reason(how: dict[str, Any], why: Refusal) -> None:
    here = room()
    say(here, **how)
    assert here.refused == [("d-1", why)]
    assert here.told == []


def test_a_broadcast_without_words_and_another_verb_on_a_message_are_refused() -> None:
    here = room()
    here.decide(Verb.BROADCAST, "d-0", id="d-0", level=Level.BLUE, minutes=1.0)
    say(here)
    here.decide(Verb.ACKNOWLEDGE, "said-d-1")
    assert [why for _, why in here.refused] == [Refusal.MESSAGE_MISSING, Refusal.CASE_NOT_OPEN]


def test_no_more_than_so_many_stand_at_once() -> None:
    here = room()
    for number in range(STANDING_MOST + 1):
        say(here, f"d-{number}")
    assert here.refused == [(f"d-{STANDING_MOST}", Refusal.TOO_MANY_STAND)]


def test_an_exercise_says_so_in_every_word() -> None:
    here = room()
    say(here, words={"exercise": True})
    (told,) = here.told
    assert told.exercise
    assert told.text.en.startswith("[EXERCISE]")
    assert told.speech.startswith("演习。")
    here.decide(Verb.WITHDRAW, "said-d-1")
    assert here.told[-1].exercise
    assert here.told[-1].text.zh.startswith("【演习】")


def test_no_exercise_where_it_is_earnest_and_one_that_runs_is_taken_back() -> None:
    here = room()
    say(here, words={"exercise": True})
    say(here, "d-2")
    here.see(4.2)
    assert [(one.case, one.action) for one in here.told[-1:]] == [("said-d-1", "cancel")]
    assert [one.id for one in here.typed] == ["said-d-2"]
    say(here, "d-3", words={"exercise": True, "everybody": False, "zones": ("bridge",)})
    assert here.refused == [("d-3", Refusal.REAL_WARNING_STANDS)]
    say(here, "d-4", words={"exercise": True, "everybody": False, "terminals": ("t3",)})
    assert here.told[-1].case == "said-d-4"


def test_quiet_hours_hold_for_what_is_typed_and_it_says_how_loud_it_is() -> None:
    night = {"start": "22:00", "end": "06:00", "volume_most": 30}
    here = room(broadcasts={"quiet_hours": [night]})
    say(here)
    assert here.told[0].volume == 30
    assert here.typed[0].volume == 30


def test_what_is_spoken_again_grows_soft_when_the_quiet_hours_begin_and_loud_when_they_end() -> (
    None
):
    here = room()
    now = here.clock.now().astimezone(ZoneInfo("Asia/Shanghai"))
    begins, ends = now + timedelta(minutes=5), now + timedelta(minutes=15)
    night = {"start": f"{begins:%H:%M}", "end": f"{ends:%H:%M}", "volume_most": 30}
    here = room(broadcasts={"quiet_hours": [night]})
    say(here, minutes=60.0, words={"repeat_s": 60, "volume": 90})
    say(here, "d-2", minutes=60.0, words={"volume": 90})
    for _ in range(20):
        here.wait(60)
    assert [(one.case, one.volume) for one in here.told] == [
        ("said-d-1", 90),
        ("said-d-2", 90),
        ("said-d-1", 30),
        ("said-d-1", 90),
    ]


def test_it_survives_a_restart_is_not_told_again_and_ends_in_time() -> None:
    here = room()
    say(here, minutes=1.0)
    say(here, "d-2", level=Level.RED)
    here.restart(down_s=50)
    assert {one.id for one in here.typed} == {"said-d-1", "said-d-2"}
    assert len(here.told) == 1
    here.wait(11)
    assert [one.id for one in here.typed] == ["said-d-2"]
    here.decide(Verb.APPROVE, "said-d-2", person="wang")
    assert here.told[-1].case == "said-d-2"


def test_the_same_decision_twice_is_told_once() -> None:
    here = room()
    say(here)
    say(here)
    assert len(here.told) == 1
    assert here.refused == [("d-1", Refusal.DUPLICATE)]


def test_a_message_by_the_name_of_a_warning_takes_nothing_of_it_over() -> None:
    here = room()
    here.see(5.2)
    (case,) = here.engine.open_cases()
    say(here, case.id, level=Level.BLUE)
    assert [one.id for one in here.typed] == [f"said-{case.id}"]
    here.decide(Verb.ACKNOWLEDGE, case.id)
    assert here.refused == []
    assert here.engine.open_cases()[0].state is CaseState.ACKNOWLEDGED


def test_a_name_that_stands_already_is_not_given_twice() -> None:
    here = room()
    say(here, "d-" + "9" * 62)
    say(here, "d-" + "9" * 61 + "8")
    assert here.refused[-1][1] is Refusal.DUPLICATE
