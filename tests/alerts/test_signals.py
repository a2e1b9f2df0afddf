"""Signals beyond a value: growth, forecast, motion, blindness, hours, values below, weak ones together."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from model.cases import Change, Reason
from model.facts import Verb
from model.level import Level, Sight
from model.zones import ForecastPoint, ZoneView
from tests.alerts.room import START, Room, peak_rule, site, words


def rule(signal: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": signal.replace("_", "-"),
        "hazard": signal.replace("_", "-"),
        "signal": signal,
        "raise_at": {"yellow": 1.0},
        "clear_below": 0.3,
        "hold_s": 4,
        "clear_hold_s": 6,
        "text": words(signal),
    } | changes


def look(here: Room, *, zone: str = "bridge", sight: Sight = Sight.LIVE, **numbers: Any) -> None:
    here.step(
        views=(ZoneView(zone=zone, at=here.clock.now(), sight=sight, capacity=200.0, **numbers),)
    )


def look_for(here: Room, seconds: float, **numbers: Any) -> None:
    for _ in range(round(seconds / 2)):
        look(here, **numbers)
        here.wait(2)


def hazards(here: Room) -> dict[str, Level]:
    return {case.hazard: case.level for case in here.engine.open_cases()}


@pytest.mark.parametrize(
    ("signal", "field", "high", "low", "raise_at"),
    [
        ("counterflow", "counterflow", 0.5, 0.1, 0.4),
        ("pressure", "pressure_s2", 0.05, 0.001, 0.02),
        ("daily_visitors", "day_load", 0.9, 0.2, 0.8),
        ("zone_density", "density_p_m2", 2.5, 0.5, 2.0),
    ],
)
def test_a_number_of_the_view_is_a_signal(
    signal: str, field: str, high: float, low: float, raise_at: float
) -> None:
    here = Room(site(rules=[rule(signal, raise_at={"yellow": raise_at}, clear_below=raise_at / 2)]))
    look_for(here, 6, **{field: high})
    assert hazards(here) == {signal.replace("_", "-"): Level.YELLOW}
    look_for(here, 20)
    assert len(here.engine.open_cases()) == 1
    look_for(here, 8, **{field: low})
    assert here.engine.open_cases() == ()


def test_a_zone_that_fills_fast_is_a_warning_while_it_fills() -> None:
    growing = rule("growth", raise_at={"yellow": 0.5}, clear_below=0.2, over_s=60)
    here = Room(site(rules=[growing]))
    look_for(here, 70, density_p_m2=0.5)
    assert here.engine.open_cases() == ()
    for step in range(40):
        look_for(here, 2, density_p_m2=0.5 + step * 0.04)
    assert hazards(here) == {"growth": Level.YELLOW}
    assert "p/m²/min" in here.said(0)
    look_for(here, 80, density_p_m2=2.1)
    assert here.engine.open_cases() == ()


def test_another_set_of_cameras_is_no_growth() -> None:
    growing = rule("growth", raise_at={"yellow": 0.5}, clear_below=0.2, over_s=60)
    here = Room(site(rules=[growing]))
    look_for(here, 70, density_p_m2=0.5, cameras_live=1)
    look_for(here, 40, density_p_m2=2.5, cameras_live=2)
    assert here.engine.open_cases() == ()


def test_a_forecast_above_the_value_within_the_time_is_a_warning() -> None:
    ahead = rule("forecast", raise_at={"orange": 4.0}, clear_below=0.5, within_s=900)
    here = Room(site(rules=[ahead]))

    def point(minutes: float, density: float) -> ForecastPoint:
        at = here.clock.now() + timedelta(minutes=minutes)
        return ForecastPoint(at=at, density_p_m2=density, low=density, high=density)

    look_for(here, 8, density_p_m2=2.0, forecast=(point(30, 5.0),))
    assert here.engine.open_cases() == ()
    for _ in range(4):
        look(here, density_p_m2=2.0, forecast=(point(15, 4.5), point(30, 2.0)))
        here.wait(2)
    assert hazards(here) == {"forecast": Level.ORANGE}
    assert here.transitions[0].reason is Reason.FORECAST_ABOVE
    for _ in range(6):
        look(here, density_p_m2=2.0, forecast=(point(15, 2.0),))
        here.wait(2)
    assert here.transitions[-1].reason is Reason.FORECAST_BELOW


def test_without_a_forecast_the_trend_goes_on_by_half() -> None:
    ahead = rule("forecast", raise_at={"orange": 4.0}, clear_below=0.5, within_s=900)
    here = Room(site(rules=[ahead]))
    for step in range(70):
        look_for(here, 2, density_p_m2=1.0 + step * 2 * 0.4 / 60)
    # 0.4 people per m² and minute, by half, over 15 minutes: 3 more.
    assert hazards(here) == {"forecast": Level.ORANGE}
    look_for(here, 2, density_p_m2=None)
    assert len(here.engine.open_cases()) == 1


def test_a_crowd_that_gets_denser_and_slower_is_a_breakdown_until_it_thins_out() -> None:
    slow = rule("flow_breakdown", raise_at={"orange": 0.5}, clear_below=0.2)
    here = Room(site(rules=[slow]))
    look_for(here, 70, density_p_m2=2.0, flow_share=0.2)
    assert here.engine.open_cases() == ()
    for step in range(40):
        look_for(here, 2, density_p_m2=2.0 + step * 0.02, flow_share=0.3)
    assert hazards(here) == {"flow-breakdown": Level.ORANGE}
    look_for(here, 90, density_p_m2=2.8, flow_share=0.3)
    assert len(here.engine.open_cases()) == 1
    for step in range(40):
        look_for(here, 2, density_p_m2=2.8 - step * 0.04, flow_share=0.3)
    assert here.engine.open_cases() == ()
    look(here, density_p_m2=2.0)


def test_a_zone_that_nobody_sees_is_a_warning_by_its_rule() -> None:
    here = Room(site(rules=[rule("blind", raise_at={}, level="yellow"), peak_rule(id="p2")]))
    here.see(1.0)
    here.blind()
    here.wait(5)
    assert hazards(here) == {"blind": Level.YELLOW}
    assert here.transitions[0].reason is Reason.ZONE_BLIND
    here.see(1.0, sight=Sight.PARTIAL)
    here.wait(7)
    assert here.engine.open_cases() == ()
    assert here.transitions[-1].reason is Reason.ZONE_SEES


def ice(**changes: Any) -> dict[str, Any]:
    return (
        rule(
            "sensor",
            quantity="ice_thickness",
            when="below",
            raise_at={"yellow": 0.20, "orange": 0.15, "red": 0.10},
            clear_below=0.02,
            hazard="ice",
        )
        | changes
    )


def test_thin_ice_is_a_warning_and_the_thinnest_counts() -> None:
    here = Room(site(rules=[ice()]))

    def read(first: float, second: float) -> None:
        for _ in range(4):
            here.read("s1", "ice_thickness", first, "m")
            here.read("s2", "ice_thickness", second, "m")
            here.wait(2)

    read(0.25, 0.30)
    assert here.engine.open_cases() == ()
    read(0.25, 0.14)
    assert hazards(here) == {"ice": Level.ORANGE}
    assert here.transitions[0].reason is Reason.BELOW_RAISE
    assert here.said(0) == "ice thickness 0.14 ≤ 0.15 m for 4 s"
    read(0.25, 0.21)
    assert hazards(here) == {"ice": Level.YELLOW}
    read(0.25, 0.23)
    assert here.engine.open_cases() == ()
    assert here.transitions[-1].reason is Reason.ABOVE_CLEAR
    assert here.said() == "ice thickness 0.23 > 0.22 m for 6 s"


NIGHT = {"start": "22:00", "end": "06:00"}
DAY = {"start": "06:00", "end": "22:00"}


def noise(rule_id: str, limit: float, hours: dict[str, Any]) -> dict[str, Any]:
    return rule(
        "sensor",
        id=rule_id,
        hazard="noise",
        quantity="noise",
        raise_at={"yellow": limit},
        clear_below=2,
        schedule=[hours],
    )


def at(here: Room, hour: int, minute: int = 0) -> None:
    """Set the clock to an hour of Shanghai's day, 15 February."""
    local = START.replace(day=14, hour=0, minute=0) + timedelta(
        days=1, hours=hour - 8, minutes=minute
    )
    here.clock.step_wall((local - here.clock.now()).total_seconds())
    here.step()


