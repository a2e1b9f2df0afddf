"""When a level is raised, stepped and cleared: timelines on a clock that only moves when told."""

from __future__ import annotations

import math

import pytest

from model.cases import Change, Reason
from model.level import Level, Sight
from model.text import Bilingual
from tests.alerts.room import START, Room, peak_rule, site


def test_a_crossing_is_a_warning_when_it_stood_for_the_hold() -> None:
    room = Room()
    room.see(5.3)
    room.wait(19.8)
    assert room.engine.open_cases() == ()
    room.wait(0.4)
    case = room.only_case()
    assert (case.level, case.subject, case.hazard) == (Level.RED, "bridge", "crowding")
    (opened,) = room.transitions
    assert opened.reason is Reason.ABOVE_RAISE
    assert opened.detail == Bilingual(
        zh="局部最密 5.3 ≥ 5 人/㎡，持续 20 秒", en="peak 5.3 ≥ 5 p/m² for 20 s"
    )
    assert 20.0 <= (case.opened - START).total_seconds() <= 20.2


def test_without_a_hold_the_warning_opens_in_the_same_step() -> None:
    room = Room(site(rules=[peak_rule(hold_s=0)]))
    assert room.see(3.1).cases[0].level is Level.YELLOW


def test_a_short_crossing_is_no_warning() -> None:
    room = Room()
    room.see_for(5.3, 18)
    room.see_for(1.0, 30)
    room.see_for(5.3, 18)
    room.see_for(1.0, 30)
    assert room.transitions == []


def test_noise_around_the_raise_value_does_not_hide_a_crossing() -> None:
    room = Room()
    for peak in (5.3, 4.8) * 12:
        room.see(peak)
        room.wait(2)
    assert room.only_case().level is Level.RED


def test_levels_step_up_each_after_its_own_hold() -> None:
    room = Room()
    room.see_for(2.2, 22)
    room.see_for(4.2, 22)
    room.see_for(5.2, 22)
    steps = room.changes(Change.OPENED, Change.STEPPED_UP)
    assert [one.level for one in steps] == [Level.BLUE, Level.ORANGE, Level.RED]


def test_levels_step_down_after_the_clear_hold_and_close_at_calm() -> None:
    room = Room()
    room.see_for(5.2, 22)
    room.see_for(3.2, 58)
    assert room.only_case().level is Level.RED
    room.see_for(3.2, 4)
    assert room.only_case().level is Level.YELLOW
    room.see_for(0.4, 62)
    assert room.engine.open_cases() == ()
    closed = room.changes(Change.CLOSED)[0]
    assert closed.reason is Reason.BELOW_CLEAR
    assert closed.detail == Bilingual(
        zh="局部最密 0.4 < 1.5 人/㎡，持续 60 秒", en="peak 0.4 < 1.5 p/m² for 60 s"
    )


def test_between_raise_and_clear_value_the_level_stands() -> None:
    room = Room()
    room.see_for(5.2, 22)
    room.see_for(4.6, 600)
    assert room.only_case().level is Level.RED


@pytest.mark.parametrize("swing", [0.2, 0.45, 1.0, 3.0])
@pytest.mark.parametrize("period_s", [4, 30, 90])
def test_an_hour_of_oscillation_at_a_threshold_is_one_warning(
    swing: float, period_s: float
) -> None:
    room = Room(site(rules=[peak_rule(raise_at={"red": 5.0}, hold_s=0)]))
    for second in range(0, 3600, 2):
        room.see(5.0 + swing * math.sin(2 * math.pi * second / period_s + 0.1))
        room.clock.advance(2)
        room.step()
    assert len(room.changes(Change.OPENED)) == 1
    assert room.changes(Change.CLOSED) == []


def test_a_blind_zone_holds_its_level() -> None:
    room = Room()
    room.see_for(5.2, 22)
    room.blind()
    room.wait(3600)
    assert room.only_case().level is Level.RED
    assert room.levels["bridge"] is Level.RED


def test_blindness_does_not_let_the_clear_hold_run() -> None:
    room = Room()
    room.see_for(5.2, 22)
    room.see_for(0.5, 40)
    room.blind()
    room.wait(40)
    room.see_for(0.5, 18)
    assert room.only_case().level is Level.RED
    room.see_for(0.5, 4)
    assert room.engine.open_cases() == ()


def test_blindness_does_not_let_the_raise_hold_run_nor_forget_it() -> None:
    room = Room()
    room.see_for(5.2, 12)
    room.blind()
    room.wait(40)
    assert room.engine.open_cases() == ()
    room.see_for(5.2, 6)
    assert room.engine.open_cases() == ()
    room.see_for(5.2, 4)
    assert room.only_case().level is Level.RED


