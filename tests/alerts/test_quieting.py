"""Cases that another case or a person answers for: muted, shelved, merged, and loud again."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.ownership import Refusal
from model.cases import Case, CaseState, Change, Reason
from model.facts import Verb
from model.level import Level
from tests.alerts.room import Room, peak_rule, plan, site, words


def rules() -> list[dict[str, Any]]:
    fire = {"id": "fire", "hazard": "fire", "signal": "alarm", "alarm": "fire", "level": "red"}
    return [
        peak_rule(hold_s=0, clear_hold_s=2),
        fire | {"clear_hold_s": 2, "text": words("fire")},
    ]


def room(**changes: Any) -> Room:
    return Room(site(rules=rules(), **changes))


def case(here: Room, hazard: str) -> Case:
    (found,) = [one for one in here.engine.open_cases() if one.hazard == hazard]
    return found


def escalations(here: Room, hazard: str) -> int:
    return sum(here.cases[one.case].hazard == hazard for one in here.changes(Change.ESCALATED))


def test_red_mutes_yellow_of_its_zone_until_it_is_over() -> None:
    here = room()
    here.see(3.2)
    here.alarm("raised")
    muted = case(here, "crowding")
    assert muted.muted_by == case(here, "fire").id
    assert (muted.state, muted.next_escalation) == (CaseState.OPEN, None)
    here.see_for(3.2, 130)
    assert (escalations(here, "crowding"), escalations(here, "fire")) == (0, 3)
    here.alarm("cleared")
    here.see_for(3.2, 4)
    loud = case(here, "crowding")
    assert loud.muted_by is None
    assert loud.next_escalation is not None
    assert [one.reason for one in here.changes(Change.MUTED, Change.UNMUTED)] == [
        Reason.RED_IN_ZONE,
        Reason.RED_OVER,
    ]
    here.see_for(3.2, 32)
    assert escalations(here, "crowding") == 1


def test_red_mutes_no_orange_and_nothing_in_another_zone() -> None:
    here = room()
    here.see(4.2)
    here.see(3.2, zone="lane")
    here.alarm("raised")
    assert here.changes(Change.MUTED) == []


def test_a_muted_case_that_becomes_orange_is_loud_again() -> None:
    here = room()
    here.see(3.2)
    here.alarm("raised")
    here.see(4.2)
    assert case(here, "crowding").muted_by is None
    here.see_for(4.2, 32)
    assert escalations(here, "crowding") == 1


def test_a_case_that_somebody_owns_keeps_its_owner_when_it_is_muted_and_loud_again() -> None:
    here = room()
    here.see(3.2)
    here.decide(Verb.ACKNOWLEDGE)
    here.alarm("raised")
    here.alarm("cleared")
    here.see_for(3.2, 4)
    owned = case(here, "crowding")
    assert (owned.owner, owned.state, owned.next_escalation) == (
        "li",
        CaseState.ACKNOWLEDGED,
        None,
    )


def test_a_shelved_case_calls_nobody_until_its_end() -> None:
    here = room()
    here.see(3.2)
    here.decide(Verb.SHELVE, minutes=2, comment="market day")
    assert here.only_case().shelved_until is not None
    here.see_for(3.2, 118)
    assert here.changes(Change.ESCALATED) == []
    here.see_for(3.2, 4)
    assert here.only_case().shelved_until is None
    assert here.changes(Change.UNSHELVED)[0].reason is Reason.SHELF_END
    here.see_for(3.2, 32)
    assert len(here.changes(Change.ESCALATED)) == 1


def test_shelving_goes_on_over_a_restart_and_is_taken_back_by_hand() -> None:
    here = room()
    here.see(3.2)
    here.decide(Verb.SHELVE, minutes=5, comment="market day")
    here.restart(down_s=30)
    here.decide(Verb.UNSHELVE)
    assert here.changes(Change.UNSHELVED)[0].reason is Reason.PERSON
    assert here.only_case().next_escalation is not None


def test_a_shelved_case_that_grows_worse_is_off_the_shelf() -> None:
    here = room()
    here.see(3.2)
    here.decide(Verb.SHELVE, minutes=5, comment="market day")
    here.see(4.2)
    assert here.only_case().shelved_until is None
    assert here.changes(Change.UNSHELVED)[0].reason is Reason.ABOVE_RAISE


@pytest.mark.parametrize(
    ("peak", "how", "refusal"),
    [
        (5.2, {"minutes": 5.0, "comment": "no"}, Refusal.RED_NOT_SHELVED),
        (3.2, {"comment": "no"}, Refusal.END_MISSING),
        (3.2, {"minutes": 5.0}, Refusal.REASON_MISSING),
    ],
)
def test_what_cannot_be_shelved(peak: float, how: dict[str, Any], refusal: Refusal) -> None:
    here = room()
    here.see(peak)
    here.decide(Verb.SHELVE, **how)
    assert [why for _, why in here.refused] == [refusal]
    assert here.only_case().shelved_until is None


def test_shelving_twice_and_taking_up_what_is_not_shelved() -> None:
    here = room()
    here.see(3.2)
    here.decide(Verb.UNSHELVE)
    here.decide(Verb.SHELVE, minutes=5, comment="market")
    here.decide(Verb.SHELVE, minutes=5, comment="market")
    assert [why for _, why in here.refused] == [Refusal.NOT_SHELVED, Refusal.ALREADY_SHELVED]


def merged() -> Room:
    here = room()
    here.see(4.2)
    here.see(3.2, zone="lane")
    first, second = here.engine.open_cases()
    here.decide(Verb.MERGE, second.id, into=first.id, comment="one crowd")
    return here


def by_zone(here: Room, zone: str) -> Case:
    (found,) = [one for one in here.engine.open_cases() if one.subject == zone]
    return found


def test_a_merged_case_calls_nobody_and_stands_for_itself_when_the_other_closes() -> None:
    here = merged()
    bridge = by_zone(here, "bridge")
    assert by_zone(here, "lane").merged_into == bridge.id
    here.decide(Verb.ACKNOWLEDGE, bridge.id)
    here.wait(130)
    assert here.changes(Change.ESCALATED) == []
    here.see_for(0.5, 4)
    lane = by_zone(here, "lane")
    assert (lane.merged_into, lane.state) == (None, CaseState.OPEN)
    assert here.changes(Change.SEPARATED)[0].reason is Reason.MERGED_CLOSED
    here.see_for(3.2, 32, zone="lane")
    assert len(here.changes(Change.ESCALATED)) == 1


def test_a_merged_case_closes_by_its_own_signal() -> None:
    here = merged()
    here.see_for(0.5, 4, zone="lane")
    assert [one.subject for one in here.engine.open_cases()] == ["bridge"]


def test_a_merged_case_is_separated_by_hand_and_when_it_becomes_red() -> None:
    here = merged()
    here.decide(Verb.SEPARATE, by_zone(here, "lane").id)
    assert by_zone(here, "lane").merged_into is None
    here.decide(Verb.SEPARATE, by_zone(here, "lane").id)
    assert here.refused[-1][1] is Refusal.NOT_MERGED
    again = merged()
    again.see(5.2, zone="lane")
    assert by_zone(again, "lane").merged_into is None
    assert again.changes(Change.SEPARATED)[0].reason is Reason.ABOVE_RAISE


def test_what_cannot_be_merged() -> None:
    here = merged()
    bridge, lane = by_zone(here, "bridge").id, by_zone(here, "lane").id
    here.decide(Verb.MERGE, bridge, into=bridge)
    here.decide(Verb.MERGE, bridge, into=lane)
    here.decide(Verb.MERGE, lane, into=bridge)
    here.decide(Verb.MERGE, lane, into="case-none")
    here.decide(Verb.MERGE, lane)
    assert [why for _, why in here.refused] == [
        Refusal.CANNOT_MERGE,
        Refusal.CANNOT_MERGE,
        Refusal.CANNOT_MERGE,
        Refusal.CASE_NOT_OPEN,
        Refusal.CASE_NOT_OPEN,
    ]


def test_red_is_merged_into_nothing_not_into_red_either() -> None:
    here = room()
    here.see(5.2)
    here.see(5.2, zone="lane")
    first, second = here.engine.open_cases()
    here.decide(Verb.MERGE, second.id, into=first.id, comment="one crowd")
    assert here.refused[-1][1] is Refusal.CANNOT_MERGE
    assert not any(case.quiet for case in here.engine.open_cases())


def test_a_case_that_answers_for_others_is_not_merged_itself() -> None:
    here = merged()
    here.alarm("raised")
    fire = case(here, "fire").id
    here.decide(Verb.MERGE, by_zone_hazard(here, "bridge", "crowding"), into=fire)
    assert here.refused[-1][1] is Refusal.CANNOT_MERGE


def by_zone_hazard(here: Room, zone: str, hazard: str) -> str:
    (found,) = [
        one.id for one in here.engine.open_cases() if (one.subject, one.hazard) == (zone, hazard)
    ]
    return found


def test_an_operators_own_call_is_a_case_until_a_person_closes_it() -> None:
    here = Room(site(plans=[plan("o", "orange", hazard="operators-call")]))
    here.decide(Verb.CALL, "bridge", level=Level.ORANGE, comment="people push at the rail")
    called = here.only_case()
    assert (called.hazard, called.level, called.called) == (
        "operators-call",
        Level.ORANGE,
        Level.ORANGE,
    )
    assert called.text.en == "operator's call: people push at the rail"
    assert here.levels["bridge"] is Level.ORANGE
    assert len(here.told) == 1
    here.wait(31)
    assert len(here.changes(Change.ESCALATED)) == 1
    here.see_for(0.2, 200)
    assert here.only_case().id == called.id
    here.decide(Verb.CLOSE)
    assert here.refused[-1][1] is Refusal.REASON_MISSING
    here.decide(Verb.CLOSE, comment="stewards cleared it")
    assert here.engine.open_cases() == ()
    assert here.told[-1].action == "cancel"


def test_a_call_lifts_an_open_case_and_what_is_measured_may_lift_it_further() -> None:
    here = room()
    here.see(3.2)
    here.decide(
        Verb.CALL, "bridge", level=Level.ORANGE, hazard="crowding", comment="it feels worse"
    )
    lifted = here.only_case()
    assert (lifted.level, lifted.called) == (Level.ORANGE, Level.ORANGE)
    here.see(5.2)
    assert here.only_case().level is Level.RED
    here.see_for(0.5, 4)
    assert here.only_case().level is Level.ORANGE
    here.see_for(0.5, 60)
    assert here.only_case().id == lifted.id


def test_a_call_never_lowers_what_is_measured() -> None:
    here = room()
    here.see(5.2)
    here.decide(Verb.CALL, "bridge", level=Level.BLUE, hazard="crowding", comment="looks fine")
    assert here.only_case().level is Level.RED


@pytest.mark.parametrize("verb", [Verb.CALL, Verb.EXERCISE])
@pytest.mark.parametrize(
    ("zone", "how", "refusal"),
    [
        ("moon", {"level": Level.RED, "comment": "x"}, Refusal.UNKNOWN_ZONE),
        ("bridge", {"comment": "x"}, Refusal.LEVEL_MISSING),
        ("bridge", {"level": Level.RED}, Refusal.REASON_MISSING),
    ],
)
def test_a_call_needs_a_zone_a_level_and_words(
    verb: Verb, zone: str, how: dict[str, Any], refusal: Refusal
) -> None:
    here = room()
    here.decide(verb, zone, **how)
    assert [why for _, why in here.refused] == [refusal]
    assert here.engine.open_cases() == ()
