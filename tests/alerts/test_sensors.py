"""Sensors' values and detectors' alarms as warnings."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alerts.signals import Ignored
from model.cases import Change, Reason
from model.facts import DeviceKind, Fact, SensorAlarm
from model.level import Level
from tests.alerts.room import Room, peak_rule, site, words

WATER = peak_rule(
    id="water",
    hazard="water",
    signal="sensor",
    quantity="water_level",
    raise_at={"yellow": 1.2, "orange": 1.5},
    clear_below=0.1,
    hold_s=10,
    clear_hold_s=20,
)
FIRE = {
    "id": "fire",
    "hazard": "fire",
    "signal": "alarm",
    "alarm": "fire",
    "level": "red",
    "clear_hold_s": 5,
    "text": words("fire"),
}


def room() -> Room:
    return Room(site(rules=[WATER, FIRE]))


def read_for(here: Room, seconds: int, **values: float) -> None:
    """Each sensor reads every 2 s."""
    for _ in range(seconds // 2):
        for sensor, value in values.items():
            here.read(sensor, "water_level", value, "m")
        here.wait(2)


def test_the_highest_sensor_of_a_zone_counts() -> None:
    here = room()
    read_for(here, 12, s1=0.8, s2=1.3)
    assert here.only_case().level is Level.YELLOW
    assert here.said(0) == "water level 1.3 ≥ 1.2 m for 10 s"


def test_a_silent_sensor_holds_the_warning() -> None:
    here = room()
    read_for(here, 12, s1=0.8, s2=1.3)
    here.wait(3600)
    assert here.only_case().level is Level.YELLOW


def test_while_one_sensor_is_silent_the_other_cannot_clear() -> None:
    here = room()
    read_for(here, 12, s1=0.8, s2=1.3)
    read_for(here, 600, s1=0.8)
    assert here.only_case().level is Level.YELLOW
    read_for(here, 24, s1=0.8, s2=0.9)
    assert here.engine.open_cases() == ()


def test_a_silent_sensor_is_unseen_after_its_time() -> None:
    here = room()
    here.read("s1", "water_level", 1.3, "m")
    here.wait(9)
    here.clock.advance(25)
    here.step()
    assert here.only_case().level is Level.YELLOW
    here.read("s1", "water_level", 1.6, "m")
    here.wait(9.8)
    assert here.only_case().level is Level.YELLOW


def test_a_wrong_unit_moves_nothing_and_is_named() -> None:
    here = room()
    outcome = here.read("s1", "water_level", 180.0, "cm")
    assert outcome.signals_ignored == (("s1", Ignored.WRONG_UNIT),)
    here.wait(20)
    assert here.transitions == []


def test_a_sensor_that_the_site_does_not_have_is_named() -> None:
    outcome = room().read("s9", "water_level", 1.8, "m")
    assert outcome.signals_ignored == (("s9", Ignored.UNKNOWN_SENSOR),)


def test_a_sensor_that_speaks_for_no_zone_is_named() -> None:
    sensors = [{"id": "s1", "name": words("A"), "zones": []}]
    here = Room(site(rules=[WATER], sensors=sensors))
    assert here.read("s1", "water_level", 2, "m").signals_ignored == (("s1", Ignored.NO_ZONE),)


def test_a_late_reading_is_passed_over() -> None:
    here = room()
    read_for(here, 8, s1=1.3)
    late = here.clock.now() - timedelta(seconds=4)
    outcome = here.read("s1", "water_level", 0.2, "m", at=late)
    assert outcome.signals_ignored == (("s1", Ignored.LATE),)
    here.wait(2.2)
    assert here.only_case().level is Level.YELLOW


@pytest.mark.parametrize("step_s", [-3600.0, 3600.0])
def test_a_step_of_the_sensors_clock_hides_nothing(step_s: float) -> None:
    here = room()
    read_for(here, 4, s1=0.5)
    for _ in range(10):
        at = here.clock.now() + timedelta(seconds=step_s)
        here.read("s1", "water_level", 1.3, "m", at=at)
        here.wait(2)
    assert here.only_case().level is Level.YELLOW


def test_an_alarm_is_a_warning_at_once_in_every_zone_of_its_detector() -> None:
    here = room()
    outcome = here.alarm("raised")
    (case,) = outcome.cases
    assert (case.level, case.hazard) == (Level.RED, "fire")
    assert outcome.transitions[0].reason is Reason.ALARM_RAISED


def test_an_alarm_stands_through_silence_until_its_detector_clears_it() -> None:
    here = room()
    here.alarm("raised")
    here.wait(3600)
    assert here.only_case().level is Level.RED
    here.alarm("cleared")
    here.wait(5.2)
    assert here.engine.open_cases() == ()
    assert here.changes(Change.CLOSED)[0].reason is Reason.ALARM_CLEARED


def test_one_detector_cannot_clear_anothers_alarm() -> None:
    here = room()
    here.alarm("raised", sensor="s1")
    here.alarm("raised", sensor="s2")
    here.alarm("cleared", sensor="s1")
    here.wait(60)
    assert here.only_case().level is Level.RED


def test_a_flapping_alarm_is_one_warning() -> None:
    here = room()
    for _ in range(100):
        here.alarm("raised")
        here.wait(2)
        here.alarm("cleared")
        here.wait(2)
    assert len(here.changes(Change.OPENED)) == 1


def test_a_repeated_alarm_changes_nothing() -> None:
    here = room()
    here.alarm("raised")
    here.alarm("raised")
    assert len(here.transitions) == 1


def test_an_alarm_without_a_rule_still_opens_a_case_and_survives_a_restart() -> None:
    here = room()
    here.alarm("raised", hazard="earthquake")
    case = here.only_case()
    assert (case.hazard, case.level) == ("earthquake", Level.ORANGE)
    here.restart()
    here.wait(600)
    assert here.only_case().id == case.id
    here.alarm("cleared", hazard="earthquake")
    here.wait(61)
    assert here.engine.open_cases() == ()


def test_an_alarm_rule_may_ask_for_a_hold() -> None:
    here = Room(site(rules=[FIRE | {"hold_s": 4}]))
    here.alarm("raised")
    here.wait(3.8)
    assert here.engine.open_cases() == ()
    here.wait(0.4)
    assert here.only_case().level is Level.RED


def press(here: Room, *, stood_s: float, name: str = "a1", hazard: str = "fire") -> list[Fact]:
    """An alarm that was raised and cleared while nobody looked, as it comes in one batch."""
    began = here.clock.now() - timedelta(seconds=stood_s + 1)
    ended = began + timedelta(seconds=stood_s)
    return [
        Fact(
            kind=DeviceKind.SENSOR,
            source="s1",
            arrived=here.clock.now(),
            arrived_monotonic_s=here.clock.monotonic(),
            body=body,
        )
        for body in (
            SensorAlarm(id=name, at=began, hazard=hazard, state="raised"),
            SensorAlarm(id=name, at=ended, hazard=hazard, state="cleared"),
        )
    ]


def test_a_call_that_was_over_before_anybody_looked_is_a_warning_all_the_same() -> None:
    here = room()
    here.step(facts=tuple(press(here, stood_s=2)))
    assert [step.change for step in here.transitions] == [Change.OPENED]
    here.wait(6)
    assert [step.change for step in here.transitions] == [Change.OPENED, Change.CLOSED]


def test_a_call_whose_clearing_came_first_is_a_warning_all_the_same() -> None:
    here = room()
    raised, cleared = press(here, stood_s=2)
    here.step(facts=(cleared,))
    here.step(facts=(raised,))
    assert [step.change for step in here.transitions] == [Change.OPENED]
    here.wait(6)
    assert [step.change for step in here.transitions] == [Change.OPENED, Change.CLOSED]


@pytest.mark.parametrize(("stood_s", "opened"), [(9.0, 0), (11.0, 1)])
def test_a_call_that_nobody_saw_counts_by_how_long_its_detector_says_it_stood(
    stood_s: float, opened: int
) -> None:
    here = Room(site(rules=[{**FIRE, "hold_s": 10}]))
    here.step(facts=tuple(press(here, stood_s=stood_s)))
    assert len(here.cases) == opened


def test_an_alarm_stands_over_a_restart() -> None:
    here = room()
    here.alarm("raised")
    opened = here.only_case()
    here.restart(down_s=600)
    here.wait(60)
    assert here.only_case().id == opened.id
    assert len(here.changes(Change.OPENED)) == 1


def test_a_mad_detector_cannot_fill_the_memory() -> None:
    here = room()
    for number in range(100):
        here.alarm("raised", name=f"a{number}")
        here.wait(0.2)
    ignored = here.alarm("raised", name="a100").signals_ignored
    assert ignored == (("s1", Ignored.TOO_MANY),)
    assert len(here.changes(Change.OPENED)) == 1
    for number in range(64):
        here.alarm("cleared", name=f"a{number}")
    here.wait(6)
    assert here.engine.open_cases() == ()
    size = len(here.engine.snapshot())
    here.wait(61)
    assert len(here.engine.snapshot()) < size / 2
