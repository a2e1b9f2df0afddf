"""Orders to terminals: written, sent until receipted or expired, withdrawn, never doubled."""

from __future__ import annotations

import itertools
from datetime import timedelta

import msgspec
import pytest

from devices.receipts import ReceiptVerdict
from devices.steps import EndReason, PlanRefusal
from model.facts import BollardResult, DeviceKind, ReceiptStage
from model.orders import OrderState, TerminalOrder
from tests.devices.rig import KEYS, Rig, cancel, show
from wire.signing import verify_order


def test_a_broadcast_becomes_one_signed_order_per_terminal() -> None:
    rig = Rig()
    assert rig.plan(show("case-1", "screen-1", "screen-2")) == ()
    records = rig.send()
    assert [record.device for record in records] == ["screen-1", "screen-2"]
    for record in records:
        order = verify_order(rig.outbox.topic_of(record), record.payload, KEYS)
        assert isinstance(order, TerminalOrder)
        assert (order.id, order.counter, order.warning) == (record.id, record.counter, "case-1")


def test_a_terminal_that_the_site_does_not_have_is_refused_by_name() -> None:
    rig = Rig()
    (refusal,) = rig.plan(show("case-1", "screen-9", "screen-1"))
    assert (refusal.device, refusal.reason) == ("screen-9", PlanRefusal.UNKNOWN_TERMINAL)
    assert [record.device for record in rig.send()] == ["screen-1"]


def test_repeats_are_the_same_bytes_from_one_second_doubling_to_ten() -> None:
    rig = Rig()
    rig.plan(show())
    (first,) = rig.send()
    repeats = rig.pass_time(60)
    assert {record.payload for _, record in repeats} == {first.payload}
    moments = [0.0, *(moment for moment, _ in repeats)]
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert 0.7 <= gaps[0] <= 1.3
    assert gaps[1] > gaps[0]
    assert all(7 <= gap <= 10.4 for gap in gaps[5:])


def test_sending_again_is_no_answer_of_the_device() -> None:
    rig = Rig()
    rig.plan(show("case-1", "screen-1", "screen-2"))
    order, other = rig.send()
    rig.terminal_says(order, ReceiptStage.RECEIVED)
    assert [record.id for record in rig.answered] == [order.id]
    assert rig.pass_time(12)
    rig.outbox.mark_sent([order.id], rig.clock.now(), rig.clock.monotonic())
    rig.terminal_says(other, ReceiptStage.RECEIVED)
    assert [record.id for record in rig.answered] == [other.id]


def test_a_receipt_slows_the_repeats_and_playing_ends_them() -> None:
    rig = Rig()
    rig.plan(show())
    (order,) = rig.send()
    rig.terminal_says(order, ReceiptStage.RECEIVED)
    repeats = [round(moment) for moment, _ in rig.pass_time(12)]
    assert repeats == [10]
    rig.terminal_says(order, ReceiptStage.PLAYED)
    assert rig.pass_time(30) == []
    rig.terminal_says(order, ReceiptStage.CONFIRMED)
    assert rig.disk[order.id].state is OrderState.CONFIRMED
    assert rig.outbox.open_orders == ()


@pytest.mark.parametrize(
    ("stages", "state"),
    [
        ([ReceiptStage.PLAYED, ReceiptStage.RECEIVED], OrderState.PLAYED),
        ([ReceiptStage.RECEIVED, ReceiptStage.RECEIVED], OrderState.RECEIVED),
        ([ReceiptStage.PLAYED, ReceiptStage.REFUSED], OrderState.PLAYED),
        ([ReceiptStage.PLAYED, ReceiptStage.FAILED], OrderState.PLAYED),
        ([ReceiptStage.RECEIVED, ReceiptStage.FAILED], OrderState.FAILED),
        ([ReceiptStage.REFUSED, ReceiptStage.PLAYED], OrderState.REFUSED),
        ([ReceiptStage.CONFIRMED, ReceiptStage.PLAYED], OrderState.CONFIRMED),
    ],
)
def test_receipts_only_move_forward(stages: list[ReceiptStage], state: OrderState) -> None:
    rig = Rig()
    rig.plan(show())
    (order,) = rig.send()
    for stage in stages:
        rig.terminal_says(order, stage)
    assert rig.disk[order.id].state is state


def test_receipts_of_no_order_or_by_another_device_are_counted_by_name() -> None:
    rig = Rig()
    rig.plan(show())
    (order,) = rig.send()
    rig.terminal_says(msgspec.structs.replace(order, id="nobody-wrote-this"), ReceiptStage.PLAYED)
    rig.terminal_says(msgspec.structs.replace(order, device="screen-2"), ReceiptStage.PLAYED)
    lane = msgspec.structs.replace(order, device="lane-1", kind=DeviceKind.BOLLARD)
    rig.bollard_says(lane, BollardResult.DONE)
    assert rig.outbox.receipt_counts == {
        ReceiptVerdict.UNKNOWN_ORDER: 1,
        ReceiptVerdict.WRONG_DEVICE: 2,
    }
    assert rig.disk[order.id].state is OrderState.SENT


