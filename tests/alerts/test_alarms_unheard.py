"""An alarm of which only the end is heard: raised and cleared while nobody listened, told by its last word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from alerts.signals import CLEARED_KEPT, FORGET_CLEARED_S, Ignored, SensorBoard
from alerts.watch import UNHEARD_WITHIN
from model.cases import Change
from model.facts import DeviceKind, Fact, SensorAlarm
from tests.alerts.room import Room, site, words

HELP = {
    "id": "help",
    "hazard": "help",
    "signal": "alarm",
    "alarm": "help",
    "level": "orange",
    "clear_hold_s": 5,
    "text": words("help"),
}
BOTH = [Change.OPENED, Change.CLOSED]


def room(**rule: float) -> Room:
    return Room(site(rules=[{**HELP, **rule}]))


def word(
    here: Room,
    state: str,
    *,
    name: str = "a1",
    ago_s: float = 1.0,
    stood_s: float | None = 2.0,
    sensor: str = "s1",
) -> Fact:
    """A detector's word of `ago_s` seconds ago; a clearing says that it stood for `stood_s`."""
    at = here.clock.now() - timedelta(seconds=ago_s)
    raised_at: datetime | None = None
    if state == "cleared" and stood_s is not None:
        raised_at = at - timedelta(seconds=stood_s)
    return Fact(
        kind=DeviceKind.SENSOR,
        source=sensor,
        arrived=here.clock.now(),
        arrived_monotonic_s=here.clock.monotonic(),
        body=SensorAlarm(
            id=name,
            at=at,
            hazard="help",
            state="raised" if state == "raised" else "cleared",
            raised_at=raised_at,
        ),
    )


def steps(here: Room) -> list[Change]:
    return [step.change for step in here.transitions if step.change in BOTH]


def test_a_call_of_which_only_the_end_was_heard_is_a_warning_that_ends_as_any_other() -> None:
    here = room()
    here.step(facts=(word(here, "cleared"),))
    assert steps(here) == [Change.OPENED]
    here.wait(6)
    assert steps(here) == BOTH


def test_the_first_word_that_comes_after_the_last_tells_nothing_new() -> None:
    here = room()
    cleared = word(here, "cleared", ago_s=1, stood_s=2)
    raised = word(here, "raised", ago_s=3)
    here.step(facts=(cleared,))
    here.wait(6)
    assert here.step(facts=(raised,)).signals_ignored == (("s1", Ignored.LATE),)
    here.step(facts=(cleared,))
    here.wait(6)
    assert steps(here) == BOTH


def test_the_end_of_an_alarm_that_was_heard_is_no_second_one_however_often_it_is_said() -> None:
    here = room()
    here.step(facts=(word(here, "raised", ago_s=0),))
    here.wait(2)
    here.step(facts=(word(here, "cleared", ago_s=0, stood_s=2),))
    here.wait(300)
    here.step(facts=(word(here, "cleared", ago_s=0, stood_s=302),))
    here.restart()
    here.step(facts=(word(here, "cleared", ago_s=0, stood_s=302),))
    assert steps(here) == BOTH


def test_an_older_alarm_that_is_said_to_be_over_at_a_new_time_is_no_second_one() -> None:
    here = room()
    raised = here.clock.now()
    for name in ("a1", "a2", "a3"):
        here.step(facts=(word(here, "raised", name=name, ago_s=0),))
        here.wait(2)
        here.step(facts=(word(here, "cleared", name=name, ago_s=0, stood_s=2),))
        here.wait(10)
    here.wait(2 * FORGET_CLEARED_S)
    here.restart()
    since_s = (here.clock.now() - raised).total_seconds()
    here.step(facts=(word(here, "cleared", name="a1", ago_s=0, stood_s=since_s),))
    here.wait(6)
    assert steps(here) == BOTH * 3


