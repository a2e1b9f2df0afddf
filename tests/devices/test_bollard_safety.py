"""Outbox and controller over a bad link and with a loop that goes stale, flaps and lies.

Two things are never seen: the centre sending a raise without a fresh, clear, believed state; and a
lane that starts to rise with a vehicle on its loop.
"""

from __future__ import annotations

import os
import random

from model.facts import BollardPosition, BollardState, DeviceKind, LoopState
from model.orders import Motion, OrderRecord
from simulators.bollards import BollardMachine
from simulators.logbook import FieldEntry
from tests.devices.rig import KEYS, Rig, move

STEPS = int(os.environ.get("YINDING_BOLLARD_STEPS", "12000"))
STEP_S = 0.1


class Crossing:
    """One lane with traffic, a link that delays and loses, and people who want it up and down."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.rig = Rig()
        self.seen: list[FieldEntry] = []
        self.lane = BollardMachine(
            site_id="small", bollard_id="lane-1", keys=KEYS, log=self.seen.append
        )
        self.delayed: list[tuple[float, BollardState]] = []
        self.link_cut = False
        self.heard: list[tuple[float, BollardState]] = []
        self.clear_s = 0.0
        self.raises = 0
        self.rises = 0

    def step(self) -> None:
        self.rig.clock.advance(STEP_S)
        self._things_happen()
        now, mono = self.rig.clock.now(), self.rig.clock.monotonic()
        height = self.lane.motor.height
        entries = len(self.seen)
        blocked = self.lane.street.vehicle and not self.lane.faults.loop_frozen
        for receipt in self.lane.tick(now, mono):
            if not self.link_cut:
                self.rig.hear(DeviceKind.BOLLARD, "lane-1", receipt)
        assert not (blocked and self.lane.motor.height > height), "rose under a vehicle"
        for entry in self.seen[entries:]:
            self._judge_motion(entry)
        self._tell_state()
        self._people()
        for record in self.rig.send():
            self._judge_sending(record)
            if not self.link_cut and self.rng.random() < 0.8:
                self._deliver(record)

    def _things_happen(self) -> None:
        rng, street, faults = self.rng, self.lane.street, self.lane.faults
        if rng.random() < (0.08 if street.vehicle else 0.01):
            street.vehicle = not street.vehicle
        self.clear_s = 0.0 if street.vehicle else self.clear_s + STEP_S
        street.contact = rng.random() < 0.01
        if rng.random() < (0.05 if faults.loop_frozen else 0.005):
            faults.loop_frozen = not faults.loop_frozen
        if rng.random() < (0.05 if faults.loop_lies else 0.005):
            faults.loop_lies = not faults.loop_lies
        if rng.random() < 0.02:
            faults.loop_fault = rng.random() < 0.1
        if rng.random() < (0.1 if self.link_cut else 0.005):
            self.link_cut = not self.link_cut

    def _tell_state(self) -> None:
        now, mono = self.rig.clock.now(), self.rig.clock.monotonic()
        state = self.lane.state_if_due(now, mono)
        if state is not None and not self.link_cut:
            delay = self.rng.choice([0.0, 0.0, 0.0, 0.5, 3.0])
            self.delayed.append((mono + delay, state))
        if self.link_cut:
            return
        for item in [item for item in self.delayed if item[0] <= mono]:
            self.delayed.remove(item)
            self.heard.append((mono, item[1]))
            self.rig.hear(DeviceKind.BOLLARD, "lane-1", item[1])

    def _people(self) -> None:
        chance = self.rng.random()
        if chance < 0.05:
            self.rig.plan(move(Motion.RAISE))
        elif chance < 0.06:
            self.rig.plan(move(Motion.LOWER))
        elif chance < 0.065:
            self.rig.plan(move(Motion.STOP))

    def _deliver(self, record: OrderRecord) -> None:
        if record.device != "lane-1":
            return
        now, mono = self.rig.clock.now(), self.rig.clock.monotonic()
        topic = self.rig.outbox.topic_of(record)
        for receipt in self.lane.receive(topic, record.payload, now, mono):
            if self.rng.random() < 0.8:
                self.rig.hear(DeviceKind.BOLLARD, "lane-1", receipt)

    def _judge_sending(self, record: OrderRecord) -> None:
        if record.action != Motion.RAISE:
            return
        self.raises += 1
        assert record.device == "lane-1", "the silent lane must never be asked to rise"
        newest = max(self.heard[-20:], key=lambda heard: heard[1].seq)
        mono = self.rig.clock.monotonic()
        assert mono - newest[0] <= 2.0 + 1e-9, "the last state is too old"
        assert newest[1].loop is LoopState.CLEAR
        assert newest[1].loop_age_ms <= 500
        assert newest[1].position in (BollardPosition.UP, BollardPosition.DOWN)

    def _judge_motion(self, entry: FieldEntry) -> None:
        if entry.what not in ("moved", "moved_again") or entry.detail != "raise":
            return
        self.rises += 1
        faults, street = self.lane.faults, self.lane.street
        assert faults.loop_frozen or not street.vehicle, "rose under a vehicle"
        assert faults.loop_frozen or self.clear_s >= 1.0 - STEP_S - 1e-9, "rose right after one"
        assert not faults.loop_fault


def test_no_raise_is_sent_or_obeyed_unsafely() -> None:
    raises = rises = 0
    for seed in range(4):
        crossing = Crossing(seed)
        for _ in range(STEPS // 4):
            crossing.step()
        raises += crossing.raises
        rises += crossing.rises
        moved = [entry.order for entry in crossing.seen if entry.what == "moved" and entry.order]
        assert len(moved) == len(set(moved)), "one order moved the lane twice"
    assert raises > STEPS / 200
    assert rises > STEPS / 1000
