"""Two lanes as a state machine: loops go stale, flap and lie, states and orders come late or twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from devices.steps import PlanRefusal
from model.actions import MoveEntrance
from model.facts import (
    BollardPosition,
    BollardReceipt,
    BollardResult,
    BollardState,
    DeviceKind,
)
from model.orders import FINAL_ORDER_STATES, BollardOrder, Motion, OrderRecord
from tests.devices.fault_search import SEARCH
from tests.devices.lane_plants import PLANTS
from tests.devices.lane_street import AT_REST, WRONG, Answer, Heard, Street, order_of, why_unsafe
from tests.devices.rig import KEYS, Rig
from wire.signing import verify_order

LANES = ("lane-1", "lane-2")
ASK_AFTER_S = 3.0
ROUNDING = timedelta(milliseconds=1)
"""Stamps count whole microseconds, the monotonic clock does not."""

PICK = st.integers(min_value=0, max_value=10_000)
LANE = st.sampled_from(LANES)


class LanesMachine(RuleBasedStateMachine):
    """No raise leaves for a lane that is not proven clear; a stop or lower is never refused."""

    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig()
        self.street = {lane: Street() for lane in LANES}
        self.heard: dict[str, list[Heard]] = {lane: [] for lane in LANES}
        self.states: list[tuple[str, BollardState]] = []
        self.orders: list[OrderRecord] = []
        self.back: list[tuple[str, Answer]] = []
        self.raise_left: dict[str, tuple[int, float]] = {}
        self.life = 0
        self.wanted: dict[str, OrderRecord] = {}

    # -- the street ------------------------------------------------------------------------

    @rule(lane=LANE, vehicle=st.booleans())
    def traffic(self, lane: str, vehicle: bool) -> None:
        self.street[lane].vehicle = vehicle

    @rule(lane=LANE, loop=st.sampled_from(["honest", "lies", "broken", "old"]))
    def loop_turns(self, lane: str, loop: str) -> None:
        self.street[lane].loop = loop

    @rule(lane=LANE, fault=st.sampled_from([None, "stuck"]))
    def fault(self, lane: str, fault: str | None) -> None:
        self.street[lane].fault = fault

    @rule(lane=LANE)
    def mechanics(self, lane: str) -> None:
        self.back += [(lane, answer) for answer in self.street[lane].arrive()]

    @rule(lane=LANE)
    def lane_loses_power(self, lane: str) -> None:
        self.rig.clock.advance(1.0)
        self.street[lane].boot()

    # -- what the lanes say, and how it travels --------------------------------------------

    @rule(lane=LANE, times=st.integers(min_value=1, max_value=3))
    def speaks(self, lane: str, times: int) -> None:
        for _ in range(times):
            self.rig.clock.advance(0.4)
            self._hear(lane, self.street[lane].state(self.rig.clock.now()))

    @rule(lane=LANE)
    def speaks_into_a_slow_line(self, lane: str) -> None:
        self.rig.clock.advance(0.2)
        self.states.append((lane, self.street[lane].state(self.rig.clock.now())))

    @rule(pick=PICK, again=st.booleans())
    def late_state(self, pick: int, again: bool) -> None:
        """Any state that is under way arrives, perhaps not for the last time."""
        if self.states:
            at = pick % len(self.states)
            self._hear(*(self.states[at] if again else self.states.pop(at)))

    @rule(seconds=st.sampled_from([0.1, 1.9, 2.1]))
    def backlog(self, seconds: float) -> None:
        """A line that hung delivers everything at once."""
        for lane in (*LANES, *LANES):
            self.speaks_into_a_slow_line(lane)
        self.rig.clock.advance(seconds)
        while self.states:
            self._hear(*self.states.pop(0))

    @rule(lane=LANE, seconds=st.sampled_from([2.0, 2.6, 3.1]))
    def long_silence(self, lane: str, seconds: float) -> None:
        """All was well, then nothing was heard, then one word."""
        self.a_calm_minute()
        self.rig.clock.advance(seconds)
        self.speaks(lane, 1)

    @rule(lane=LANE)
    def newer_word_overtakes(self, lane: str) -> None:
        """Clear was said before a vehicle came, and arrives after."""
        self.a_calm_minute()
        said = [self.street[lane].state(self.rig.clock.now())]
        self.rig.clock.advance(0.2)
        self.street[lane].vehicle = True
        said.append(self.street[lane].state(self.rig.clock.now()))
        while said:
            self._hear(lane, said.pop())

    @rule(lane=LANE)
    def goodbye(self, lane: str) -> None:
        self.heard[lane].clear()
        self.rig.status(DeviceKind.BOLLARD, lane, online=False)

    @rule()
    def a_calm_minute(self) -> None:
        """Everything is well: the lanes may rise, and the service knows that they may."""
        for street in self.street.values():
            street.arrive()
            street.vehicle, street.loop, street.fault = False, "honest", None
            if street.position not in AT_REST:
                street.position = BollardPosition.DOWN
        for lane in (*LANES, *LANES):
            self.speaks(lane, 1)
        mono = self.rig.clock.monotonic()
        assert [self.rig.outbox.lane_refusal(lane, mono) for lane in LANES] == [None, None]

    # -- the room --------------------------------------------------------------------------

    @rule(motion=st.sampled_from([Motion.STOP, Motion.LOWER]))
    def question_overtakes(self, motion: Motion) -> None:
        self.stop_lower_or_ask(motion)
        self.stop_lower_or_ask(Motion.REPORT)
        self.deliver_backwards()

    @rule(exercise=st.booleans())
    def raise_wanted(self, exercise: bool) -> None:
        before = dict(self.rig.disk)
        safe = {lane for lane in LANES if self._why_unsafe(lane) is None}
        self._ask(Motion.RAISE, exercise=exercise)
        written = {r.device for r in self.rig.disk.values() if r.id not in before}
        assert written <= safe, "a raise is written for a lane that is not proven"

    @rule(motion=st.sampled_from([Motion.STOP, Motion.LOWER, Motion.REPORT]))
    def stop_lower_or_ask(self, motion: Motion) -> None:
        """Never refused, and a stop or lower takes back whatever else was to move."""
        assert self._ask(motion, exercise=False) == []
        if motion is Motion.REPORT:
            return
        for lane in LANES:
            newest = self.rig.of(lane)[-1]
            assert [record.id for record in self._moving(lane)] == [newest.id]
            assert newest.action == motion
            self.wanted[lane] = newest

    @rule()
    def a_raise_and_a_lower_are_decided_together(self) -> None:
        """Whichever came first, the lanes go down."""
        self.a_calm_minute()
        self._ask(Motion.RAISE, exercise=False)
        self.stop_lower_or_ask(Motion.LOWER)

    @rule(motion=st.sampled_from([Motion.RAISE, Motion.LOWER, Motion.STOP]))
    def exercise(self, motion: Motion) -> None:
        """Practice waits for whatever is real and takes nothing of it back."""
        real = {lane: self._moving(lane, exercise=False) for lane in LANES}
        refused = self._ask(motion, exercise=True)
        for lane in LANES:
            assert self._moving(lane, exercise=False) == real[lane]
            assert not real[lane] or (lane, PlanRefusal.ORDER_RUNNING) in refused

    # -- orders on their way ---------------------------------------------------------------

    @rule()
    def send(self) -> None:
        over = {r.id for r in self.rig.disk.values() if r.state in FINAL_ORDER_STATES}
        self._leave(self.rig.send(), over)

    @rule()
    def a_raise_in_good_order(self) -> None:
        """Proven, wanted and sent in one breath."""
        self.a_calm_minute()
        self._ask(Motion.RAISE, exercise=False)
        self.send()

    @rule(lane=LANE, wrong=st.sampled_from(sorted(WRONG)))
    def something_goes_wrong_between_the_order_and_its_leaving(self, lane: str, wrong: str) -> None:
        self.a_calm_minute()
        self._ask(Motion.RAISE, exercise=False)
        name, value = WRONG[wrong]
        setattr(self.street[lane], name, value)
        self.speaks(lane, 1)
        self.send()

    @rule(pick=PICK, again=st.booleans())
    def deliver(self, pick: int, again: bool) -> None:
        if self.orders:
            at = pick % len(self.orders)
            self._arrive(self.orders[at] if again else self.orders.pop(at))

    @rule()
    def deliver_backwards(self) -> None:
        """Everything that is under way overtakes what left before it."""
        self.send()
        while self.orders:
            self._arrive(self.orders.pop())

    @rule(pick=PICK, again=st.booleans())
    def answer(self, pick: int, again: bool) -> None:
        if self.back:
            at = pick % len(self.back)
            self._receipt(*(self.back[at] if again else self.back.pop(at)))

    @rule()
    def lose_the_line(self) -> None:
        self.orders.clear()
        self.back.clear()
        self.states.clear()

    @rule(seconds=st.sampled_from([0.3, 0.6, 1.1, 2.1, 3.1, 11.0]))
    def wait(self, seconds: float) -> None:
        self.rig.clock.advance(seconds)

    @rule()
    def nothing_comes_back(self) -> None:
        """A raise without a word: the lane is asked, and its answer is waited for."""
        for _ in range(5):
            self.rig.clock.advance(0.9)
            self.send()

    @rule()
    def a_raise_is_lost_and_the_lane_speaks_too_early(self) -> None:
        """What the lane said before it could be asked is no answer."""
        self.a_raise_in_good_order()
        self.orders.clear()
        self.rig.clock.advance(1.5)
        for lane in LANES:
            self.speaks(lane, 1)
        self.rig.clock.advance(0.9)
        self.send()

    @rule()
    def power_is_cut(self) -> None:
        self._start_anew()

    @precondition(lambda self: self.rig.outbox.open_orders)
    @rule()
    def power_is_cut_after_sending(self) -> None:
        """The orders left, and nobody noted that they did."""
        over = {r.id for r in self.rig.disk.values() if r.state in FINAL_ORDER_STATES}
        self._leave(self.rig.outbox.due(self.rig.clock.monotonic()), over)
        self._start_anew()

    # -- what always holds -----------------------------------------------------------------

    @invariant()
    def nothing_unproven_may_rise(self) -> None:
        mono = self.rig.clock.monotonic()
        for lane in LANES:
            if self.rig.outbox.lane_refusal(lane, mono) is None:
                assert self._why_unsafe(lane) is None, f"{lane}: {self._why_unsafe(lane)}"

    @invariant()
    def one_motion_runs_on_a_lane(self) -> None:
        for lane in LANES:
            assert len(self._moving(lane)) <= 1

    @invariant()
    def no_order_is_lost(self) -> None:
        open_on_disk = {r.id for r in self.rig.disk.values() if r.state not in FINAL_ORDER_STATES}
        assert open_on_disk == {record.id for record in self.rig.outbox.open_orders}

    @invariant()
    def counters_only_grow(self) -> None:
        counters = [record.counter for record in self.rig.disk.values()]
        assert len(counters) == len(set(counters))

    def teardown(self) -> None:
        """First the worst: lost, then turned round. Then the line heals, and the last word holds."""
        self.send()
        self.lose_the_line()
        self.rig.clock.advance(1.2)
        self.deliver_backwards()
        for _ in range(12):
            for lane in LANES:
                self.mechanics(lane)
            while self.back:
                self._receipt(*self.back.pop(0))
            self.rig.clock.advance(1.0)
            self.send()
            while self.orders:
                self._arrive(self.orders.pop(0))
        self.no_order_is_lost()
        now = self.rig.clock.now()
        for lane, order in self.wanted.items():
            later = [r for r in self.rig.of(lane) if r.counter > order.counter]
            if now < order.expires and not any(r.action == Motion.RAISE for r in later):
                assert self.street[lane].begun[-1:] == [order.action], f"{lane} never obeyed"

    # -- how it is done --------------------------------------------------------------------

    def _ask(self, motion: Motion, *, exercise: bool) -> list[tuple[str, object]]:
        action = MoveEntrance(
            entrance="east", motion=motion, case="case-1", actor="plan", exercise=exercise
        )
        return [(refusal.device, refusal.reason) for refusal in self.rig.plan(action)]

    def _hear(self, lane: str, state: BollardState) -> None:
        now, mono = self.rig.clock.now(), self.rig.clock.monotonic()
        self.heard[lane].append(Heard(mono, (now - state.at).total_seconds(), state))
        self.rig.hear(DeviceKind.BOLLARD, lane, state)

    def _why_unsafe(self, lane: str) -> str | None:
        return why_unsafe(self.heard[lane], self.rig.clock.monotonic())

    def _moving(self, lane: str, *, exercise: bool | None = None) -> list[OrderRecord]:
        """The lane's orders to move that are not over: all, the real ones or the practised ones."""
        return [
            record
            for record in self.rig.of(lane)
            if record.state not in FINAL_ORDER_STATES
            and record.action != Motion.REPORT
            and exercise in (None, order_of(record).exercise)
        ]

    def _leave(self, records: tuple[OrderRecord, ...], over: set[str]) -> None:
        for record in records:
            assert record.id not in over, "an order that was over is sent"
            assert self.rig.clock.now() < record.expires + ROUNDING, "an expired order is sent"
            if record.action == Motion.RAISE:
                self._judge_raise(record)
            self.orders.append(record)

    def _judge_raise(self, record: OrderRecord) -> None:
        mono, lane = self.rig.clock.monotonic(), record.device
        assert self._why_unsafe(lane) is None, f"a raise leaves: {self._why_unsafe(lane)}"
        life, left = self.raise_left.get(record.id, (-1, mono))
        if life == self.life:
            asked = [each for each in self.heard[lane] if each.mono >= left + ASK_AFTER_S]
            assert asked, "a raise is sent again blindly"
        self.raise_left[record.id] = (self.life, mono)

    def _arrive(self, record: OrderRecord) -> None:
        order = verify_order(self.rig.outbox.topic_of(record), record.payload, KEYS)
        assert isinstance(order, BollardOrder)
        street = self.street[record.device]
        risen = street.begun.count(Motion.RAISE)
        answers = street.take(order, self.rig.clock.now())
        assert not (street.vehicle and street.begun.count(Motion.RAISE) > risen)
        self.back += [(record.device, answer) for answer in answers]

    def _receipt(self, lane: str, answer: Answer) -> None:
        order, result, why = answer
        said = BollardReceipt(
            order=order, result=BollardResult(result), at=self.rig.clock.now(), reason=why
        )
        self.rig.hear(DeviceKind.BOLLARD, lane, said)

    def _start_anew(self) -> None:
        self.rig.restart()
        self.life += 1
        for heard in self.heard.values():
            heard.clear()


TestLanes = LanesMachine.TestCase
TestLanes.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, derandomize=True
)


@pytest.mark.parametrize("plant", PLANTS)
def test_the_machine_catches(plant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    target, name, faulty = PLANTS[plant]
    monkeypatch.setattr(target, name, faulty)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(LanesMachine, settings=SEARCH)