def test_after_long_blindness_a_hold_starts_anew() -> None:
    room = Room()
    room.see_for(5.2, 18)
    room.blind()
    room.wait(120)
    room.see_for(5.2, 18)
    assert room.engine.open_cases() == ()


def test_a_partly_seen_zone_may_raise_and_never_lower() -> None:
    room = Room()
    room.see_for(4.2, 22, sight=Sight.PARTIAL)
    assert room.only_case().level is Level.ORANGE
    assert room.said(0).endswith("(seen in part)")
    room.see_for(0.1, 3600, sight=Sight.PARTIAL)
    assert room.only_case().level is Level.ORANGE
    room.see_for(0.1, 62)
    assert room.engine.open_cases() == ()


def test_two_rules_of_one_hazard_are_one_case_at_the_higher_level() -> None:
    rules = [
        peak_rule(),
        peak_rule(
            id="density",
            signal="zone_density",
            raise_at={"yellow": 1.0},
            text={"zh": "d", "en": "d"},
        ),
    ]
    room = Room(site(rules=rules))
    room.see_for(2.2, 22)
    case = room.only_case()
    assert (case.level, case.rule) == (Level.YELLOW, "density")
    room.see_for(4.2, 22)
    case = room.only_case()
    assert (case.level, case.rule) == (Level.ORANGE, "peak")
    assert len(room.changes(Change.OPENED)) == 1


def test_occupancy_is_judged_as_a_share_of_capacity() -> None:
    rule = peak_rule(signal="occupancy", raise_at={"orange": 0.4}, clear_below=0.1, hold_s=0)
    room = Room(site(rules=[rule]))
    room.see(3.9)
    assert room.engine.open_cases() == ()
    room.see(4.0)
    assert room.said(0) == "occupancy 40 % ≥ 40 % of capacity for 0 s"


def test_zones_do_not_mix() -> None:
    room = Room()
    room.see_for(5.2, 22, zone="lane")
    assert room.levels == {"bridge": None, "lane": Level.RED}


@pytest.mark.parametrize("step_s", [3600.0, -3600.0])
def test_a_clock_step_neither_fires_nor_hides(step_s: float) -> None:
    room = Room()
    room.see_for(5.2, 10)
    room.clock.step_wall(step_s)
    room.wait(9)
    assert room.engine.open_cases() == ()
    room.wait(1.4)
    assert room.only_case().level is Level.RED


def test_time_never_runs_backward() -> None:
    room = Room()
    room.see(5.2)
    room.wait(10)
    room.clock.advance(-8)
    room.wait(10)
    assert room.engine.open_cases() == ()


def test_an_engine_that_slept_does_not_lower_what_it_did_not_see() -> None:
    room = Room()
    room.see_for(5.2, 22)
    room.see(0.5)
    room.clock.advance(3600)
    room.step()
    assert room.only_case().level is Level.RED


def test_exactly_at_the_clear_value_nothing_clears() -> None:
    room = Room()
    room.see_for(5.2, 22)
    room.see_for(4.5, 600)
    assert room.only_case().level is Level.RED


def test_a_lower_level_is_raised_in_time_while_a_higher_hold_still_runs() -> None:
    room = Room()
    room.see_for(2.2, 16)
    room.see(5.2)
    room.wait(3.8)
    assert room.engine.open_cases() == ()
    room.wait(0.4)
    assert room.only_case().level is Level.BLUE
    room.wait(15.4)
    assert room.only_case().level is Level.BLUE
    room.wait(0.6)
    assert room.only_case().level is Level.RED


def test_a_pause_of_a_hold_is_as_long_as_all_its_parts() -> None:
    room = Room()
    room.see_for(5.2, 18)
    for _ in range(31):
        room.blind()
        room.wait(2)
    room.see_for(5.2, 18)
    assert room.engine.open_cases() == ()


def test_a_pause_just_short_enough_keeps_the_hold() -> None:
    room = Room()
    room.see_for(5.2, 18)
    for _ in range(29):
        room.blind()
        room.wait(2)
    room.see_for(5.2, 4)
    assert room.only_case().level is Level.RED


def test_after_a_restart_nothing_runs_on_what_was_seen_before_it() -> None:
    room = Room()
    room.see_for(5.2, 18)
    seen, room.views = room.views["bridge"], {}
    room.restart()
    room.wait(30)
    assert room.engine.open_cases() == ()
    room.step(views=(seen,))
    room.wait(2.2)
    assert room.only_case().level is Level.RED
