"""What the history says: every named reason has words in both languages, and numbers read well."""

from __future__ import annotations

from enum import StrEnum

import pytest

from alerts import wording, words
from crowd.sight import SightReason
from devices.health import HealthReason
from devices.interlock import RaiseRefusal
from devices.steps import PlanRefusal
from model.actions import Broadcast, MoveEntrance
from model.cases import Change
from model.facts import DeviceKind, Verb
from model.health import WELL_STATES, DeviceHealth, HealthState
from model.level import Level
from model.orders import Motion
from model.picture import SourceState
from model.text import Bilingual
from simulators.sound import SoundFault
from tests.alerts.room import START, Room, peak_rule, plan, site
from tests.alerts.room import words as same


def health(state: HealthState, reason: str | None = None) -> DeviceHealth:
    return DeviceHealth(
        kind=DeviceKind.CAMERA, id="c1", state=state, since=START, last_seen=START, reason=reason
    )


@pytest.mark.parametrize(
    "codes",
    [SightReason, SourceState, HealthReason, RaiseRefusal, PlanRefusal, SoundFault],
    ids=lambda e: e.__name__,
)
def test_every_reason_of_a_device_has_its_words(codes: type[StrEnum]) -> None:
    lacking = {code.value for code in codes} - set(words.REASONS) - {SourceState.LIVE.value}
    assert not lacking


@pytest.mark.parametrize("state", [state for state in HealthState if state not in WELL_STATES])
def test_every_fault_has_its_words(state: HealthState) -> None:
    assert state in words.STATES


@pytest.mark.parametrize("motion", Motion)
def test_every_refused_order_is_named(motion: Motion) -> None:
    if motion is not Motion.REPORT:
        action = MoveEntrance(entrance="e1", motion=motion, actor="li")
        assert wording.refused(action, words.both("北口", "North"), "lane_moving").zh


def test_a_refused_broadcast_is_named() -> None:
    text = Bilingual(zh="请绕行", en="Go round")
    action = Broadcast(case="c", action="show", level=Level.RED, terminals=("t",), text=text)
    told = wording.refused(action, words.both("桥头屏", "Bridge screen"), "unknown_terminal")
    assert told.zh == "未向 桥头屏 下达“播报”：没有这台终端"
    assert told.en == "show refused for Bridge screen: no such terminal"


def test_a_blind_camera_says_why_in_both_languages() -> None:
    name = Bilingual(zh="银锭桥北", en="Bridge north")
    text = wording.fault_of(health(HealthState.BLIND, "black"), name)
    assert text.zh == "摄像机 银锭桥北：看不见（画面全黑）"
    assert text.en == "Camera Bridge north: blind (black picture)"
    changed = wording.fault_changed("blind", health(HealthState.OFFLINE, "said_offline"))
    assert changed.zh == "原为看不见，现为离线：设备报离线"


def test_a_reason_that_is_not_ours_is_shown_as_it_was_said() -> None:
    assert words.reason("lens_iced") == Bilingual(zh="lens iced", en="lens iced")


def test_nothing_said_is_nothing_and_a_name_with_words_is_both() -> None:
    here = Room()
    here.see(5.2)
    here.wait(20)
    here.decide(Verb.ACKNOWLEDGE)
    assert here.transitions[-1].detail is None
    here.decide(Verb.ASSIGN, assignee="wang", comment="在桥上")
    assert here.transitions[-1].detail == Bilingual(zh="指派给 wang：在桥上", en="to wang: 在桥上")


def test_a_plan_that_waits_a_plan_that_acts_and_a_hand_each_have_their_own_change() -> None:
    here = Room(
        site(
            rules=[peak_rule(hold_s=0.0)],
            plans=[
                plan("o", "orange", raise_entrances=["e1"]),
                plan("r", "red", approval="two", text=same("red")),
            ],
        )
    )
    here.see(5.2)
    changes = [(one.change, one.actor) for one in here.transitions[1:]]
    assert changes == [(Change.PLAN_WAITING, "r"), (Change.PLAN_STARTED, "o")]
    assert here.transitions[2].detail == Bilingual(
        zh="预案 o：通知 2 台终端；请求升起入口 e1",
        en="plan o: 2 terminals told; entrances e1 asked to rise",
    )
    here.decide(Verb.LOWER, subject="e1")
    assert here.transitions[-1].change is Change.MOVED_BY_HAND
    assert here.transitions[-1].detail == Bilingual(
        zh="入口 e1：人工降下", en="entrance e1: lowered by hand"
    )