def test_noise_has_one_limit_by_day_and_another_by_night() -> None:
    here = Room(site(rules=[noise("day", 55, DAY), noise("night", 45, NIGHT)]))

    def hear(level: float, times: int = 4) -> None:
        for _ in range(times):
            here.read("s1", "noise", level, "dB(A)")
            here.wait(2)

    at(here, 20)
    hear(50)
    assert here.engine.open_cases() == ()
    hear(57)
    assert hazards(here) == {"noise": Level.YELLOW}
    at(here, 22)
    hear(50, 8)
    case = here.only_case()
    assert case.rule == "night"
    at(here, 6)
    hear(50, 8)
    assert here.engine.open_cases() == ()
    assert here.transitions[-1].reason is Reason.OUT_OF_SCHEDULE
    assert [one.change for one in here.changes(Change.OPENED, Change.CLOSED)] == [
        Change.OPENED,
        Change.CLOSED,
    ]


def test_hours_over_midnight_belong_to_the_day_on_which_they_begin() -> None:
    # 14 February 2026 is a Saturday.
    hours = NIGHT | {"days": [6]}
    here = Room(site(rules=[noise("night", 45, hours)]))

    def warned(hour: int, day_later: int = 0) -> bool:
        local = START.replace(day=14, hour=0, minute=0) + timedelta(days=day_later, hours=hour - 8)
        here.clock.step_wall((local - here.clock.now()).total_seconds())
        here.step()
        for _ in range(6):
            here.read("s1", "noise", 50, "dB(A)")
            here.wait(2)
        return bool(here.engine.open_cases())

    assert [warned(23), warned(3, 1), warned(12, 1), warned(23, 1), warned(3, 2)] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_a_rule_whose_hours_begin_takes_up_what_is_seen_by_then() -> None:
    crowd = peak_rule(hold_s=4, schedule=[DAY])
    fire = {
        "id": "fire",
        "hazard": "fire",
        "signal": "alarm",
        "alarm": "fire",
        "level": "red",
        "schedule": [DAY],
        "text": words("fire"),
    }
    here = Room(site(rules=[crowd, fire, noise("n", 45, DAY)]))
    at(here, 5, 59)
    here.see(3.2)
    here.alarm("raised")
    here.wait(10)
    assert here.engine.open_cases() == ()
    at(here, 6)
    here.wait(5)
    assert hazards(here) == {"crowding": Level.YELLOW, "fire": Level.RED}


