"""Repeats while terminals answer in their hundreds: a late answer is waited for, a missing one not for long."""

from __future__ import annotations

from devices.pending import FLOW_ANSWERS, LAST_REPEAT_S
from model.facts import DeviceKind, ReceiptStage
from model.orders import Motion, OrderRecord
from tests.devices.rig import Rig, move, show, small_site

MANY = 1000
TICK_S = 0.1
WORDS = {"zh": "甲", "en": "A"}


def crowd(terminals: int = MANY, *, expires_s: float = 600.0) -> tuple[Rig, list[OrderRecord]]:
    """A site that just sent every terminal its order."""
    names = [f"screen-{number}" for number in range(1, terminals + 1)]
    rig = Rig(
        small_site(terminals=[{"id": one, "name": WORDS, "zones": ["bridge"]} for one in names])
    )
    rig.plan(show("case-1", *names, expires_s=expires_s))
    return rig, list(rig.send())


def answering(rig: Rig, orders: list[OrderRecord], *, per_tick: int) -> list[OrderRecord]:
    """What is sent again while so many answer in each tick, until each of `orders` has."""
    again: list[OrderRecord] = []
    while orders:
        rig.clock.advance(TICK_S)
        for order in orders[:per_tick]:
            rig.terminal_says(order, ReceiptStage.RECEIVED)
        del orders[:per_tick]
        again += rig.send()
    return again


def test_nothing_is_repeated_while_answers_pour_in() -> None:
    rig, orders = crowd()
    assert answering(rig, orders, per_tick=MANY // 40) == []


def test_few_answers_hold_nothing_back() -> None:
    rig, orders = crowd(FLOW_ANSWERS)
    assert answering(rig, orders, per_tick=2)


def test_who_stayed_silent_is_told_again_as_soon_as_the_others_have_answered() -> None:
    rig, orders = crowd()
    silent = orders.pop()
    assert answering(rig, orders, per_tick=MANY // 20) == []
    repeats = rig.pass_time(2.0, step_s=TICK_S)
    assert {record.id for _, record in repeats} == {silent.id}
    assert repeats[0][0] <= 1.0


def test_answers_of_others_hold_nobody_back_for_longer_than_the_longest_pause() -> None:
    rig, orders = crowd(3 * MANY)
    silent = orders.pop(0)
    ticks = int((LAST_REPEAT_S + 2) / TICK_S)
    again = answering(rig, orders, per_tick=len(orders) // ticks)
    assert silent.id in {record.id for record in again}


def test_who_comes_back_on_line_meanwhile_is_told_at_once() -> None:
    rig, orders = crowd()
    lost = orders.pop()
    first, rest = orders[:200], orders[200:]
    assert answering(rig, first, per_tick=MANY // 40) == []
    rig.status(DeviceKind.TERMINAL, lost.device, online=True)
    assert [record.id for record in rig.send()] == [lost.id]
    assert answering(rig, rest, per_tick=MANY // 40) == []


def test_what_would_end_meanwhile_is_told_again_in_its_time() -> None:
    rig, orders = crowd(expires_s=LAST_REPEAT_S - 2)
    silent = orders.pop()
    again = answering(rig, orders, per_tick=MANY // 60)
    assert silent.id in {record.id for record in again}


def test_a_lane_is_never_held_back() -> None:
    rig, orders = crowd()
    rig.plan(move(Motion.LOWER))
    assert {record.device for record in rig.send()} == {"lane-1", "lane-2"}
    again = answering(rig, orders, per_tick=MANY // 40)
    assert {record.device for record in again} == {"lane-1", "lane-2"}
