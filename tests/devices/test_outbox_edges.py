"""The outbox at its edges: what concerns it not, comes too late, or is remembered no longer."""

from __future__ import annotations

import msgspec

from devices.outbox import Outbox
from devices.pending import KEEP_FINISHED, Pending, PendingOrders
from devices.steps import EndReason
from model.facts import DeviceKind, ReceiptStage, SensorReading
from model.orders import Motion, OrderState
from tests.devices.rig import SIGNER, Rig, cancel, move, show, small_site


def test_a_store_that_hands_back_more_than_what_is_open_resumes_only_that() -> None:
    rig = Rig()
    rig.plan(show("case-1"), show("case-2"))
    done, left = rig.send()
    rig.terminal_says(done, ReceiptStage.CONFIRMED)
    now, mono = rig.clock.now(), rig.clock.monotonic()
    outbox = Outbox(
        rig.site, SIGNER.sign, last_counter=0, unfinished=rig.disk.values(), now=now, mono=mono
    )
    assert [record.id for record in outbox.open_orders] == [left.id]
    assert outbox.last_counter == left.counter
    ids = {record.id for record in outbox.plan([show("case-3"), show("case-4")], now, mono).changed}
    assert len(ids) == 2
    assert not ids & rig.disk.keys()


def test_what_is_no_concern_of_orders_changes_none() -> None:
    rig = Rig()
    rig.plan(show(), move(Motion.LOWER))
    sent = rig.send()
    before = dict(rig.disk)
    reading = SensorReading(at=rig.clock.now(), quantity="noise", value=50.0, unit="dB(A)")
    rig.hear(DeviceKind.SENSOR, "noise-1", reading)
    rig.lane_says("lane-9")
    rig.status(DeviceKind.TERMINAL, "screen-1", online=False)
    rig.status(DeviceKind.BOLLARD, "lane-9", online=False)
    rig.status(DeviceKind.BOLLARD, "lane-1", online=True)
    assert rig.disk == before
    assert {record.id for record in rig.outbox.open_orders} == {record.id for record in sent}


def test_a_terminal_back_online_is_not_told_what_it_has_played() -> None:
    rig = Rig()
    rig.plan(show("case-1"), show("case-2"))
    played, lost = rig.send()
    rig.terminal_says(played, ReceiptStage.PLAYED)
    rig.status(DeviceKind.TERMINAL, "screen-1", online=True)
    assert [record.id for record in rig.send()] == [lost.id]


def test_an_order_withdrawn_while_it_was_leaving_stays_withdrawn() -> None:
    rig = Rig()
    rig.plan(show())
    (leaving,) = rig.outbox.due(rig.clock.monotonic())
    rig.plan(cancel())
    rig.outbox.mark_sent([leaving.id], rig.clock.now(), rig.clock.monotonic())
    assert [record.action for record in rig.send()] == ["cancel"]
    kept = rig.disk[leaving.id]
    assert (kept.state, kept.reason) == (OrderState.WITHDRAWN, EndReason.CANCELLED)


def test_the_oldest_of_very_many_finished_orders_is_forgotten() -> None:
    rig = Rig()
    rig.plan(show())
    (record,) = rig.of("screen-1")
    orders = PendingOrders()
    for number in range(KEEP_FINISHED + 1):
        one = msgspec.structs.replace(record, id=f"order-{number}")
        orders.add(Pending(record=one, deadline=1.0, next_send=None))
        orders.drop(one)
    assert orders.finished("order-0") is None
    assert orders.finished("order-1") is not None


def test_a_raise_of_a_lane_taken_out_of_the_site_file_ends_by_its_time() -> None:
    rig = Rig()
    rig.prove_lanes()
    rig.plan(move(Motion.RAISE))
    rig.send()
    rig.site = small_site(bollards=[])
    rig.restart()
    assert rig.pass_time(40) == []
    assert {record.state for record in rig.disk.values()} == {OrderState.EXPIRED}
