"""Orders to terminals that only play carry the signed address of their recording; others none."""

from __future__ import annotations

import msgspec

from devices.outbox import Outbox
from devices.steps import OutboxStep
from devices.writing import OrderWriter, Recorded, no_recording
from model.actions import Broadcast
from model.facts import DeviceKind
from model.orders import OrderRecord, TerminalOrder
from tests.devices.rig import KEYS, SIGNER, START, show, small_site
from wire.signing import SignatureReason, SignatureRefusal, verify_order
from wire.topics import Topics

ADDRESS = "http://10.0.0.5:8460/public/audio/" + "a" * 64 + ".wav"
WORDS = {"zh": "甲", "en": "A"}
SITE = small_site(
    terminals=[
        {"id": "screen-1", "name": WORDS, "zones": ["bridge"]},
        {"id": "horn-1", "name": WORDS, "zones": ["bridge"], "plays": "wav"},
    ]
)


def planned(recorded: Recorded) -> dict[str, OrderRecord]:
    outbox = Outbox(
        SITE, SIGNER.sign, last_counter=0, unfinished=(), now=START, mono=0.0, recorded=recorded
    )
    step: OutboxStep = outbox.plan([show("case-1", "screen-1", "horn-1")], START, 0.0)
    return {record.device: record for record in step.changed}


def order_in(record: OrderRecord) -> TerminalOrder:
    return msgspec.json.decode(record.payload, type=TerminalOrder)


def test_only_what_only_plays_is_given_a_recording_and_it_is_that_of_the_message() -> None:
    asked: list[Broadcast] = []

    def recorded(action: Broadcast) -> str:
        asked.append(action)
        return ADDRESS

    orders = planned(recorded)
    assert order_in(orders["horn-1"]).audio == ADDRESS
    assert b"audio" not in orders["screen-1"].payload
    assert [action.speech for action in asked] == [show().speech]


def test_another_recording_in_its_place_breaks_the_signature() -> None:
    payload = planned(lambda _: ADDRESS)["horn-1"].payload
    topic = Topics("small").order(DeviceKind.TERMINAL, "horn-1")
    assert isinstance(verify_order(topic, payload, KEYS), TerminalOrder)
    changed = msgspec.json.decode(payload) | {"audio": ADDRESS.replace("a" * 64, "b" * 64)}
    without = {name: value for name, value in changed.items() if name != "audio"}
    for forged in (changed, without):
        refused = verify_order(topic, msgspec.json.encode(forged), KEYS)
        assert isinstance(refused, SignatureRefusal)
        assert refused.reason is SignatureReason.BAD_SIGNATURE


def test_the_order_goes_where_there_is_no_recording() -> None:
    order = order_in(planned(no_recording)["horn-1"])
    assert (order.audio, order.text, order.speech) == (None, show().text, show().speech)


def test_an_order_that_is_written_anew_has_the_recording_that_became_ready() -> None:
    ready: list[str] = []
    writer = OrderWriter(
        SITE,
        SIGNER.sign,
        last_counter=0,
        new_id=lambda: "o1",
        recorded=lambda action: ready[0] if ready and action.speech == show().speech else None,
    )
    horn, screen = (
        writer.broadcast(show(), device, START, withdraws_until=None)
        for device in ("horn-1", "screen-1")
    )
    assert order_in(writer.again(horn, START)).audio is None
    ready.append(ADDRESS)
    with_it = writer.again(horn, START)
    assert order_in(with_it).audio == ADDRESS
    assert order_in(writer.again(screen, START)).audio is None
    ready.clear()
    assert order_in(writer.again(with_it, START)).audio == ADDRESS, "it is not lost again"
