"""The link under test and a plain client beside it, on a real broker or a simulated one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from model.clock import SystemClock
from tests.waiting import wait_until
from tests.wire.simulated_broker import (
    SimulatedLink,
    SimulatedPeer,
    simulated_link,
    world_of,
)
from wire.address import BrokerAddress
from wire.backoff import Backoff
from wire.inbox import Delivery
from wire.link import BrokerLink
from wire.link_terms import LinkLimits, Will
from wire.topics import Topics

TOPICS = Topics("shichahai")
READING = TOPICS.reading("s1")
PATIENCE_S = 30
"""How long anything may take on a machine that is busy; what happens at once ends the wait."""


class Broker(Protocol):
    """What the suite needs of a broker."""

    def stop(self) -> None: ...
    def start(self) -> object: ...


class Site:
    """A broker under test with its identities."""

    def __init__(self, broker: Broker, addresses: dict[str, BrokerAddress]) -> None:
        self.broker = broker
        self.addresses = addresses


@contextmanager
def running_link(
    address: BrokerAddress, *, limits: LinkLimits | None = None, will: Will | None = None
) -> Iterator[BrokerLink | SimulatedLink]:
    world = world_of(address)
    if world is not None:
        with simulated_link(world, address, limits=limits, will=will) as simulated:
            yield simulated
        return
    link = BrokerLink(
        address,
        client_id="service-n1",
        filters=TOPICS.service_filters(),
        clock=SystemClock(),
        limits=limits,
        will=will,
        backoff=Backoff(first_s=0.05, cap_s=0.2),
    )
    link.start()
    try:
        yield link
    finally:
        link.stop(drain_s=1)


class Peer:
    """A plain MQTT client of the test, that remembers what it heard."""

    def __init__(self, address: BrokerAddress, *, client_id: str = "peer", hear: str = "") -> None:
        self.heard: list[tuple[str, bytes, bool]] = []
        self.answer: str | None = None
        self._up = threading.Event()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id)
        self.client.username_pw_set(address.username, address.password)
        self.client.on_message = lambda _c, _u, m: self.heard.append(
            (m.topic, bytes(m.payload), m.retain)
        )
        self.client.on_subscribe = lambda *_: self._up.set()

        def on_connect(
            client: mqtt.Client, _u: object, _f: object, code: object, _p: object
        ) -> None:
            self.answer = str(code)
            client.subscribe(hear or "yinding/v1/shichahai/zone/none/state", 1)

        self.client.on_connect = on_connect
        self.client.connect(address.host, address.port)
        self.client.loop_start()
        assert self._up.wait(PATIENCE_S)

    def say(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(PATIENCE_S)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def die(self) -> None:
        """Vanish without a goodbye."""
        sock = self.client.socket()
        assert isinstance(sock, socket.socket)
        self.client.loop_stop()
        sock.shutdown(socket.SHUT_RDWR)
        sock.close()


@contextmanager
def peer(
    address: BrokerAddress, *, client_id: str = "peer", hear: str = ""
) -> Iterator[Peer | SimulatedPeer]:
    world = world_of(address)
    one: Peer | SimulatedPeer
    if world is None:
        one = Peer(address, client_id=client_id, hear=hear)
    else:
        one = SimulatedPeer(world, address, client_id, hear)
    try:
        yield one
    finally:
        one.close()


def take_all(link: BrokerLink | SimulatedLink, count: int, *, ack: bool = False) -> list[Delivery]:
    got: list[Delivery] = []

    def enough() -> bool:
        batch = link.take(1000, 0.05)
        got.extend(batch)
        if ack:
            link.ack(one.token for one in batch)
        return len(got) >= count

    wait_until(enough, within_s=PATIENCE_S)
    return got
