"""Messages are renewed before they end, terminal by terminal, and never right after they were heard."""

from __future__ import annotations

from typing import Any

import pytest

from model.orders import OrderState
from tests.alerts.room import Room, peak_rule, plan, site, words

T1 = {"id": "t1", "name": words("T1"), "zones": ["bridge"]}
T2 = {"id": "t2", "name": words("T2"), "zones": ["bridge"]}
T3 = {"id": "t3", "name": words("T3"), "zones": ["lane"]}
BUSY, CALM = 3.2, 0.5


def room(*terminals: dict[str, Any], expires_s: float = 100) -> Room:
    whole = site(
        rules=[peak_rule(hold_s=0, clear_hold_s=2)],
        plans=[plan("y", "yellow", expires_s=expires_s)],
        terminals=list(terminals or (T1, T2)),
        broadcasts={"gap_after_s": 300},
    )
    return Room(whole)


def told_at(here: Room, seconds: float, *, answer: tuple[str, ...] = ()) -> dict[str, list[float]]:
    """Let a busy time pass; when each terminal was told in it. Those of `answer` answer at once."""
    found: dict[str, list[float]] = {}
    known, start = len(here.told), here.clock.monotonic()
    while here.clock.monotonic() - start < seconds - 0.01:
        here.see(BUSY)
        here.wait(1)
        for one in here.told[known:]:
            for terminal in one.terminals:
                found.setdefault(terminal, []).append(round(here.clock.monotonic() - start))
                if terminal in answer:
                    here.answers(terminal, OrderState.PLAYED)
        known = len(here.told)
    return found


def hear(here: Room, *terminals: str) -> None:
    for terminal in terminals:
        here.answers(terminal, OrderState.PLAYED)


def test_who_heard_the_message_is_told_again_at_four_fifths_of_its_life() -> None:
    here = room()
    here.see(BUSY)
    hear(here, "t1", "t2")
    assert told_at(here, 165, answer=("t1", "t2")) == {"t1": [80, 160], "t2": [80, 160]}


def test_who_did_not_answer_gets_it_written_anew_at_half_of_its_life() -> None:
    here = room()
    here.see(BUSY)
    hear(here, "t1")
    assert told_at(here, 79) == {"t2": [50]}


def test_who_heard_it_late_is_not_told_the_same_with_the_others_a_moment_later() -> None:
    here = room()
    here.see(BUSY)
    hear(here, "t1")
    assert told_at(here, 75) == {"t2": [50]}
    hear(here, "t2")
    assert told_at(here, 50, answer=("t1",)) == {"t1": [5]}
    assert told_at(here, 10) == {"t2": [5]}


def test_telling_one_more_puts_nobody_elses_renewal_off() -> None:
    here = room({**T1, "fallback": {"terminals": ["t3"]}}, T2, T3)
    here.see(BUSY)
    hear(here, "t2")
    told_at(here, 40)
    here.answers("t1", OrderState.FAILED)
    assert told_at(here, 45)["t2"] == [40]


def test_a_failure_after_half_of_its_life_is_tried_again_at_once() -> None:
    here = room()
    here.see(BUSY)
    hear(here, "t1", "t2")
    told_at(here, 60)
    assert len(here.told) == 1
    here.answers("t2", OrderState.FAILED, reason="speaker_broken")
    assert [one.terminals for one in here.told[1:]] == [("t2",)]


@pytest.mark.parametrize("wall_step_s", [0.0, -3600.0])
def test_a_restart_puts_no_renewal_off(wall_step_s: float) -> None:
    here = room()
    here.see(BUSY)
    hear(here, "t1")
    told_at(here, 40)
    here.restart(wall_step_s=wall_step_s)
    assert told_at(here, 30) == {"t2": [10]}


def test_a_plan_that_was_gone_from_the_site_for_a_while_renews_again() -> None:
    here = room()
    here.see(BUSY)
    hear(here, "t1", "t2")
    whole = here.site
    here.site = whole.model_copy(update={"plans": []})
    here.restart()
    here.wait(85)
    here.site = whole
    here.restart()
    assert [one.terminals for one in here.told[1:]] == [("t1", "t2")]


def test_what_was_taken_back_is_told_anew_as_if_for_the_first_time() -> None:
    here = room()
    here.see(BUSY)
    hear(here, "t1", "t2")
    told_at(here, 70)
    here.see_for(CALM, 4)
    here.see(BUSY)
    hear(here, "t1", "t2")
    assert told_at(here, 79) == {}
