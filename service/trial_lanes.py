"""Outbox and lane controller over a bad link, with a loop that goes stale, flaps and lies.

A step is a tenth of a second of one lane with traffic, people who want it up and down, a link that
delays, loses and breaks, and a service that is sometimes started anew. An observer that shares no
code with the interlock judges each raise that leaves, by what arrived and when; and the street
judges each raise that moves. A second lane never says a word, and must never be asked to rise.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any

from devices.outbox import Outbox
from model.actions import MoveEntrance
from model.clock import ManualClock
from model.facts import (
    Body,
    BollardPosition,
    BollardState,
    DeviceKind,
    DeviceStatus,
    Fact,
    LoopState,
)
from model.orders import FINAL_ORDER_STATES, Motion, OrderRecord
from service.trial_site import ENTRANCE, KEYS, LANE, SIGNER, START, trial_site
from simulators.bollards import BollardMachine
from simulators.logbook import FieldEntry

STEP_S = 0.1
STEPS_A_LIFE = 3_000
"""After so many steps the lane and the service begin anew, from another seed."""

STATE_FRESH_S, LOOP_FRESH_MS, CLEAR_FOR_S = 2.0, 500, 1.0
"""The contract's numbers, written down once more: the observer must not share the interlock's."""

ROUNDING_S = 1e-6

Summary = dict[str, Any]


def try_lanes(
    *, steps: int, seed: int, on_life: Callable[[int], None] = lambda _done: None
) -> Summary:
    """So many steps from one seed; what was asked, sent, moved, and what was unsafe."""
    counts: Counter[str] = Counter()
    refusals: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    done = 0
    while done < steps:
        lane = _LaneLife(random.Random(f"{seed}/{done}"))
        for _ in range(min(STEPS_A_LIFE, steps - done)):
            lane.step()
        done += min(STEPS_A_LIFE, steps - done)
        counts.update(lane.counts)
        refusals.update(lane.refusals)
        faults.update(lane.faults)
        on_life(done)
    names = ("asked", "sent", "moved", "unsafe_raises", "unsafe_moves", "moved_twice")
    return (
        {"steps": steps, "seed": seed}
        | {name: counts[name] for name in names}
        | {"refused": dict(refusals), "faults": dict(faults)}
    )


def bad_words(summary: Summary) -> list[str]:
    """Why a result is bad; a trial in which nothing rose proves nothing."""
    unsafe = ("unsafe_raises", "unsafe_moves", "moved_twice")
    bad = [f"{summary[name]} {name}" for name in unsafe if summary[name]]
    bad += [f"nothing {name}" for name in ("asked", "sent", "moved") if not summary[name]]
    return bad


class _LaneLife:
    """One lane and one service, from their first second on."""

    def __init__(self, rng: random.Random) -> None:
        self.counts: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self._rng = rng
        self._clock = ManualClock(START)
        self._ids = count(1)
        self._disk: dict[str, OrderRecord] = {}
        self._outbox = self._start()
        self._acts: list[FieldEntry] = []
        self._lane = BollardMachine(
            site_id="small", bollard_id=LANE, keys=KEYS, log=self._acts.append
        )
        self._under_way: list[tuple[float, BollardState]] = []
        self._arrived: list[tuple[float, BollardState]] = []
        self._link_cut = False
        self._clear_s = 0.0
        self._moved: set[str] = set()

    def step(self) -> None:
        """A tenth of a second."""
        self._clock.advance(STEP_S)
        self._things_happen()
        self._lane_acts()
        self._states_travel()
        self._people()
        for record in self._send():
            if record.action == Motion.RAISE:
                self._judge_sending(record)
            if not self._link_cut and self._rng.random() < 0.8:
                self._deliver(record)

    # -- the street ------------------------------------------------------------------------

    def _things_happen(self) -> None:
        rng, street, faults = self._rng, self._lane.street, self._lane.faults
        if rng.random() < (0.08 if street.vehicle else 0.01):
            street.vehicle = not street.vehicle
            self.faults["vehicle"] += street.vehicle
        self._clear_s = 0.0 if street.vehicle else self._clear_s + STEP_S
        street.contact = rng.random() < 0.01
        for name, mends, breaks in (("loop_frozen", 0.05, 0.005), ("loop_lies", 0.05, 0.005)):
            broken = getattr(faults, name)
            if rng.random() < (mends if broken else breaks):
                setattr(faults, name, not broken)
                self.faults[name] += not broken
        if rng.random() < 0.02:
            faults.loop_fault = rng.random() < 0.1
            self.faults["loop_fault"] += faults.loop_fault
        if rng.random() < (0.1 if self._link_cut else 0.005):
            self._link_cut = not self._link_cut
            self.faults["link_cut"] += self._link_cut
        if rng.random() < 0.002:
            self.faults["restart"] += 1
            self._arrived.clear()  # a new service has heard nothing
            self._outbox = self._start()
        if rng.random() < 0.001:
            self.faults["goodbye"] += 1
            self._hear(DeviceStatus(state="offline", at=self._clock.now()))

    def _lane_acts(self) -> None:
        now, mono = self._clock.now(), self._clock.monotonic()
        motor, faults = self._lane.motor, self._lane.faults
        height, entries = motor.height, len(self._acts)
        # A frozen loop is one that the controller itself takes for stale after half a second.
        blocked = self._lane.street.vehicle and not faults.loop_frozen
        for receipt in self._lane.tick(now, mono):
            if not self._link_cut:
                self._hear(receipt)
        self.counts["unsafe_moves"] += blocked and motor.height > height
        for entry in self._acts[entries:]:
            self._judge_motion(entry)

    def _judge_motion(self, entry: FieldEntry) -> None:
        if entry.what not in ("moved", "moved_again") or entry.detail != "raise":
            return
        faults, street = self._lane.faults, self._lane.street
        self.counts["moved"] += 1
        if not faults.loop_frozen:
            soon = self._clear_s < CLEAR_FOR_S - STEP_S - ROUNDING_S
            self.counts["unsafe_moves"] += street.vehicle or soon
        self.counts["unsafe_moves"] += faults.loop_fault
        if entry.what == "moved" and entry.order is not None:
            self.counts["moved_twice"] += entry.order in self._moved
            self._moved.add(entry.order)

    def _states_travel(self) -> None:
        now, mono = self._clock.now(), self._clock.monotonic()
        state = self._lane.state_if_due(now, mono)
        if self._link_cut:
            return
        if state is not None:
            delay_s = self._rng.choice([0.0, 0.0, 0.0, 0.5, 3.0])
            self._under_way.append((mono + delay_s, state))
        due = [each for each in self._under_way if each[0] <= mono]
        self._under_way = [each for each in self._under_way if each[0] > mono]
        for _, arriving in due:
            self._arrived = [*self._arrived[-30:], (mono, arriving)]
            self._hear(arriving)
            if self._rng.random() < 0.02:
                self.faults["state_again"] += 1
                self._hear(arriving)

    # -- the room --------------------------------------------------------------------------

    def _people(self) -> None:
        chance = self._rng.random()
        if chance < 0.05:
            self._ask(Motion.RAISE)
        elif chance < 0.06:
            self._ask(Motion.LOWER)
        elif chance < 0.065:
            self._ask(Motion.STOP)

    def _ask(self, motion: Motion) -> None:
        action = MoveEntrance(entrance=ENTRANCE, motion=motion, case="case-1", actor="plan")
        step = self._outbox.plan([action], self._clock.now(), self._clock.monotonic())
        self._commit(step.changed)
        if motion is Motion.RAISE:
            self.counts["asked"] += 1
            self.refusals.update(each.reason.value for each in step.refused)

    def _judge_sending(self, record: OrderRecord) -> None:
        """By what arrived: fresh, clear, sampled just now, at rest; and never a silent lane."""
        self.counts["sent"] += 1
        self.counts["unsafe_raises"] += record.device != LANE or not self._was_safe()

    def _was_safe(self) -> bool:
        if not self._arrived:
            return False
        came_s, newest = max(self._arrived, key=lambda each: each[1].seq)
        return (
            self._clock.monotonic() - came_s <= STATE_FRESH_S + ROUNDING_S
            and newest.loop is LoopState.CLEAR
            and newest.loop_age_ms <= LOOP_FRESH_MS
            and newest.position in (BollardPosition.UP, BollardPosition.DOWN)
        )

    # -- the service -----------------------------------------------------------------------

    def _start(self) -> Outbox:
        return Outbox(
            trial_site(),
            SIGNER.sign,
            last_counter=max((each.counter for each in self._disk.values()), default=0),
            unfinished=[r for r in self._disk.values() if r.state not in FINAL_ORDER_STATES],
            now=self._clock.now(),
            mono=self._clock.monotonic(),
            new_id=lambda: f"order-{next(self._ids)}",
        )

    def _commit(self, changed: tuple[OrderRecord, ...]) -> None:
        for record in changed:
            if record.state in FINAL_ORDER_STATES:
                self._disk.pop(record.id, None)
            else:
                self._disk[record.id] = record

    def _hear(self, body: Body) -> None:
        now, mono = self._clock.now(), self._clock.monotonic()
        fact = Fact(
            kind=DeviceKind.BOLLARD, source=LANE, arrived=now, arrived_monotonic_s=mono, body=body
        )
        self._commit(self._outbox.observe([fact], now, mono).changed)

    def _send(self) -> tuple[OrderRecord, ...]:
        now, mono = self._clock.now(), self._clock.monotonic()
        self._commit(self._outbox.tick(now, mono).changed)
        records = self._outbox.due(mono)
        self._outbox.mark_sent([record.id for record in records], now, mono)
        self._commit(self._outbox.tick(now, mono).changed)
        return records

    def _deliver(self, record: OrderRecord) -> None:
        if record.device != LANE:
            return
        now, mono = self._clock.now(), self._clock.monotonic()
        topic = self._outbox.topic_of(record)
        for receipt in self._lane.receive(topic, record.payload, now, mono):
            if self._rng.random() < 0.8:
                self._hear(receipt)
