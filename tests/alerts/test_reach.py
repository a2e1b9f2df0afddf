"""Whom a plan's message reaches, how loud at which hour, and how often it is spoken."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from alerts.quiet_hours import QuietHours
from config.crosscheck import faults
from model.cases import Change
from model.level import Level
from tests.alerts.room import Room, peak_rule, plan, site, words

NIGHT = {"start": "22:00", "end": "06:00", "volume_most": 30}
GROUP = {"id": "stewards", "name": words("Stewards"), "terminals": ["t3", "t1"]}


def room(*plans: dict[str, Any], **changes: Any) -> Room:
    return Room(site(rules=[peak_rule(hold_s=0, clear_hold_s=2)], plans=list(plans), **changes))


def at_night(**changes: Any) -> Room:
    """19:00 UTC, the room's start, is three in the morning at the site."""
    return room(plan("y", "yellow", volume=70), broadcasts={"quiet_hours": [NIGHT]}, **changes)


def test_a_group_hears_a_plan_beside_the_zone_each_terminal_once() -> None:
    here = room(plan("y", "yellow", groups=["stewards"]), groups=[GROUP])
    here.see(3.2)
    (told,) = here.told
    assert told.terminals == ("t1", "t2", "t3")
    here.see_for(0.5, 4)
    assert here.told[-1].action == "cancel"
    assert set(here.told[-1].terminals) == {"t1", "t2", "t3"}


def test_a_plan_for_a_group_alone_and_one_for_everybody() -> None:
    alone = room(plan("y", "yellow", terminals=[], groups=["stewards"]), groups=[GROUP])
    alone.see(3.2)
    assert alone.told[0].terminals == ("t3", "t1")
    everybody = room(plan("y", "yellow", terminals="all"))
    everybody.see(3.2)
    assert everybody.told[0].terminals == ("t1", "t2", "t3")


def test_a_message_is_softer_in_quiet_hours_and_the_case_says_so() -> None:
    here = at_night()
    here.see(3.2)
    assert here.told[0].volume == 30
    (started,) = here.changes(Change.PLAN_STARTED)
    assert started.detail is not None
    assert started.detail.en == "plan y: 2 terminals told; quiet hours, volume 30"
    here.see_for(0.5, 4)
    assert (here.told[-1].action, here.told[-1].volume) == ("cancel", 30)


def test_red_is_loud_at_night_too() -> None:
    here = room(plan("r", "red", volume=90), broadcasts={"quiet_hours": [NIGHT]})
    here.see(5.2)
    assert here.told[0].volume == 90


@pytest.mark.parametrize(
    ("hour_utc", "wanted", "level", "volume"),
    [
        (13, 70, Level.YELLOW, 70),  # 21:00 at the site
        (14, 70, Level.YELLOW, 30),  # 22:00
        (21, 70, Level.ORANGE, 30),  # 05:00
        (22, 70, Level.ORANGE, 70),  # 06:00
        (15, 20, Level.BLUE, 20),  # what is softer already stays as it is
        (15, 70, Level.RED, 70),
    ],
)
def test_quiet_hours_are_the_sites_own_and_run_over_midnight(
    hour_utc: int, wanted: int, level: Level, volume: int
) -> None:
    hours = QuietHours(site(broadcasts={"quiet_hours": [NIGHT]}))
    now = hours.now(datetime(2026, 2, 14, hour_utc, 0, tzinfo=UTC))
    assert now.at_most(wanted, level) == volume
    assert now.softened(wanted, level) == (volume if volume < wanted else None)


def test_the_strictest_of_several_limits_counts() -> None:
    party = {"start": "02:00", "end": "04:00", "volume_most": 10, "loud_from": "orange"}
    hours = QuietHours(site(broadcasts={"quiet_hours": [NIGHT, party]}))
    now = hours.now(datetime(2026, 2, 14, 19, 0, tzinfo=UTC))
    assert (now.at_most(70, Level.YELLOW), now.at_most(70, Level.ORANGE)) == (10, 30)


def test_a_plan_that_repeats_says_so_in_its_order() -> None:
    here = room(plan("y", "yellow", repeat_s=45))
    here.see(3.2)
    assert here.told[0].repeat_s == 45
    with pytest.raises(ValidationError, match="greater than or equal to 5"):
        site(plans=[plan("y", "yellow", repeat_s=1)])


@pytest.mark.parametrize(
    ("changes", "path", "what"),
    [
        ({"groups": [{**GROUP, "terminals": ["t9"]}]}, "groups.0.terminals.0", "no terminal `t9`"),
        (
            {"plans": [plan("y", "yellow", groups=["nobody"])]},
            "plans.0.groups.0",
            "no group `nobody`",
        ),
        ({"groups": [GROUP, GROUP]}, "groups.1.id", "already"),
    ],
)
def test_groups_that_do_not_fit_are_named_by_their_place(
    changes: dict[str, Any], path: str, what: str
) -> None:
    found = {".".join(map(str, fault[0])): fault[1] for fault in faults(site(**changes))}
    assert what in found[path]
