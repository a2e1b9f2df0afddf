"""Who has a case in hand, and who is called while nobody has."""

from __future__ import annotations

import pytest

from alerts.ownership import Refusal
from model.cases import CaseState, Change, Reason
from model.facts import DeviceKind, Verb
from model.health import HealthState
from model.level import Level
from model.text import Bilingual
from tests.alerts.room import START, Room


def red() -> Room:
    room = Room()
    room.see_for(5.2, 20)
    room.see(5.2)
    return room


def test_acknowledging_names_an_owner_and_stops_the_clock() -> None:
    room = red()
    room.decide(Verb.ACKNOWLEDGE)
    case = room.only_case()
    assert (case.state, case.owner, case.next_escalation) == (CaseState.ACKNOWLEDGED, "li", None)
    room.wait(300)
    assert room.changes(Change.ESCALATED) == []


def test_an_unowned_case_calls_the_next_person_at_30_60_and_120_seconds() -> None:
    room = red()
    opened = room.only_case().opened
    room.wait(600)
    moments = [(one.at - opened).total_seconds() for one in room.changes(Change.ESCALATED)]
    assert moments == [pytest.approx(due, abs=0.3) for due in (30, 60, 120)]
    assert {one.reason for one in room.changes(Change.ESCALATED)} == {Reason.UNOWNED}
    assert room.only_case().escalation == 3
    assert room.only_case().next_escalation is None


def test_the_clock_of_a_case_goes_on_over_a_restart() -> None:
    room = red()
    room.wait(20)
    room.restart(down_s=9)
    room.wait(0.8)
    assert room.changes(Change.ESCALATED) == []
    room.wait(0.6)
    assert len(room.changes(Change.ESCALATED)) == 1


def test_a_long_stop_brings_the_next_escalation_and_not_all_at_once() -> None:
    room = red()
    room.restart(down_s=3600)
    assert len(room.changes(Change.ESCALATED)) <= 1
    room.wait(1)
    assert len(room.changes(Change.ESCALATED)) == 1


def test_a_clock_set_back_during_a_stop_hides_no_escalation() -> None:
    room = red()
    room.wait(20)
    room.restart(wall_step_s=-3600)
    room.wait(10.2)
    assert len(room.changes(Change.ESCALATED)) == 1


def test_giving_a_case_back_starts_the_clock_anew() -> None:
    room = red()
    room.wait(20)
    room.decide(Verb.ACKNOWLEDGE)
    room.wait(100)
    room.decide(Verb.UNACKNOWLEDGE)
    case = room.only_case()
    assert (case.state, case.owner) == (CaseState.OPEN, None)
    room.wait(29.6)
    assert room.changes(Change.ESCALATED) == []
    room.wait(0.6)
    assert len(room.changes(Change.ESCALATED)) == 1


def test_an_assigned_case_is_unowned_until_acknowledged() -> None:
    room = red()
    room.decide(Verb.ASSIGN, assignee="wang")
    assert (room.only_case().owner, room.only_case().state) == ("wang", CaseState.OPEN)
    room.wait(31)
    assert len(room.changes(Change.ESCALATED)) == 1
    room.decide(Verb.ACKNOWLEDGE, person="wang")
    assert room.only_case().owner == "wang"


def test_stepping_up_keeps_the_owner() -> None:
    room = Room()
    room.see_for(3.2, 22)
    room.decide(Verb.ACKNOWLEDGE)
    room.see_for(5.2, 22)
    case = room.only_case()
    assert (case.level, case.state, case.owner) == (Level.RED, CaseState.ACKNOWLEDGED, "li")


def test_comments_stand_in_the_history() -> None:
    room = red()
    room.decide(Verb.COMMENT, comment="sent two stewards")
    assert room.said() == "sent two stewards"
    assert room.transitions[-1].actor == "li"


def test_looking_at_a_camera_is_no_decision_of_this_room() -> None:
    room = red()
    room.decide(Verb.LOOK, "c1")
    assert room.refused == []


def test_serials_of_a_case_count_its_transitions() -> None:
    room = red()
    room.decide(Verb.ACKNOWLEDGE)
    room.decide(Verb.COMMENT, comment="seen")
    assert [one.serial for one in room.transitions] == [1, 2, 3]
    assert room.only_case().serial == 3