def test_an_order_that_nobody_receipts_expires_where_everyone_sees_it() -> None:
    rig = Rig()
    rig.plan(show(expires_s=30))
    (order,) = rig.send()
    rig.pass_time(31)
    assert rig.disk[order.id].state is OrderState.EXPIRED
    assert rig.disk[order.id].reason == EndReason.NEVER_RECEIPTED
    assert rig.pass_time(30) == []


def test_an_order_received_but_never_played_is_named() -> None:
    rig = Rig()
    rig.plan(show(expires_s=30))
    (order,) = rig.send()
    rig.terminal_says(order, ReceiptStage.RECEIVED)
    rig.pass_time(89, step_s=1)
    assert rig.disk[order.id].state is OrderState.RECEIVED
    rig.pass_time(2, step_s=1)
    assert rig.disk[order.id].reason == EndReason.NEVER_PLAYED


def test_a_receipt_that_was_long_under_way_still_counts() -> None:
    rig = Rig()
    rig.plan(show(expires_s=10))
    (order,) = rig.send()
    rig.pass_time(11)
    rig.terminal_says(order, ReceiptStage.PLAYED)
    assert rig.disk[order.id].state is OrderState.PLAYED


def test_a_cancel_withdraws_what_was_not_delivered_and_is_sent_itself() -> None:
    rig = Rig()
    rig.plan(show(), show("case-2"))
    rig.send()
    rig.plan(cancel())
    (sent,) = [record for record in rig.send() if record.action == "cancel"]
    withdrawn, other, _ = rig.of("screen-1")
    assert (withdrawn.state, withdrawn.reason) == (OrderState.WITHDRAWN, EndReason.CANCELLED)
    assert other.state is OrderState.SENT
    assert sent.counter > other.counter
    later = [record.id for _, record in rig.pass_time(120)]
    assert withdrawn.id not in later
    assert {other.id, sent.id} <= set(later)


def test_a_cancel_lives_at_least_as_long_as_what_it_takes_back() -> None:
    rig = Rig()
    rig.plan(show(expires_s=20_000))
    rig.plan(cancel())
    shown, taken_back = rig.of("screen-1")
    assert taken_back.expires >= shown.expires


def test_a_newer_text_overtakes_an_undelivered_one_and_an_undelivered_cancel() -> None:
    rig = Rig()
    rig.plan(show())
    rig.plan(show())
    rig.plan(cancel())
    rig.plan(show())
    assert [(record.action, record.reason) for record in rig.of("screen-1")] == [
        ("show", EndReason.SUPERSEDED),
        ("show", EndReason.CANCELLED),
        ("cancel", EndReason.SUPERSEDED),
        ("show", None),
    ]
    assert len(rig.send()) == 1


def test_a_stale_refusal_is_written_anew_once_each() -> None:
    rig = Rig()
    rig.plan(show())
    (old,) = rig.send()
    rig.terminal_says(old, ReceiptStage.REFUSED, "stale")
    rig.terminal_says(old, ReceiptStage.REFUSED, "stale")
    (new,) = rig.send()
    assert rig.disk[old.id].reason == EndReason.STALE_REISSUED
    assert new.counter > old.counter
    assert (new.case, new.expires) == (old.case, old.expires)
    assert len(rig.of("screen-1")) == 2


@pytest.mark.parametrize("ahead_for_good", ["stale", "expired"])
def test_a_device_whose_counter_or_clock_is_ahead_for_good_is_given_up_and_named(
    ahead_for_good: str,
) -> None:
    rig = Rig()
    rig.plan(show(expires_s=3600))
    for _ in range(400):
        for record in rig.send():
            rig.terminal_says(record, ReceiptStage.REFUSED, ahead_for_good)
        rig.clock.advance(1)
    assert rig.outbox.open_orders == ()
    assert rig.of("screen-1")[-1].reason == ahead_for_good
    assert len(rig.of("screen-1")) == 9


def test_a_withdrawn_order_is_never_written_anew() -> None:
    rig = Rig()
    rig.plan(show())
    (old,) = rig.send()
    rig.plan(cancel())
    rig.terminal_says(old, ReceiptStage.REFUSED, "stale")
    assert [record.action for record in rig.of("screen-1")] == ["show", "cancel"]
    assert rig.outbox.receipt_counts[ReceiptVerdict.AFTER_END] == 1


def test_a_withdrawal_is_not_over_for_a_service_that_starts_with_its_clock_an_hour_ahead() -> None:
    """The terminal's clock is right, so that what is withdrawn stands on its screen all the while."""
    rig = Rig()
    rig.plan(show())
    (shown,) = rig.send()
    rig.terminal_says(shown, ReceiptStage.PLAYED)
    rig.plan(cancel())
    rig.clock.step_wall(3600)
    rig.clock.advance(20)
    rig.restart()
    assert [record.action for _, record in rig.pass_time(60)][:1] == ["cancel"]


def test_other_refusals_end_the_order() -> None:
    rig = Rig()
    rig.plan(show())
    (order,) = rig.send()
    rig.terminal_says(order, ReceiptStage.REFUSED, "bad_signature")
    ended = rig.disk[order.id]
    assert (ended.state, ended.reason) == (OrderState.REFUSED, "bad_signature")
    assert len(rig.of("screen-1")) == 1


