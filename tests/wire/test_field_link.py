"""The field's link against both brokers: speaking, hearing, last wills, losses and refusals."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from model.facts import DeviceKind
from tests.mosquitto import running_mosquitto
from tests.waiting import wait_until
from wire.access import identity_classes
from wire.address import BrokerAddress
from wire.backoff import Backoff
from wire.embedded_broker import EmbeddedBroker
from wire.field_link import (
    FieldLink,
    FieldMessage,
    FieldWord,
    LinkLostError,
    LinkRefusedError,
    keep_connected,
)
from wire.link_terms import LinkState, Will
from wire.topics import Filter, Topics

TOPICS = Topics("shichahai")
STATUS = TOPICS.status(DeviceKind.TERMINAL, "t1")
ORDER = TOPICS.order(DeviceKind.TERMINAL, "t1")


async def next_message(link: FieldLink) -> FieldMessage:
    async with asyncio.timeout(60):
        async for message in link.messages():
            return message
    raise AssertionError("the messages ended")


def hears(*topics: str) -> list[Filter]:
    return [Filter(topic=topic, qos=1) for topic in topics]


def embedded() -> EmbeddedBroker:
    broker = EmbeddedBroker(identity_classes(TOPICS))
    broker.start()
    return broker


@pytest.mark.parametrize("kind", [pytest.param("mosquitto", marks=pytest.mark.broker), "embedded"])
def test_a_device_speaks_hears_and_its_will_speaks_for_it(kind: str, tmp_path: Path) -> None:
    async def scene(service: BrokerAddress, field: BrokerAddress) -> None:
        async with FieldLink(service, client_id="office", filters=hears(STATUS)) as office:
            device = FieldLink(
                field, client_id="t1", filters=hears(ORDER), will=Will(STATUS, b"offline")
            )
            await device.__aenter__()
            await device.publish(STATUS, b"online", retain=True)
            assert await next_message(office) == FieldMessage(STATUS, b"online", False)
            await office.publish(ORDER, b"show")
            assert await next_message(device) == FieldMessage(ORDER, b"show", False)
            async with FieldLink(field, client_id="t1"):
                # The same id came in elsewhere: the first connection is gone without a goodbye.
                with pytest.raises(LinkLostError):
                    await next_message(device)
                assert await next_message(office) == FieldMessage(STATUS, b"offline", False)
            await device.__aexit__(None, None, None)

    if kind == "embedded":
        broker = embedded()
        try:
            asyncio.run(scene(broker.address("service"), broker.address("field")))
        finally:
            broker.stop()
        return
    with running_mosquitto(tmp_path) as mosquitto:
        asyncio.run(scene(mosquitto.address(), mosquitto.address()))


def test_who_is_told_to_end_while_the_broker_answers_ends() -> None:
    """Else a device goes on alone, and whoever ended it waits for it forever."""
    broker = embedded()

    async def scene() -> None:
        async with FieldLink(broker.address("field"), client_id="t1") as link:
            speaking = asyncio.create_task(link.publish(STATUS, b"online"))
            paho = link._client._client  # the moment of the answer shows nowhere else
            answered = paho.on_publish
            assert answered is not None

            def answered_and_ended(*said: Any) -> None:
                answered(*said)
                speaking.cancel()

            paho.on_publish = answered_and_ended
            done, _ = await asyncio.wait([speaking], timeout=60)
            assert done, "the broker did not answer"
            assert speaking.cancelled()

    try:
        asyncio.run(scene())
    finally:
        broker.stop()


def test_words_that_go_together_come_in_their_order_and_those_nobody_took_are_counted() -> None:
    broker = embedded()
    words = [FieldWord(STATUS, str(number).encode(), qos=number % 2) for number in range(40)]

    async def scene() -> None:
        office = FieldLink(broker.address("service"), client_id="office", filters=hears(STATUS))
        async with FieldLink(broker.address("field"), client_id="t1") as link:
            async with office:
                assert await link.publish_together(words) == 0
                heard = [(await next_message(office)).payload for _ in words]
            assert heard == [word.payload for word in words]
            await asyncio.to_thread(broker.stop)
            with pytest.raises(LinkLostError):
                await next_message(link)
            assert await link.publish_together(words) == len(words)

    try:
        asyncio.run(scene())
    finally:
        broker.stop()


def test_a_wrong_password_and_an_absent_broker_are_told_apart() -> None:
    broker = embedded()
    good = broker.address("field")
    bad = BrokerAddress(host=good.host, port=good.port, username="field", password="wrong")

    async def enter(address: BrokerAddress) -> None:
        async with FieldLink(address, client_id="t1"):
            pass

    try:
        with pytest.raises(LinkRefusedError):
            asyncio.run(enter(bad))
        with pytest.raises(LinkRefusedError):
            asyncio.run(enter(BrokerAddress(host=good.host, port=good.port)))
    finally:
        broker.stop()
    with pytest.raises(LinkLostError) as lost:
        asyncio.run(enter(good))
    assert not isinstance(lost.value, LinkRefusedError)


def test_a_device_comes_back_by_itself_after_the_broker_was_away() -> None:
    broker = embedded()
    states: list[LinkState] = []
    heard: list[bytes] = []

    async def session(link: FieldLink) -> None:
        await link.publish(STATUS, b"online", retain=True)
        async for message in link.messages():
            heard.append(message.payload)
            if len(heard) == 2:
                return

    async def scene() -> None:
        field, service = broker.address("field"), broker.address("service")

        def make() -> FieldLink:
            return FieldLink(field, client_id="t1", filters=hears(ORDER))

        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            device = group.create_task(
                keep_connected(
                    make, session, backoff=Backoff(first_s=0.02, cap_s=0.1), on_state=states.append
                )
            )
            for number in range(2):
                async with FieldLink(service, client_id="office", filters=hears(STATUS)) as office:
                    while (await next_message(office)).payload != b"online":
                        pass
                    await office.publish(ORDER, str(number).encode())
                    if number == 0:
                        await asyncio.to_thread(wait_until, lambda: heard)
                if number == 0:
                    await asyncio.to_thread(broker.stop)
                    await asyncio.to_thread(wait_until, lambda: states[-1] is LinkState.LOST)
                    await asyncio.to_thread(broker.start)
            await device

    try:
        asyncio.run(scene())
    finally:
        broker.stop()
    assert heard == [b"0", b"1"]
    assert states == [LinkState.CONNECTED, LinkState.LOST, LinkState.CONNECTED]
