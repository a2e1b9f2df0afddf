"""The outbox as a state machine: lines lose, double and reorder, devices and the service restart."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from devices import outbox
from devices.outbox import REISSUES_MAX, Outbox
from devices.pending import Pending
from devices.receipts import CLOCK_UNSET, STALE
from model.actions import Broadcast
from model.facts import DeviceKind, Fact, ReceiptStage, TerminalReceipt
from model.level import Level
from model.orders import FINAL_ORDER_STATES, OrderRecord, OrderState, TerminalOrder
from model.text import Bilingual
from tests.devices.fault_search import SEARCH
from tests.devices.rig import KEYS, START, Rig
from wire.signing import verify_order

SCREENS = ("screen-1", "screen-2")
CASES = ("case-1", "case-2")
ROUNDING = timedelta(milliseconds=1)
"""Stamps count whole microseconds, the monotonic clock does not."""

SILENCE_ENDED = frozenset({OrderState.WITHDRAWN, OrderState.EXPIRED, OrderState.REFUSED})
PICK = st.integers(min_value=0, max_value=10_000)


@dataclass
class Screen:
    """A terminal by the contract: each id once, no counter twice, nothing expired; its memory lasts."""

    name: str
    knows_the_time: bool = True
    highest: int = 0
    handled: set[str] = field(default_factory=set)
    acts: Counter[str] = field(default_factory=Counter)
    last: dict[str, str] = field(default_factory=dict)

    def take(self, order: TerminalOrder, now: Any) -> list[tuple[ReceiptStage, str | None]]:
        """Obey an order or not; the receipts that go back."""
        if order.id in self.handled:
            return [(ReceiptStage.RECEIVED, None), (ReceiptStage.PLAYED, None)]
        if not self.knows_the_time:
            return [(ReceiptStage.REFUSED, CLOCK_UNSET)]
        if now >= order.expires:
            return [(ReceiptStage.REFUSED, "expired")]
        if order.counter <= self.highest:
            return [(ReceiptStage.REFUSED, STALE)]
        self.highest = order.counter
        self.handled.add(order.id)
        self.acts[order.text.en] += 1
        self.last[order.warning] = order.text.en
        return [(ReceiptStage.RECEIVED, None), (ReceiptStage.PLAYED, None)]


class OutboxMachine(RuleBasedStateMachine):
    """Whatever line and power do: no order is lost, none is acted on twice, the last word arrives."""

    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig()
        self.screens = {name: Screen(name) for name in SCREENS}
        self.air: list[OrderRecord] = []
        self.back: list[tuple[str, TerminalReceipt]] = []
        self.written: dict[str, bytes] = {}
        self.wishes = count(1)
        self.wanted: dict[tuple[str, str], tuple[str, float]] = {}

    # -- what people and plans want --------------------------------------------------------

    @rule(
        action=st.sampled_from(["show", "show", "cancel"]),
        case=st.sampled_from(CASES),
        screens=st.sampled_from([SCREENS, SCREENS[:1], SCREENS[1:]]),
        expires_s=st.sampled_from([3.0, 30.0, 600.0]),
    )
    def wish(self, action: Any, case: str, screens: tuple[str, ...], expires_s: float) -> None:
        words = f"{action} {next(self.wishes)}"
        refused = self.rig.plan(
            Broadcast(
                case=case,
                action=action,
                level=Level.RED,
                terminals=screens,
                text=Bilingual(zh=words, en=words),
                expires_s=expires_s,
            )
        )
        assert refused == ()
        for screen in screens:
            newest = self.rig.of(screen)[-1]
            ends = (newest.expires - START).total_seconds()
            self.wanted[screen, case] = (words, ends)

    # -- what the line and the devices do --------------------------------------------------

    @rule()
    def send(self) -> None:
        over = {r.id for r in self.rig.disk.values() if r.state in SILENCE_ENDED}
        self._put_on_air(self.rig.send(), over)

    @rule(pick=PICK, again=st.booleans())
    def deliver(self, pick: int, again: bool) -> None:
        """Any order that is under way arrives, perhaps not for the last time."""
        if self.air:
            at = pick % len(self.air)
            self._arrive(self.air[at] if again else self.air.pop(at))

    @rule()
    def deliver_backwards(self) -> None:
        """Everything that is under way overtakes what left before it."""
        self.send()
        while self.air:
            self._arrive(self.air.pop())

    @rule(pick=PICK, again=st.booleans())
    def answer(self, pick: int, again: bool) -> None:
        """Any receipt that is under way arrives, perhaps not for the last time."""
        if self.back:
            at = pick % len(self.back)
            screen, receipt = self.back[at] if again else self.back.pop(at)
            self.rig.hear(DeviceKind.TERMINAL, screen, receipt)

    @rule()
    def lose_the_line(self) -> None:
        self.air.clear()
        self.back.clear()

    @rule(screen=st.sampled_from(SCREENS), knows=st.booleans())
    def boot(self, screen: str, knows: bool) -> None:
        self.screens[screen].knows_the_time = knows
        self.rig.status(DeviceKind.TERMINAL, screen, online=True)

    @rule(screen=st.sampled_from(SCREENS))
    def wake_without_the_time(self, screen: str) -> None:
        """What it is sent it refuses, and says why."""
        self.boot(screen, knows=False)
        self.send()
        while self.air:
            self._arrive(self.air.pop(0))
        while self.back:
            self.rig.hear(DeviceKind.TERMINAL, *self.back.pop(0))

    @rule(pick=PICK, screen=st.sampled_from(SCREENS))
    def lie(self, pick: int, screen: str) -> None:
        """A device speaks about an order of another one, or of nobody: nothing moves."""
        ids = [r.id for r in self.rig.disk.values() if r.device != screen]
        before = dict(self.rig.disk)
        order = ids[pick % len(ids)] if ids else "nobody-wrote-this"
        said = TerminalReceipt(order=order, stage=ReceiptStage.PLAYED, at=self.rig.clock.now())
        self.rig.hear(DeviceKind.TERMINAL, screen, said)
        assert self.rig.disk == before

    # -- time and power --------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.3, 1.1, 4.0, 11.0]))
    def wait(self, seconds: float) -> None:
        self.rig.clock.advance(seconds)

    @rule()
    def power_is_cut(self) -> None:
        self.rig.restart()

    @rule(pick=PICK)
    def power_is_cut_before_a_receipt_is_on_disk(self, pick: int) -> None:
        """It was not acknowledged to the broker, so it comes again: it stays under way."""
        if self.back:
            screen, receipt = self.back[pick % len(self.back)]
            clock = self.rig.clock
            fact = Fact(
                kind=DeviceKind.TERMINAL,
                source=screen,
                arrived=clock.now(),
                arrived_monotonic_s=clock.monotonic(),
                body=receipt,
            )
            self.rig.outbox.observe([fact], clock.now(), clock.monotonic())
            self.rig.restart()

    @rule()
    def power_is_cut_after_sending(self) -> None:
        """The orders left, and nobody noted that they did."""
        over = {r.id for r in self.rig.disk.values() if r.state in SILENCE_ENDED}
        self._put_on_air(self.rig.outbox.due(self.rig.clock.monotonic()), over)
        self.rig.restart()

    # -- what always holds -----------------------------------------------------------------

    @invariant()
    def no_order_is_lost(self) -> None:
        """Until it is played, what was written is over by name or goes on as it stands on disk."""
        past = FINAL_ORDER_STATES | {OrderState.PLAYED}
        unplayed = {r.id: r.state for r in self.rig.disk.values() if r.state not in past}
        going_on = {each.id: each.state for each in self.rig.outbox.open_orders}
        assert unplayed == {one: state for one, state in going_on.items() if state not in past}

    @invariant()
    def no_order_is_acted_on_twice(self) -> None:
        for screen in self.screens.values():
            assert set(screen.acts.values()) <= {1}

    @invariant()
    def counters_only_grow(self) -> None:
        for screen in SCREENS:
            counters = [
                record.counter for record in self.rig.disk.values() if record.device == screen
            ]
            assert counters == sorted(set(counters))

    def teardown(self) -> None:
        """First the worst: all is lost once, then all is turned round. Then the line heals.

        Within forty seconds each screen has the last word of each case.
        """
        for each in self.screens.values():
            each.knows_the_time = True
        self.send()
        self.lose_the_line()
        self.rig.clock.advance(1.2)
        self.deliver_backwards()
        for _ in range(40):
            self.send()
            while self.air:
                self._arrive(self.air.pop(0))
            while self.back:
                screen, receipt = self.back.pop(0)
                self.rig.hear(DeviceKind.TERMINAL, screen, receipt)
            self.rig.clock.advance(1.0)
        self.no_order_is_lost()
        self.no_order_is_acted_on_twice()
        now_s = (self.rig.clock.now() - START).total_seconds()
        given_up = {r.device for r in self.rig.disk.values() if r.id.endswith(f"-r{REISSUES_MAX}")}
        for (screen, case), (words, ends) in self.wanted.items():
            if now_s < ends and screen not in given_up:
                assert self.screens[screen].last.get(case) == words

    def _put_on_air(self, records: tuple[OrderRecord, ...], over: set[str]) -> None:
        for record in records:
            assert record.id not in over, "an order that was over is sent"
            assert self.rig.clock.now() < record.expires + ROUNDING, "an expired order is sent"
            assert record.id in self.rig.disk, "an order is sent before it is on disk"
            assert self.written.setdefault(record.id, record.payload) == record.payload
            self.air.append(record)

    def _arrive(self, record: OrderRecord) -> None:
        order = verify_order(self.rig.outbox.topic_of(record), record.payload, KEYS)
        assert isinstance(order, TerminalOrder)
        now = self.rig.clock.now()
        for stage, reason in self.screens[record.device].take(order, now):
            said = TerminalReceipt(order=order.id, stage=stage, at=now, reason=reason)
            self.back.append((record.device, said))


TestOutbox = OutboxMachine.TestCase
TestOutbox.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, derandomize=True
)


PLANTS: dict[str, tuple[object, str, object]] = {
    "an order that was overtaken is not written anew": (outbox, "STALE", "no such word"),
    "an order without a receipt is not repeated": (
        outbox,
        "repeat_after_s",
        lambda _order, _tries: 1e9,
    ),
    "a device that does not know the time has refused for good": (
        outbox,
        "CLOCK_UNSET",
        "no such word",
    ),
    "orders are forgotten in a restart": (Outbox, "_resume", lambda *_: None),
    "an order is sent for ever": (Pending, "may_leave", lambda _pending, _mono: True),
    "a newer word leaves the older one standing": (
        Pending,
        "unreceipted",
        property(lambda _pending: False),
    ),
}


@pytest.mark.parametrize("plant", PLANTS)
def test_the_machine_catches(plant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    target, name, faulty = PLANTS[plant]
    monkeypatch.setattr(target, name, faulty)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(OutboxMachine, settings=SEARCH)
