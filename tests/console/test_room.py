"""The room shows what was committed, and never more than is known."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import msgspec
import pytest

from console.room import CLOSED_KEPT, Room
from console.views import (
    CameraCard,
    CaseCard,
    CounterCard,
    Guard,
    LaneCard,
    OrderCard,
    Section,
    SensorCard,
    ZoneCard,
)
from model.cases import CaseState, Change, Reason
from model.clock import ManualClock
from model.commit import Commit
from model.facts import (
    BollardPosition,
    CounterReading,
    DensityBlind,
    DensityLive,
    DeviceKind,
    LoopState,
    ReceiptStage,
    SensorAlarm,
    TerminalReceipt,
)
from model.health import HealthState
from model.level import Level, Sight
from model.orders import OrderState
from model.text import Bilingual
from tests.console.stage import Stage

TEXT = Bilingual(zh="此处人员较多", en="This area is busy")


def commit(stage: Stage, **parts: object) -> Commit:
    return Commit(serial=1, at=stage.clock.now(), **parts)  # type: ignore[arg-type]  # the struct's own fields


def lane(room: Room, lane_id: str = "north-1") -> LaneCard:
    card = room.cards[Section.LANES][lane_id]
    assert isinstance(card, LaneCard)
    return card


def camera(room: Room, camera_id: str = "gulou") -> CameraCard:
    card = room.cards[Section.CAMERAS][camera_id]
    assert isinstance(card, CameraCard)
    return card


def live(stage: Stage, count: float) -> DensityLive:
    return DensityLive(
        at=stage.clock.now(), count=count, count_low=count - 1, count_high=count + 1, model="small"
    )


def test_a_blind_zone_has_no_number_whatever_its_view_carries(stage: Stage) -> None:
    room = Room(stage.site)
    judged = stage.zone("bridge", 80)
    blind = msgspec.structs.replace(
        judged, view=msgspec.structs.replace(judged.view, sight=Sight.BLIND)
    )
    room.apply(commit(stage, zones=(blind,)), stage.clock.monotonic())
    card = room.cards[Section.ZONES]["bridge"]
    assert isinstance(card, ZoneCard)
    assert card.sight is Sight.BLIND
    assert (card.occupancy, card.occupancy_high, card.density_p_m2, card.peak_p_m2) == (None,) * 4


def test_a_zone_nobody_has_judged_yet_has_no_card(stage: Stage) -> None:
    assert Room(stage.site).cards[Section.ZONES] == {}


def test_a_camera_that_goes_blind_loses_its_number_and_keeps_its_reason(stage: Stage) -> None:
    room = Room(stage.site)
    seen = stage.fact(DeviceKind.CAMERA, "gulou", live(stage, 12))
    room.apply(commit(stage, facts=(seen,)), stage.clock.monotonic())
    assert camera(room).count == 12
    black = DensityBlind(at=stage.clock.now() + timedelta(seconds=2), reason="black", model="small")
    blind = stage.fact(DeviceKind.CAMERA, "gulou", black)
    room.apply(commit(stage, facts=(blind,)), stage.clock.monotonic())
    assert (camera(room).sight, camera(room).count, camera(room).reason) == (
        Sight.BLIND,
        None,
        "black",
    )


def test_a_camera_that_falls_silent_loses_its_number_too(stage: Stage) -> None:
    room = Room(stage.site)
    seen = stage.fact(DeviceKind.CAMERA, "gulou", live(stage, 12))
    room.apply(commit(stage, facts=(seen,)), stage.clock.monotonic())
    silent = stage.health(DeviceKind.CAMERA, "gulou", HealthState.SILENT, "no_reading")
    room.apply(commit(stage, health=(silent,)), stage.clock.monotonic())
    assert camera(room).count is None
    assert camera(room).sight is Sight.BLIND
    assert camera(room).health.state is HealthState.SILENT


def test_an_older_reading_never_replaces_a_newer_one(stage: Stage) -> None:
    room = Room(stage.site)
    newer = stage.fact(DeviceKind.CAMERA, "gulou", live(stage, 12))
    older = stage.fact(
        DeviceKind.CAMERA,
        "gulou",
        msgspec.structs.replace(live(stage, 99), at=stage.clock.now() - timedelta(seconds=4)),
    )
    room.apply(commit(stage, facts=(newer, older)), stage.clock.monotonic())
    assert camera(room).count == 12


def test_devices_the_site_does_not_name_have_no_card(stage: Stage) -> None:
    room = Room(stage.site)
    stranger = stage.fact(DeviceKind.CAMERA, "stranger", live(stage, 12))
    room.apply(commit(stage, facts=(stranger,)), stage.clock.monotonic())
    assert "stranger" not in room.cards[Section.CAMERAS]


@pytest.mark.parametrize(
    ("position", "loop", "fault", "guard", "why"),
    [
        (BollardPosition.UP, LoopState.CLEAR, None, Guard.PROTECTING, None),
        (BollardPosition.UP, LoopState.OCCUPIED, None, Guard.PROTECTING, None),
        (BollardPosition.DOWN, LoopState.CLEAR, None, Guard.OPEN, None),
        (BollardPosition.MOVING, LoopState.CLEAR, None, Guard.MOVING, None),
        (BollardPosition.UNKNOWN, LoopState.CLEAR, None, Guard.NOT_PROTECTING, "position_unknown"),
        (BollardPosition.UP, LoopState.FAULT, None, Guard.NOT_PROTECTING, "loop_fault"),
        (BollardPosition.UP, LoopState.CLEAR, "motor", Guard.NOT_PROTECTING, "fault"),
    ],
)
def test_a_lane_protects_only_where_that_is_proven(  # noqa: PLR0917 - a table of cases
    stage: Stage,
    position: BollardPosition,
    loop: LoopState,
    fault: str | None,
    guard: Guard,
    why: str | None,
) -> None:
    room = Room(stage.site)
    fact = stage.lane("north-1", position, loop, fault)
    room.apply(commit(stage, facts=(fact,)), stage.clock.monotonic())
    assert (lane(room).guard, lane(room).why) == (guard, why)


def test_a_lane_that_was_never_heard_is_not_protecting(stage: Stage) -> None:
    assert lane(Room(stage.site)).guard is Guard.NOT_PROTECTING
    assert lane(Room(stage.site)).why == "waiting"


def test_a_lane_that_falls_silent_stops_protecting_without_any_message(
    stage: Stage, clock: ManualClock
) -> None:
    room = Room(stage.site)
    fact = stage.lane("north-1", BollardPosition.UP)
    room.apply(commit(stage, facts=(fact,)), clock.monotonic())
    clock.advance(2.5)
    room.tick(clock.monotonic())
    assert lane(room).guard is Guard.PROTECTING
    clock.advance(1.0)
    assert room.tick(clock.monotonic()) == {Section.LANES: {"north-1"}}
    assert (lane(room).guard, lane(room).why) == (Guard.NOT_PROTECTING, "silent")


def test_an_offline_lane_is_not_protecting_even_with_a_fresh_state(stage: Stage) -> None:
    room = Room(stage.site)
    fact = stage.lane("north-1", BollardPosition.UP)
    health = stage.health(DeviceKind.BOLLARD, "north-1", HealthState.OFFLINE)
    room.apply(commit(stage, facts=(fact,), health=(health,)), stage.clock.monotonic())
    assert (lane(room).guard, lane(room).why) == (Guard.NOT_PROTECTING, "offline")


def test_only_what_changed_is_told(stage: Stage) -> None:
    room = Room(stage.site)
    first = commit(stage, zones=(stage.zone("bridge", 10), stage.zone("lotus", 20)))
    assert room.apply(first, 0.0)[Section.ZONES] == {"bridge", "lotus"}
    again = commit(stage, zones=(stage.zone("bridge", 10), stage.zone("lotus", 21)))
    assert room.apply(again, 0.0)[Section.ZONES] == {"lotus"}


def test_receipts_give_an_order_the_devices_own_times(stage: Stage, clock: ManualClock) -> None:
    room = Room(stage.site)
    order = stage.order("bridge-1", "case-1", Level.RED, TEXT)
    sent = clock.now()
    room.apply(commit(stage, orders=(order,)), 0.0)
    clock.advance(0.4)
    received = TerminalReceipt(order=order.id, stage=ReceiptStage.RECEIVED, at=clock.now())
    standing = msgspec.structs.replace(
        order, state=OrderState.RECEIVED, changed=clock.now() + timedelta(seconds=9)
    )
    fact = stage.fact(DeviceKind.TERMINAL, "bridge-1", received)
    room.apply(commit(stage, facts=(fact,), orders=(standing,)), 0.0)
    card = room.cards[Section.ORDERS][order.id]
    assert isinstance(card, OrderCard)
    assert card.stages == {"sent": sent, "received": clock.now()}
    assert card.text == TEXT
    assert card.level is Level.RED


def test_only_the_last_orders_of_a_device_stay_in_the_room(stage: Stage) -> None:
    room = Room(stage.site)
    orders = tuple(stage.order("bridge-1", "case-1", Level.RED, TEXT) for _ in range(7))
    touched = room.apply(commit(stage, orders=orders), 0.0)
    assert set(room.cards[Section.ORDERS]) == {order.id for order in orders[-4:]}
    assert touched[Section.ORDERS] >= set(room.cards[Section.ORDERS])


def test_an_order_that_stands_stays_however_much_else_its_device_is_told(
    stage: Stage, clock: ManualClock
) -> None:
    room = Room(stage.site)

    def tell(case: str, *actions: Literal["show", "cancel"]) -> list[str]:
        orders = [stage.order("bridge-1", case, Level.RED, TEXT, action) for action in actions]
        room.apply(commit(stage, orders=tuple(orders)), 0.0)
        return [order.id for order in orders]

    taken_back, kept = tell("case-1", "show"), tell("case-2", "show")
    tell("case-1", "cancel")
    for number in range(3, 8):
        tell(f"case-{number}", "show", "cancel")
    assert set(kept) <= set(room.cards[Section.ORDERS])
    assert not set(taken_back) & set(room.cards[Section.ORDERS])
    renewed = tell("case-2", "show")
    for number in range(8, 11):
        tell(f"case-{number}", "show", "cancel")
    assert not set(kept) & set(room.cards[Section.ORDERS])
    assert set(renewed) <= set(room.cards[Section.ORDERS])
    clock.advance(601)
    tell("case-11", "show")
    assert not set(renewed) & set(room.cards[Section.ORDERS])


def test_a_case_keeps_its_history_in_order_and_a_repeat_adds_nothing(stage: Stage) -> None:
    room = Room(stage.site)
    case_id = stage.open_case("bridge", Level.ORANGE)
    stage.step_case(case_id, Change.STEPPED_UP, Reason.ABOVE_RAISE, level=Level.RED)
    history = stage.store.transitions(case_id)
    for _ in range(2):
        room.recall([(stage.cases[case_id], history)], [])
    card = room.cards[Section.CASES][case_id]
    assert isinstance(card, CaseCard)
    assert [step.change for step in card.history] == [Change.OPENED, Change.STEPPED_UP]


def test_closed_cases_leave_the_room_one_by_one(stage: Stage) -> None:
    room = Room(stage.site)
    case = stage.cases[stage.open_case("bridge", Level.BLUE)]
    for number in range(CLOSED_KEPT + 3):
        closed = msgspec.structs.replace(case, id=f"case-{number}", state=CaseState.CLOSED)
        room.apply(commit(stage, cases=(closed,)), 0.0)
    assert len(room.cards[Section.CASES]) == CLOSED_KEPT
    assert "case-0" not in room.cards[Section.CASES]


def test_an_alarm_stands_until_it_is_cleared(stage: Stage, clock: ManualClock) -> None:
    room = Room(stage.site)

    def say(state: str) -> dict[str, object]:
        alarm = SensorAlarm(id="a-1", at=clock.now(), hazard="fire", state=state)  # type: ignore[arg-type]  # one of two literals
        fact = stage.fact(DeviceKind.SENSOR, "fire-yandai", alarm)
        room.apply(commit(stage, facts=(fact,)), 0.0)
        card = room.cards[Section.SENSORS]["fire-yandai"]
        assert isinstance(card, SensorCard)
        return dict(card.alarms)

    assert list(say("raised")) == ["a-1"]
    assert say("cleared") == {}


def test_a_counter_that_boots_again_never_counts_backwards(
    stage: Stage, clock: ManualClock
) -> None:
    room = Room(stage.site)

    def say(boot: str, in_total: int) -> CounterCard:
        reading = CounterReading(at=clock.now(), boot=boot, seq=1, in_total=in_total, out_total=0)
        fact = stage.fact(DeviceKind.COUNTER, "gate-lotus", reading)
        room.apply(commit(stage, facts=(fact,)), 0.0)
        card = room.cards[Section.COUNTERS]["gate-lotus"]
        assert isinstance(card, CounterCard)
        return card

    assert say("b1", 1000).in_per_min is None
    clock.advance(30)
    assert say("b1", 1015).in_per_min == pytest.approx(30)
    clock.advance(10)
    assert say("b2", 3).in_per_min is None
    clock.advance(10)
    assert say("b2", 8).in_per_min == pytest.approx(30)