@pytest.mark.parametrize(
    ("verb", "refusal"),
    [
        (Verb.UNACKNOWLEDGE, Refusal.NOT_ACKNOWLEDGED),
        (Verb.ASSIGN, Refusal.ASSIGNEE_MISSING),
        (Verb.COMMENT, Refusal.COMMENT_MISSING),
        (Verb.APPROVE, Refusal.NOTHING_TO_APPROVE),
        (Verb.CLOSE, Refusal.SIGNAL_ABOVE),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(verb: Verb, refusal: Refusal) -> None:
    room = red()
    before = room.only_case()
    room.decide(verb)
    assert [why for _, why in room.refused] == [refusal]
    assert room.only_case() == before


def test_a_second_acknowledgement_is_refused() -> None:
    room = red()
    room.decide(Verb.ACKNOWLEDGE)
    room.decide(Verb.ACKNOWLEDGE, person="wang")
    assert [why for _, why in room.refused] == [Refusal.ALREADY_ACKNOWLEDGED]
    assert room.only_case().owner == "li"


def test_a_decision_that_arrives_twice_is_carried_out_once_over_a_restart_too() -> None:
    room = red()
    room.decide(Verb.COMMENT, comment="seen", id="d-1")
    room.restart()
    room.decide(Verb.COMMENT, comment="seen", id="d-1")
    assert room.refused == [("d-1", Refusal.DUPLICATE)]
    assert len(room.changes(Change.COMMENTED)) == 1


def test_a_decision_on_a_case_that_is_not_open_is_refused() -> None:
    room = Room()
    room.decide(Verb.ACKNOWLEDGE, "case-77")
    assert [why for _, why in room.refused] == [Refusal.CASE_NOT_OPEN]


def test_a_case_is_closed_by_hand_once_the_signal_fell() -> None:
    room = Room()
    room.see_for(3.2, 22)
    room.see(1.9)
    room.decide(Verb.CLOSE, comment="checked on the spot")
    closed = room.transitions[-1]
    assert (closed.change, closed.reason, closed.actor) == (Change.CLOSED, Reason.PERSON, "li")
    assert closed.detail == Bilingual(zh="checked on the spot", en="checked on the spot")
    assert room.levels["bridge"] is None
    room.see_for(1.9, 120)
    assert room.engine.open_cases() == ()
    room.see_for(3.2, 22)
    assert room.only_case().level is Level.YELLOW


def test_red_cannot_be_closed_by_hand_in_the_dark() -> None:
    room = red()
    room.blind()
    room.decide(Verb.CLOSE, comment="looked")
    assert [why for _, why in room.refused] == [Refusal.SIGNAL_UNSEEN]
    room.see(1.0)
    room.decide(Verb.CLOSE, comment="looked")
    assert room.engine.open_cases() == ()


def test_a_lower_level_can_be_closed_by_hand_in_the_dark() -> None:
    room = Room()
    room.see_for(3.2, 22)
    room.blind()
    room.decide(Verb.CLOSE, comment="looked")
    assert room.engine.open_cases() == ()


def test_a_device_case_is_not_closed_by_hand_while_the_fault_lasts() -> None:
    room = Room()
    room.health(DeviceKind.CAMERA, "c1", HealthState.BLIND)
    room.decide(Verb.CLOSE, comment="looked")
    assert [why for _, why in room.refused] == [Refusal.FAULT_PERSISTS]
    room.health(DeviceKind.CAMERA, "c1", HealthState.ONLINE)
    room.decide(Verb.CLOSE, comment="looked")
    assert room.engine.open_cases() == ()


def test_device_cases_do_not_escalate() -> None:
    room = Room()
    room.health(DeviceKind.CAMERA, "c1", HealthState.BLIND)
    room.wait(300)
    assert room.changes(Change.ESCALATED) == []
    assert room.only_case().next_escalation is None


def test_a_new_case_shows_when_the_next_person_is_called() -> None:
    room = red()
    shown = room.only_case().next_escalation
    assert shown is not None
    assert (shown - START).total_seconds() == pytest.approx(50, abs=0.3)


def test_a_case_that_called_everybody_survives_a_restart() -> None:
    room = red()
    room.wait(130)
    room.restart(down_s=600)
    room.wait(60)
    assert len(room.changes(Change.ESCALATED)) == 3
    assert room.only_case().escalation == 3
