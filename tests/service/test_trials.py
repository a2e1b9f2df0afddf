"""The trials of the interlock and of the order check: nothing gets through, and a bug is caught."""

from __future__ import annotations

import os
import random

import pytest

from devices.interlock import LaneWatch, RaiseRefusal
from model.facts import LoopState
from service import trial_lanes, trial_orders
from service.trial_orders import LANE_TOPIC, SCREEN_TOPIC, Stranger
from simulators.bollard_motor import BollardMotor
from wire.order_check import OrderCheck, OrderVerdict

STEPS = int(os.environ.get("YINDING_BOLLARD_STEPS", "9000"))
ATTACKS = int(os.environ.get("YINDING_FORGERIES", "1200"))


def test_no_raise_is_sent_or_obeyed_unsafely() -> None:
    summary = trial_lanes.try_lanes(steps=STEPS, seed=7)
    assert trial_lanes.bad_words(summary) == []
    assert summary["asked"] > STEPS / 40
    assert summary["moved"] > STEPS / 1500
    assert set(summary["faults"]) >= {"loop_lies", "loop_frozen", "link_cut", "restart"}
    assert summary["refused"]["loop_not_clear"] > 0


def test_the_same_seed_gives_the_same_trial() -> None:
    first, again = (trial_lanes.try_lanes(steps=1_500, seed=3) for _ in range(2))
    assert first == again


def test_an_interlock_that_believes_anything_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def anything(_watch: LaneWatch, _mono: float) -> RaiseRefusal | None:
        return None

    monkeypatch.setattr(LaneWatch, "raise_refusal", anything)
    summary = trial_lanes.try_lanes(steps=3_000, seed=1)
    assert summary["unsafe_raises"] > 0
    assert any("unsafe_raises" in word for word in trial_lanes.bad_words(summary))


def test_a_controller_that_does_not_look_at_its_loop_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(BollardMotor, "may_rise", lambda _motor, _mono: True)
    monkeypatch.setattr("simulators.bollard_motor.LoopState", _NeverOccupied)
    assert trial_lanes.try_lanes(steps=9_000, seed=1)["unsafe_moves"] > 0


class _NeverOccupied:
    CLEAR = OCCUPIED = FAULT = LoopState.CLEAR


def test_no_attack_is_ever_obeyed() -> None:
    summary = trial_orders.try_orders(attacks=ATTACKS, seed=20250212)
    assert trial_orders.bad_words(summary) == []
    assert min(summary["ways"].values()) > ATTACKS // 12


def test_a_device_that_forgets_its_counter_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OrderCheck, "_verdict", lambda _check, _order, _now: OrderVerdict.OBEY)
    summary = trial_orders.try_orders(attacks=300, seed=1)
    assert summary["obeyed"] > 0
    assert trial_orders.bad_words(summary)


def test_the_same_stranger_sees_the_service_obeyed() -> None:
    stranger = Stranger(random.Random(1))
    stranger.publish(SCREEN_TOPIC, stranger.genuine(SCREEN_TOPIC))
    stranger.publish(LANE_TOPIC, stranger.genuine(LANE_TOPIC))
    for _ in range(80):
        stranger.pass_time(0.1)
    acts = {entry.what for entry in stranger.acts}
    assert {"shown", "done", "played"} <= acts
