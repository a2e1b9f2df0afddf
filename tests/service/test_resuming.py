"""Taking up again: the outbox of the next life knows the last orders, also those that are over."""

from __future__ import annotations

from pathlib import Path

from devices.outbox import Outbox
from devices.steps import EndReason, OutboxStep
from model.clock import ManualClock
from model.facts import DeviceKind, Fact, ReceiptStage, TerminalReceipt
from service.resuming import resume_deciders
from store.embedded import Store
from tests.devices.rig import SIGNER, START, show, small_site


def resumed(store: Store, clock: ManualClock, *names: str) -> Outbox:
    fresh = iter(names)
    makings = resume_deciders(
        small_site(), store, SIGNER.sign, clock=clock, new_id=lambda: next(fresh)
    )
    return makings.outbox


def keep(store: Store, outbox: Outbox, step: OutboxStep) -> None:
    with store.transaction() as tx:
        for record in step.changed:
            tx.save_order(record)
        tx.set_last_counter(outbox.last_counter)


def test_a_word_on_an_order_that_was_replaced_before_the_restart_is_understood(
    tmp_path: Path,
) -> None:
    clock = ManualClock(START)
    with Store.open(tmp_path) as store:
        outbox = resumed(store, clock, "older", "newer")
        keep(store, outbox, outbox.plan([show()], clock.now(), clock.monotonic()))
        left = [record.id for record in outbox.due(clock.monotonic())]
        outbox.mark_sent(left, clock.now(), clock.monotonic())
        keep(store, outbox, outbox.plan([show()], clock.now(), clock.monotonic()))
    with Store.open(tmp_path) as store:
        outbox = resumed(store, clock)
        assert outbox.due(clock.monotonic()) == (), "the answer to the older may be on its way"
        receipt = TerminalReceipt(order="older", stage=ReceiptStage.PLAYED, at=clock.now())
        fact = Fact(
            kind=DeviceKind.TERMINAL,
            source="screen-1",
            arrived=clock.now(),
            arrived_monotonic_s=clock.monotonic(),
            body=receipt,
        )
        keep(store, outbox, outbox.observe([fact], clock.now(), clock.monotonic()))
        (older,) = [each for each in store.orders() if each.id == "older"]
        assert older.reason == EndReason.PLAYED_ALL_THE_SAME
