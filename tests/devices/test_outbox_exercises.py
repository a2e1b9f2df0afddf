"""An exercise's orders never stand in the way of real ones at the bollards."""

from __future__ import annotations

import msgspec
import pytest

from devices.steps import EndReason, PlanRefusal
from model.orders import Motion
from tests.devices.rig import Rig, move


def practised(motion: Motion) -> object:
    return msgspec.structs.replace(move(motion), exercise=True)


def refusals(rig: Rig, action: object) -> set[str]:
    return {str(refusal.reason) for refusal in rig.plan(action)}  # type: ignore[arg-type]  # a move


def test_a_real_raise_does_not_wait_for_an_exercise_and_takes_its_place() -> None:
    rig = Rig()
    rig.prove_lanes()
    assert refusals(rig, practised(Motion.RAISE)) == set()
    assert refusals(rig, move(Motion.RAISE)) == set()
    assert {record.action for record in rig.outbox.open_orders} == {Motion.RAISE}
    assert len(rig.outbox.open_orders) == 2


@pytest.mark.parametrize("motion", [Motion.RAISE, Motion.LOWER, Motion.STOP])
def test_an_exercise_takes_nothing_back_that_is_real(motion: Motion) -> None:
    rig = Rig()
    rig.prove_lanes()
    assert refusals(rig, move(Motion.RAISE)) == set()
    assert refusals(rig, practised(motion)) == {PlanRefusal.ORDER_RUNNING.value}
    assert all(record.reason != EndReason.STOPPED for record in rig.outbox.open_orders)
    assert len(rig.outbox.open_orders) == 2


def test_an_exercise_is_refused_beside_the_same_one() -> None:
    rig = Rig()
    rig.prove_lanes()
    assert refusals(rig, practised(Motion.RAISE)) == set()
    assert refusals(rig, practised(Motion.RAISE)) == {PlanRefusal.ORDER_RUNNING.value}
    assert refusals(rig, practised(Motion.LOWER)) == set()
