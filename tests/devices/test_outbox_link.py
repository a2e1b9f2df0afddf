"""Outbox and terminal over a link that loses, doubles and reorders, with crashes of the service."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from model.actions import Broadcast
from model.facts import DeviceKind, TerminalReceipt
from model.orders import OrderRecord, OrderState
from simulators.logbook import FieldEntry
from simulators.terminals import TerminalMachine
from tests.devices.rig import KEYS, Rig, cancel, show
from wire.order_check import OrderMemory

CASES = ("case-1", "case-2", "case-3")
LIVES_S = 3600.0


class LossyLink(RuleBasedStateMachine):
    """Nothing is shown twice, nothing after its cancel, and nothing is lost before it expires."""

    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig()
        self.seen: list[FieldEntry] = []
        self.memory = OrderMemory()
        self.terminal = self._terminal()
        self.down: list[OrderRecord] = []
        self.up: list[TerminalReceipt] = []
        self.wanted: dict[str, str] = {}

    def _terminal(self) -> TerminalMachine:
        return TerminalMachine(
            site_id="small",
            terminal_id="screen-1",
            keys=KEYS,
            log=self.seen.append,
            memory=self.memory,
        )

    @rule(case=st.sampled_from(CASES))
    def show(self, case: str) -> None:
        self._plan(show(case, expires_s=LIVES_S), case, "show")

    @rule(case=st.sampled_from(CASES))
    def cancel(self, case: str) -> None:
        self._plan(cancel(case), case, "cancel")

    def _plan(self, action: Broadcast, case: str, wish: str) -> None:
        self.rig.plan(action)
        self.wanted[case] = wish
        self._send()

    @rule(seconds=st.sampled_from([0.2, 1.0, 3.0, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.rig.clock.advance(seconds)
        self._send()
        self.up += self.terminal.tick(self.rig.clock.now(), self.rig.clock.monotonic())

    @precondition(lambda self: len(self.down) > 0)
    @rule(data=st.data(), twice=st.booleans())
    def an_order_arrives(self, data: st.DataObject, twice: bool) -> None:
        record = data.draw(st.sampled_from(self.down))
        if not twice:
            self.down.remove(record)
        self._deliver(record)

    @precondition(lambda self: len(self.down) > 0)
    @rule(data=st.data())
    def an_order_is_lost(self, data: st.DataObject) -> None:
        self.down.remove(data.draw(st.sampled_from(self.down)))

    @precondition(lambda self: len(self.up) > 0)
    @rule(data=st.data(), twice=st.booleans())
    def a_receipt_arrives(self, data: st.DataObject, twice: bool) -> None:
        receipt = data.draw(st.sampled_from(self.up))
        if not twice:
            self.up.remove(receipt)
        self.rig.hear(DeviceKind.TERMINAL, "screen-1", receipt)

    @precondition(lambda self: len(self.up) > 0)
    @rule(data=st.data())
    def a_receipt_is_lost(self, data: st.DataObject) -> None:
        self.up.remove(data.draw(st.sampled_from(self.up)))

    @rule()
    def the_service_is_killed(self) -> None:
        self.rig.restart()

    def _send(self) -> None:
        records = self.rig.send()
        assert all(self.rig.disk[record.id].state is not OrderState.WITHDRAWN for record in records)
        self.down += records

    def _deliver(self, record: OrderRecord) -> None:
        topic = self.rig.outbox.topic_of(record)
        now, mono = self.rig.clock.now(), self.rig.clock.monotonic()
        self.up += self.terminal.receive(topic, record.payload, now, mono)

    @invariant()
    def no_order_was_acted_on_twice(self) -> None:
        acts = [entry.order for entry in self.seen if entry.what in ("shown", "cancelled")]
        assert len(acts) == len(set(acts))

    @invariant()
    def nothing_older_was_shown_after_a_cancel(self) -> None:
        cancelled: dict[str | None, int] = {}
        for entry in self.seen:
            if entry.what not in ("shown", "cancelled"):
                continue
            counter = self.rig.disk[entry.order or ""].counter
            if entry.what == "cancelled":
                cancelled[entry.warning] = counter
            else:
                assert counter > cancelled.get(entry.warning, 0)

    def teardown(self) -> None:
        """With a link that works again, the screen says what the plans wanted last.

        An order with the words of one that was just heard leaves a minute after it.
        """
        for _ in range(150):
            self.time_passes(0.5)
            for record in self.down:
                self._deliver(record)
            self.down.clear()
            for receipt in self.up:
                self.rig.hear(DeviceKind.TERMINAL, "screen-1", receipt)
            self.up.clear()
        showing = set(self.terminal.showing)
        assert showing == {case for case, wish in self.wanted.items() if wish == "show"}
        assert all(record.state is OrderState.PLAYED for record in self.rig.outbox.open_orders)


LossyLink.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestLossyLink = LossyLink.TestCase
