"""A simulated terminal: obeys our orders once, in the contract's order of checks, and no others."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from model.clock import ManualClock
from model.facts import DeviceKind, ReceiptStage, TerminalReceipt
from model.level import Level
from model.orders import TerminalOrder
from simulators.logbook import FieldEntry
from simulators.terminals import TerminalMachine
from tests.devices.rig import KEYS, SIGNER, START, TEXT
from wire.order_check import HANDLED_MAX, OrderMemory
from wire.topics import Topics

TOPIC = Topics("small").order(DeviceKind.TERMINAL, "screen-1")


class Terminal:
    """A terminal with everything it logged, and orders made for it."""

    def __init__(self, memory: OrderMemory | None = None) -> None:
        self.clock = ManualClock(START)
        self.seen: list[FieldEntry] = []
        self.machine = TerminalMachine(
            site_id="small",
            terminal_id="screen-1",
            keys=KEYS,
            log=self.seen.append,
            memory=memory or OrderMemory(),
        )

    def order(self, number: int, **changes: object) -> bytes:
        order = TerminalOrder(
            id=f"order-{number}",
            counter=number,
            issued=START,
            expires=START + timedelta(minutes=10),
            action="show",
            warning="case-1",
            level=Level.RED,
            exercise=False,
            text=TEXT,
            speech="请绕行",
            key="key-1",
            signature="",
        )
        return SIGNER.sign(TOPIC, msgspec.structs.replace(order, **changes))

    def receive(self, payload: bytes, topic: str = TOPIC) -> list[TerminalReceipt]:
        return self.machine.receive(topic, payload, self.clock.now(), self.clock.monotonic())

    def pass_time(self, seconds: float) -> list[TerminalReceipt]:
        self.clock.advance(seconds)
        return self.machine.tick(self.clock.now(), self.clock.monotonic())

    def whats(self) -> list[str]:
        return [entry.what for entry in self.seen]


def said(receipts: list[TerminalReceipt]) -> list[tuple[str, str | None]]:
    return [(receipt.stage.value, receipt.reason) for receipt in receipts]


def test_an_order_is_received_shown_spoken_and_played() -> None:
    terminal = Terminal()
    assert said(terminal.receive(terminal.order(1))) == [("received", None)]
    assert terminal.machine.showing["case-1"].text == TEXT
    assert said(terminal.pass_time(3)) == [("played", None)]
    assert terminal.whats() == ["good_signature", "received", "shown", "played"]


def test_the_same_order_again_gets_the_same_receipt_and_no_action() -> None:
    terminal = Terminal()
    payload = terminal.order(1)
    first = terminal.receive(payload)
    assert terminal.receive(payload) == first
    played = terminal.pass_time(3)
    assert terminal.receive(payload) == played
    assert terminal.whats().count("shown") == 1


def test_a_lower_counter_is_stale_and_stays_refused() -> None:
    terminal = Terminal()
    terminal.receive(terminal.order(5))
    payload = terminal.order(4)
    refusal = terminal.receive(payload)
    assert said(refusal) == [("refused", "stale")]
    assert terminal.receive(payload) == refusal
    assert terminal.whats().count("refused") == 1


def test_an_order_is_refused_from_the_moment_it_expires() -> None:
    terminal = Terminal()
    terminal.clock.advance(600)
    assert said(terminal.receive(terminal.order(1))) == [("refused", "expired")]
    assert terminal.machine.showing == {}


def test_an_expired_order_does_not_use_up_its_counter() -> None:
    terminal = Terminal()
    terminal.receive(terminal.order(9, expires=START))
    assert said(terminal.receive(terminal.order(3))) == [("received", None)]


def test_a_cancel_is_obeyed_late_and_without_a_clock() -> None:
    terminal = Terminal()
    terminal.receive(terminal.order(1))
    terminal.machine.faults.clock_unset = True
    terminal.clock.advance(3600)
    late = terminal.order(2, action="cancel", expires=START)
    assert said(terminal.receive(late))[0] == ("received", None)
    assert terminal.machine.showing == {}


def test_without_a_clock_a_show_is_refused_and_obeyed_once_the_clock_is_set() -> None:
    terminal = Terminal()
    terminal.machine.faults.clock_unset = True
    payload = terminal.order(1)
    (refusal,) = terminal.receive(payload)
    assert (refusal.reason, refusal.at) == ("clock_unset", START)
    terminal.machine.faults.clock_unset = False
    assert said(terminal.receive(payload)) == [("received", None)]


def test_a_cancel_takes_away_the_display_and_the_speech_of_its_warning_only() -> None:
    terminal = Terminal()
    terminal.receive(terminal.order(1, speech="长" * 80))
    terminal.receive(terminal.order(2, warning="case-2"))
    receipts = terminal.receive(terminal.order(3, action="cancel"))
    assert [(r.order, r.stage) for r in receipts] == [
        ("order-3", ReceiptStage.RECEIVED),
        ("order-1", ReceiptStage.FAILED),
    ]
    assert set(terminal.machine.showing) == {"case-2"}
    assert [r.order for r in terminal.pass_time(10)] == ["order-2", "order-3"]


def test_a_show_that_arrives_after_its_cancel_is_never_shown() -> None:
    terminal = Terminal()
    terminal.receive(terminal.order(2, action="cancel"))
    assert said(terminal.receive(terminal.order(1))) == [("refused", "stale")]
    assert terminal.machine.showing == {}


def test_a_display_ends_when_its_order_expires() -> None:
    terminal = Terminal()
    terminal.receive(terminal.order(1))
    terminal.pass_time(599)
    assert terminal.machine.showing
    terminal.pass_time(2)
    assert terminal.machine.showing == {}


def test_the_credit_of_a_cancel_is_never_a_warning_that_was_played() -> None:
    terminal = Terminal()
    terminal.receive(terminal.order(1, action="cancel"))
    terminal.pass_time(3)
    (played,) = [entry for entry in terminal.seen if entry.what == "played"]
    assert played.level is None


def test_a_person_confirms_what_was_played() -> None:
    terminal = Terminal()
    terminal.machine.confirms_after_s = 5.0
    terminal.receive(terminal.order(1))
    assert said(terminal.pass_time(2)) == [("played", None)]
    assert said(terminal.pass_time(6)) == [("confirmed", None)]


def test_a_broken_speaker_says_so() -> None:
    terminal = Terminal()
    terminal.machine.faults.speaker_broken = True
    terminal.receive(terminal.order(1))
    assert said(terminal.pass_time(3)) == [("failed", "speaker_broken")]


def test_an_exercise_is_shown_as_an_exercise() -> None:
    terminal = Terminal()
    terminal.receive(terminal.order(1, exercise=True))
    assert terminal.machine.showing["case-1"].exercise


@pytest.mark.parametrize(
    "spoil",
    [
        lambda payload: payload.replace(b"order-1", b"order-2"),
        lambda payload: payload.replace(b'"key":"key-1"', b'"key":"key-9"'),
        lambda payload: payload.replace(b'"signature":"', b'"signature":"A'),
        lambda payload: payload.replace(b"{", b'{"volume":100,', 1),
        lambda payload: payload[:-1],
        lambda payload: payload[:0],
        lambda payload: b"[" + payload + b"]",
    ],
)
def test_what_is_not_ours_gets_neither_act_nor_receipt(spoil: object) -> None:
    terminal = Terminal()
    assert callable(spoil)
    assert terminal.receive(spoil(terminal.order(1))) == []
    assert terminal.whats() == ["bad_signature"]


def test_an_order_for_another_terminal_is_not_ours_on_either_topic() -> None:
    terminal = Terminal()
    other = TOPIC.replace("screen-1", "screen-2")
    assert terminal.receive(terminal.order(1), topic=other) == []
    order = msgspec.json.decode(terminal.order(1), type=TerminalOrder)
    assert terminal.receive(SIGNER.sign(other, order)) == []
    assert terminal.machine.showing == {}


def test_what_a_terminal_handled_survives_a_power_cut(tmp_path: Path) -> None:
    terminal = Terminal(OrderMemory(tmp_path / "screen-1.json"))
    payload = terminal.order(7)
    terminal.receive(payload)
    (played,) = terminal.pass_time(3)
    again = Terminal(OrderMemory(tmp_path / "screen-1.json"))
    assert again.receive(payload) == [played]
    assert said(again.receive(again.order(6))) == [("refused", "stale")]


def test_the_memory_is_bounded_and_a_forgotten_order_still_fails_by_its_counter() -> None:
    terminal = Terminal()
    first = terminal.order(1)
    terminal.receive(first)
    for number in range(2, HANDLED_MAX + 3):
        terminal.receive(terminal.order(number))
    assert len(terminal.machine.memory.handled) == HANDLED_MAX
    assert said(terminal.receive(first)) == [("refused", "stale")]


def test_a_text_is_spoken_again_while_it_stands_and_receipted_once() -> None:
    here = Terminal()
    here.receive(here.order(1, repeat_s=30, volume=40))
    assert here.machine.showing["case-1"].volume == 40
    assert said(here.pass_time(2)) == [("played", None)]
    for _ in range(2):
        assert here.pass_time(30) == []
        assert here.pass_time(2) == []
    assert here.whats().count("spoken_again") == 2
    assert here.whats().count("shown") == 1


def test_what_was_taken_back_or_is_over_is_not_spoken_again() -> None:
    here = Terminal()
    here.receive(here.order(1, repeat_s=30))
    here.pass_time(2)
    here.pass_time(30)
    # Cut in the middle of a repeat: its receipt was given long ago, so nothing more is said of it.
    assert said(here.receive(here.order(2, action="cancel", speech=""))) == [("received", None)]
    here.pass_time(2)
    here.receive(
        here.order(3, warning="case-2", repeat_s=30, expires=START + timedelta(seconds=90))
    )
    here.pass_time(2)
    here.pass_time(60)
    assert here.whats().count("spoken_again") == 0
    assert here.machine.next_event() is None