def test_of_many_cleared_alarms_only_the_last_are_remembered_for_good() -> None:
    """A detector that names each of its alarms anew must not fill the memory."""
    board = SensorBoard(site(rules=[HELP]).sensors)
    for number in range(10 * CLEARED_KEPT):
        at = datetime(2026, 2, 14, 21, tzinfo=UTC) + timedelta(seconds=number)
        board.alarm("s1", SensorAlarm(id=f"a{number}", at=at, hazard="help", state="cleared"))
        board.advance(1.0)
    assert len(board.state.alarms["s1"]) > CLEARED_KEPT
    board.advance(FORGET_CLEARED_S)
    last = [f"a{number}" for number in range(9 * CLEARED_KEPT, 10 * CLEARED_KEPT)]
    assert sorted(board.state.alarms["s1"]) == sorted(last)


def test_a_detector_that_uses_one_name_for_all_its_alarms_is_heard_by_their_times() -> None:
    here = room()
    here.step(facts=(word(here, "raised", ago_s=2), word(here, "cleared", ago_s=0)))
    here.wait(60)
    here.step(facts=(word(here, "cleared", ago_s=1, stood_s=10),))
    here.wait(6)
    assert steps(here) == [*BOTH, *BOTH]


def test_an_alarm_of_a_detector_whose_clock_was_set_back_stands_until_it_is_cleared() -> None:
    """Its one name was last cleared at a later time of its clock; that was no end of this alarm."""
    here = room()
    here.step(facts=(word(here, "raised", ago_s=2), word(here, "cleared", ago_s=0)))
    here.wait(FORGET_CLEARED_S + 1)
    here.step(facts=(word(here, "raised", ago_s=3600),))
    here.wait(30)
    assert steps(here) == [*BOTH, Change.OPENED]
    here.step(facts=(word(here, "cleared", ago_s=3570, stood_s=30),))
    here.wait(6)
    assert steps(here) == [*BOTH, *BOTH]


@pytest.mark.parametrize(("stood_s", "opened"), [(9.0, []), (11.0, [Change.OPENED])])
def test_it_counts_by_how_long_its_detector_says_it_stood(
    stood_s: float, opened: list[Change]
) -> None:
    here = room(hold_s=10)
    here.step(facts=(word(here, "cleared", stood_s=stood_s),))
    assert steps(here) == opened


def test_an_end_without_a_beginning_is_no_alarm() -> None:
    here = room()
    here.step(facts=(word(here, "cleared", stood_s=None),))
    here.wait(10)
    assert here.transitions == []


def test_a_clock_that_was_set_back_meanwhile_lets_no_alarm_stand_for_ever() -> None:
    here = room()
    here.step(facts=(word(here, "cleared", stood_s=-3600),))
    here.wait(6)
    assert steps(here) == BOTH


@pytest.mark.parametrize(("late_s", "ignored"), [(-1, ()), (1, (("s1", Ignored.LONG_OVER),))])
def test_what_was_over_long_ago_is_history(
    late_s: float, ignored: tuple[tuple[str, Ignored], ...]
) -> None:
    here = room()
    ago_s = UNHEARD_WITHIN.total_seconds() + late_s
    outcome = here.step(facts=(word(here, "cleared", ago_s=ago_s),))
    assert outcome.signals_ignored == ignored
    assert bool(outcome.cases) is not bool(ignored)
    again = here.step(facts=(word(here, "cleared", ago_s=ago_s, stood_s=2),))
    assert again.signals_ignored == ()


@pytest.mark.parametrize(
    ("sensor", "why"), [("s9", Ignored.UNKNOWN_SENSOR), ("s3", Ignored.NO_ZONE)]
)
def test_who_speaks_for_no_zone_is_named(sensor: str, why: Ignored) -> None:
    sensors = [{"id": "s3", "name": words("C"), "zones": []}]
    here = Room(site(rules=[HELP], sensors=sensors))
    outcome = here.step(facts=(word(here, "cleared", sensor=sensor),))
    assert outcome.signals_ignored == ((sensor, why),)
    assert outcome.cases == ()