def test_an_order_refused_as_expired_before_its_end_is_written_by_the_clock_set_right() -> None:
    """A service started on a slow clock told of a fire, and the terminal knew better what time it was."""
    rig = Rig()
    rig.plan(show())
    (old,) = rig.send()
    rig.terminal_says(old, ReceiptStage.REFUSED, "expired")
    rig.clock.step_wall(3600)
    rig.clock.advance(10)
    for again in rig.send():
        rig.terminal_says(again, ReceiptStage.REFUSED, "expired")
    rig.clock.advance(60)
    (new,) = rig.send()
    assert new.issued >= old.issued + timedelta(seconds=3600)
    assert new.expires > rig.clock.now()
    assert new.counter > old.counter


def test_a_terminal_that_does_not_know_the_time_yet_is_told_again() -> None:
    rig = Rig()
    rig.plan(show())
    (order,) = rig.send()
    rig.terminal_says(order, ReceiptStage.REFUSED, "clock_unset")
    assert [record.id for _, record in rig.pass_time(5)] == [order.id, order.id]


def test_speech_cut_short_by_a_cancel_counts_as_withdrawn() -> None:
    rig = Rig()
    rig.plan(show())
    (order,) = rig.send()
    rig.terminal_says(order, ReceiptStage.RECEIVED)
    rig.terminal_says(order, ReceiptStage.FAILED, "withdrawn")
    assert rig.disk[order.id].state is OrderState.WITHDRAWN


def test_a_terminal_back_online_gets_its_open_orders_at_once_and_in_order() -> None:
    rig = Rig()
    rig.plan(show("case-1"), show("case-2", "screen-1", "screen-2"))
    rig.send()
    rig.pass_time(40)
    rig.pass_time(0.2)
    rig.status(DeviceKind.TERMINAL, "screen-1", online=True)
    sent = rig.send()
    assert [record.case for record in sent if record.device == "screen-1"] == ["case-1", "case-2"]


def test_a_repeat_takes_the_devices_earlier_orders_along() -> None:
    rig = Rig()
    rig.plan(show("case-1"))
    rig.send()
    rig.pass_time(16)
    rig.plan(show("case-2"))
    assert [record.case for record in rig.send()] == ["case-1", "case-2"]


def test_an_order_whose_sending_failed_is_handed_out_again() -> None:
    rig = Rig()
    rig.plan(show())
    assert len(rig.outbox.due(rig.clock.monotonic())) == 1
    assert rig.outbox.due(rig.clock.monotonic()) == ()
    rig.clock.advance(0.6)
    assert len(rig.outbox.due(rig.clock.monotonic())) == 1


def test_counters_grow_through_a_clock_that_steps_back_and_a_restart() -> None:
    rig = Rig()
    rig.plan(show("case-1"))
    rig.clock.step_wall(-3600)
    rig.plan(show("case-2"))
    rig.restart()
    rig.plan(show("case-3"))
    counters = [record.counter for record in rig.of("screen-1")]
    assert counters == sorted(set(counters))


@pytest.mark.parametrize("step_s", [-3600, 3600])
def test_a_step_of_the_wall_clock_neither_drops_nor_revives_an_order(step_s: float) -> None:
    rig = Rig()
    rig.plan(show(expires_s=60))
    (order,) = rig.send()
    rig.clock.step_wall(step_s)
    assert rig.pass_time(50)
    rig.pass_time(11)
    assert rig.disk[order.id].state is OrderState.EXPIRED


def test_after_a_crash_open_orders_go_on_and_played_ones_are_left_alone() -> None:
    rig = Rig()
    rig.plan(show("case-1"), show("case-2", "screen-2"))
    first, second = rig.send()
    rig.terminal_says(first, ReceiptStage.RECEIVED)
    rig.terminal_says(first, ReceiptStage.PLAYED)
    rig.restart()
    again = {record.id for _, record in rig.pass_time(3)}
    assert again == {second.id}
    assert {r.payload for r in rig.of("screen-2")} == {second.payload}
    rig.terminal_says(first, ReceiptStage.CONFIRMED)
    assert rig.disk[first.id].state is OrderState.CONFIRMED


def test_after_a_crash_an_order_that_expired_meanwhile_is_named_and_not_sent() -> None:
    rig = Rig()
    rig.plan(show(expires_s=60))
    (order,) = rig.send()
    rig.clock.advance(120)
    rig.restart()
    assert rig.send() == ()
    assert rig.disk[order.id].state is OrderState.EXPIRED


def test_a_played_order_leaves_the_outbox_when_nobody_can_confirm_it_any_more() -> None:
    rig = Rig()
    rig.plan(show(expires_s=10))
    (order,) = rig.send()
    rig.terminal_says(order, ReceiptStage.PLAYED)
    rig.pass_time(3700, step_s=100)
    assert rig.outbox.open_orders == ()
    assert rig.disk[order.id].state is OrderState.PLAYED
