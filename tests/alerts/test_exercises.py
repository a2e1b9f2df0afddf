"""Exercises run the same chain, are marked everywhere, and touch nothing real."""

from __future__ import annotations

from typing import Any

from alerts.ownership import Refusal
from model.cases import CaseState, Change, Reason
from model.facts import Verb
from model.level import Level
from model.orders import Motion
from tests.alerts.room import Room, peak_rule, plan, site


def room(*plans: dict[str, Any]) -> Room:
    return Room(site(rules=[peak_rule(hold_s=0, clear_hold_s=2)], plans=list(plans)))


def practise(here: Room, *, level: Level = Level.RED, minutes: float = 10) -> None:
    here.decide(
        Verb.EXERCISE,
        "bridge",
        level=level,
        hazard="crowding",
        minutes=minutes,
        comment="monthly",
    )


def test_an_exercise_runs_the_same_chain_and_every_text_says_so() -> None:
    here = room(plan("r", "red", speech="stop", raise_entrances=["e1"]))
    practise(here)
    case = here.only_case()
    assert (case.exercise, case.level) == (True, Level.RED)
    assert case.text.en.startswith("[EXERCISE] ")
    (told,) = here.told
    assert told.exercise
    assert (told.text.zh, told.text.en) == ("【演习】show r", "[EXERCISE] show r")
    assert told.speech.startswith("演习。")
    assert [one.exercise for one in here.moved] == [True]
    here.wait(31)
    assert len(here.changes(Change.ESCALATED)) == 1
    assert here.calls[-1].exercise
    assert here.levels["bridge"] is None


def test_an_exercise_ends_at_its_end_and_is_taken_back_as_one() -> None:
    here = room(plan("r", "red", raise_entrances=["e1"]))
    practise(here, minutes=1)
    here.wait(61)
    assert here.engine.open_cases() == ()
    assert here.changes(Change.CLOSED)[0].reason is Reason.EXERCISE_OVER
    assert here.told[-1].text.en == "[EXERCISE] cancel r"
    assert [(one.motion, one.exercise) for one in here.moved] == [
        (Motion.RAISE, True),
        (Motion.LOWER, True),
    ]


def test_a_person_ends_an_exercise_without_giving_a_reason() -> None:
    here = room()
    practise(here)
    here.decide(Verb.CLOSE)
    assert here.refused == []
    assert here.changes(Change.CLOSED)[0].reason is Reason.PERSON


def test_an_exercise_ends_when_it_becomes_earnest_in_its_zone() -> None:
    here = room()
    practise(here)
    here.see(3.2)
    assert len(here.engine.open_cases()) == 2
    here.see(5.2)
    (real,) = here.engine.open_cases()
    assert not real.exercise
    assert here.changes(Change.CLOSED)[0].reason is Reason.REAL_WARNING
    practise(here)
    assert here.refused[-1][1] is Refusal.REAL_WARNING_STANDS


def test_the_same_exercise_does_not_begin_twice() -> None:
    here = room()
    practise(here)
    practise(here)
    assert [why for _, why in here.refused] == [Refusal.EXERCISE_RUNS]


def test_an_exercise_neither_mutes_nor_holds_up_anything_real() -> None:
    here = room(plan("y", "yellow", raise_entrances=["e1"]))
    practise(here, level=Level.RED)
    here.see(3.2)
    assert here.changes(Change.MUTED) == []
    assert [(one.motion, one.exercise) for one in here.moved] == [
        (Motion.RAISE, True),
        (Motion.RAISE, False),
    ]
    real = next(one for one in here.engine.open_cases() if not one.exercise)
    practice = next(one for one in here.engine.open_cases() if one.exercise)
    here.decide(Verb.CLOSE, practice.id)
    assert [one.exercise for one in here.moved if one.motion is Motion.LOWER] == [True]
    assert here.cases[real.id].state is CaseState.OPEN