def weak(**changes: Any) -> dict[str, Any]:
    return {
        "id": "together",
        "hazard": "together",
        "signal": "weak_signals",
        "level": "orange",
        "clear_hold_s": 4,
        "text": words("several signs at once"),
    } | changes


def signs(**changes: Any) -> Room:
    return Room(
        site(
            rules=[
                peak_rule(hold_s=0, clear_hold_s=2),
                rule("sensor", hazard="water", quantity="water_level", hold_s=0, clear_hold_s=2),
                weak(**changes),
            ]
        )
    )


def test_two_yellow_of_different_kinds_make_an_orange_that_names_them() -> None:
    here = signs()
    here.see(3.2)
    assert hazards(here) == {"crowding": Level.YELLOW}
    here.read("s1", "water_level", 1.2, "m")
    assert hazards(here)["together"] is Level.ORANGE
    opened = here.transitions[-1]
    assert opened.reason is Reason.WEAK_SIGNALS
    assert here.said() == "together in one zone: crowding (yellow), water (yellow)"
    assert here.levels["bridge"] is Level.ORANGE
    here.restart()
    here.see_for(3.2, 20)
    assert "together" in hazards(here)
    for _ in range(4):
        here.read("s1", "water_level", 0.2, "m")
        here.see(3.2)
        here.wait(2)
    assert hazards(here) == {"crowding": Level.YELLOW}
    assert here.transitions[-1].reason is Reason.WEAK_SIGNALS_GONE


def test_weak_signals_of_other_kinds_levels_zones_and_exercises_do_not_add_up() -> None:
    here = signs(of=["crowding", "fire"])
    here.see(3.2)
    here.read("s1", "water_level", 1.2, "m")
    assert "together" not in hazards(here)
    low = signs()
    low.see(2.2)
    low.read("s1", "water_level", 1.2, "m")
    assert "together" not in hazards(low)
    apart = signs()
    apart.see(3.2, zone="lane")
    apart.read("s1", "water_level", 1.2, "m")
    assert "together" not in hazards(apart)
    practice = signs()
    practice.see(3.2)
    practice.decide(Verb.EXERCISE, "bridge", level=Level.YELLOW, hazard="water", comment="monthly")
    assert "together" not in hazards(practice)


@pytest.mark.parametrize(
    ("signal", "low", "raise_at"),
    [
        ("occupancy", {"occupancy_low": 190.0}, 0.9),
        ("zone_density", {"density_low_p_m2": 2.5}, 2.0),
    ],
)
def test_what_is_surely_reached_warns_where_no_number_is_known(
    signal: str, low: dict[str, float], raise_at: float
) -> None:
    here = Room(site(rules=[rule(signal, raise_at={"yellow": raise_at}, clear_below=raise_at / 2)]))
    look_for(here, 6, sight=Sight.PARTIAL, **dict.fromkeys(low, 0.1))
    assert hazards(here) == {}
    look_for(here, 6, sight=Sight.PARTIAL, **low)
    assert hazards(here) == {signal.replace("_", "-"): Level.YELLOW}
    look_for(here, 20, sight=Sight.PARTIAL, **dict.fromkeys(low, 0.0))
    assert hazards(here) == {signal.replace("_", "-"): Level.YELLOW}, "at least nobody says nothing"


def test_a_count_of_those_inside_is_taken_for_a_zone_with_gates_and_a_number() -> None:
    gate = {"id": "g1", "name": words("G"), "zone": "bridge"}
    here = Room(site(counters=[gate]))
    here.decide(Verb.COUNT, "bridge", people=40, id="decision-good")
    here.decide(Verb.COUNT, "bridge", id="decision-none")
    here.decide(Verb.COUNT, "lane", people=40, id="decision-lane")
    here.decide(Verb.COUNT, "nowhere", people=40, id="decision-nowhere")
    assert dict(here.refused) == {
        "decision-none": "people_missing",
        "decision-lane": "zone_has_no_gates",
        "decision-nowhere": "unknown_zone",
    }
    assert here.transitions == []
