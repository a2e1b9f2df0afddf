"""The torture's simulated link and broker, behind the words that the link's suite uses.

Simulated time passes whenever the test looks: every question lets a twentieth of a second go by.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count

from simulators.torture.agenda import Agenda
from simulators.torture.network import (
    Cable,
    Connection,
    SimBroker,
    publish_packet,
    subscribe_packet,
)
from simulators.torture.service_line import ServiceLine
from wire.access import identity_classes
from wire.address import BrokerAddress
from wire.inbox import AckToken, Delivery
from wire.link import LinkCounts
from wire.link_terms import Confirmed, LinkLimits, LinkState, Will
from wire.packets import Greeting, Packet, PacketType, read_publish
from wire.topics import Topics

LOOK_S = 0.05
START = datetime(2026, 2, 14, 19, 0, tzinfo=UTC)

_worlds: dict[str, World] = {}
_numbers = count(1)


class World:
    """A simulated broker with its agenda; `addresses` lead to it by a host of its own."""

    def __init__(self, topics: Topics) -> None:
        self.agenda = Agenda(START)
        self.topics = topics
        identities = identity_classes(topics)
        self.sim = SimBroker(self.agenda, identities)
        self.host = f"simulated-{next(_numbers)}"
        _worlds[self.host] = self
        self.addresses = {
            one.name: BrokerAddress(
                host=self.host, port=1, username=one.name, password=one.password
            )
            for one in identities
        }

    def stop(self) -> None:
        self.sim.stop(forget=False)

    def start(self) -> None:
        self.sim.start()

    def cable(self) -> Cable:
        return Cable(random.Random(next(_numbers)))

    def pass_time(self, seconds: float = LOOK_S) -> None:
        self.agenda.run_until(self.agenda.t + seconds)

    def until(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        end = self.agenda.t + timeout_s
        while not condition() and self.agenda.t < end:
            self.pass_time()
        return condition()


def world_of(address: BrokerAddress) -> World | None:
    """The simulated world behind an address, None for a real broker's."""
    return _worlds.get(address.host)


class SimulatedLink:
    """The service's simulated line, asked as the real link is asked."""

    def __init__(self, world: World, line: ServiceLine) -> None:
        self._world = world
        self._line = line

    def wait_for(self, state: LinkState, timeout_s: float) -> bool:
        return self._world.until(lambda: self._line.state is state, timeout_s)

    def take(self, max_n: int, timeout_s: float) -> list[Delivery]:
        self._world.until(lambda: self._line.waiting > 0, timeout_s)
        return self._line.take(max_n)

    @property
    def waiting(self) -> int:
        self._world.pass_time()
        return self._line.waiting

    def ack(self, tokens: Iterator[AckToken] | list[AckToken]) -> None:
        self._line.ack(tokens)

    def publish(self, topic: str, payload: bytes, *, confirmed: Confirmed | None = None) -> bool:
        return self._line.publish(topic, payload, confirmed=confirmed)

    def keep(self, topic: str, payload: bytes) -> bool:
        return self._line.keep(topic, payload)

    def counts(self) -> LinkCounts:
        self._world.pass_time()
        return self._line.counts()


@contextmanager
def simulated_link(
    world: World, address: BrokerAddress, *, limits: LinkLimits | None, will: Will | None
) -> Iterator[SimulatedLink]:
    line = ServiceLine(
        world.agenda,
        world.sim,
        world.cable(),
        client_id="service-n1",
        credentials=(address.username or "", address.password or ""),
        filters=world.topics.service_filters(),
        clock=world.agenda.clock,
        will=will,
        limits=limits,
        retry_s=0.2,
    )
    line.start()
    try:
        yield SimulatedLink(world, line)
    finally:
        world.pass_time()
        line.stop()
        world.pass_time()


class SimulatedPeer:
    """A plain simulated client that remembers what it heard; it is its own `client`."""

    def __init__(self, world: World, address: BrokerAddress, client_id: str, hear: str) -> None:
        self._world = world
        self._heard: list[tuple[str, bytes, bool]] = []
        self._mid = 0
        self._up = False
        self._open = Connection(
            world.sim, world.cable(), on_packet=self._packet, on_lost=lambda: None
        )
        greeting = Greeting(
            client_id,
            clean=True,
            keepalive_s=10,
            level=4,
            username=address.username,
            password=address.password,
        )
        assert self._open.open(greeting)
        self._hear = hear or "yinding/v1/shichahai/zone/none/state"
        assert world.until(lambda: self._up, 5)

    @property
    def client(self) -> SimulatedPeer:
        return self

    @property
    def heard(self) -> list[tuple[str, bytes, bool]]:
        self._world.pass_time()
        return self._heard

    def publish(
        self, topic: str, payload: bytes, *, qos: int, retain: bool = False
    ) -> SimulatedPeer:
        self._mid = self._mid % 65_535 + 1
        self._open.say(*publish_packet(topic, payload, self._mid, retain=retain, qos=qos))
        return self

    def wait_for_publish(self, _timeout_s: float) -> None:
        self._world.pass_time()

    def say(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.publish(topic, payload, qos=1, retain=retain).wait_for_publish(5)

    def close(self) -> None:
        self._open.say(PacketType.DISCONNECT, 0, b"")
        self._world.pass_time()

    def _packet(self, packet: Packet) -> None:
        if packet.kind is PacketType.CONNACK:
            self._open.say(*subscribe_packet([(self._hear, 1)]))
        elif packet.kind is PacketType.SUBACK:
            self._up = True
        elif packet.kind is PacketType.PUBLISH:
            message, mid = read_publish(packet)
            self._heard.append((message.topic, message.payload, message.retain))
            if mid:
                self._open.say(PacketType.PUBACK, 0, mid.to_bytes(2, "big"))
