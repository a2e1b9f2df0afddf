"""A simulated network: the broker's real mind, cables that are slow, cut, doubled or out of order.

Time is the agenda's. A packet under way when a cable is cut is gone, and both ends notice only
after a while, as on a real network.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from simulators.torture.agenda import Agenda
from wire.access import FIELD, SERVICE, WORKER
from wire.broker_core import BrokerCore, Identity, Session
from wire.packets import Greeting, Packet, PacketType, ProtocolFaultError
from wire.topics import Topics

WELL_S = (0.002, 0.02)
"""The range of one way's delay while nothing is wrong."""

NOTICE_MOST_S = 15.0
"""Until an end of a cut connection notices at the latest: its keepalive."""

Tap = Callable[[str, bytes], None]

_KINDS = {kind.value: kind for kind in PacketType}
_PUBLISH, _PUBACK = PacketType.PUBLISH.value, PacketType.PUBACK.value


@dataclass
class Cable:
    """What lies between a client and the broker; a scenario changes it while the run goes on.

    `delay_s` is the range of one way's delay. `doubling` is the share of the client's messages
    that the broker gets twice. `unordered` lets packets overtake each other.
    """

    rng: random.Random
    delay_s: tuple[float, float] = WELL_S
    doubling: float = 0.0
    unordered: bool = False
    up: bool = True
    connections: list[Connection] = field(default_factory=list)

    def delay(self) -> float:
        low, high = self.delay_s
        return low + (high - low) * self.rng.random()

    def cut(self) -> None:
        """Pull the cable."""
        self.up = False
        for connection in list(self.connections):
            connection.stall(self.rng.uniform(0.0, NOTICE_MOST_S), self.rng.uniform(0.0, 15.0))

    def mend(self) -> None:
        """Plug it in again; connections that were cut stay lost."""
        self.up = True


class SimBroker:
    """A broker on the agenda: `BrokerCore` with its sockets simulated.

    `taps` hear every message as the broker took it: an ear that nothing escapes.
    """

    def __init__(self, agenda: Agenda, identities: tuple[Identity, ...]) -> None:
        self.agenda = agenda
        self.identities = {identity.name: identity for identity in identities}
        self.core = BrokerCore(identities)
        self.up = True
        self.taps: list[Tap] = []
        self.forgotten: list[float] = []
        self._open: list[Connection] = []

    def stop(self, *, forget: bool) -> None:
        """End the process; `forget` loses sessions and retained messages, as without persistence."""
        self.up = False
        for connection in list(self._open):
            connection.broker_gone()
        if forget:
            self.core = BrokerCore(self.identities.values())
            self.forgotten.append(self.agenda.t)

    def start(self) -> None:
        """Answer again."""
        self.up = True

    def opened(self, connection: Connection) -> None:
        self._open.append(connection)

    def closed(self, connection: Connection) -> None:
        if connection in self._open:
            self._open.remove(connection)

    def hear(self, topic: str, payload: bytes) -> None:
        for tap in self.taps:
            tap(topic, payload)


class Connection:
    """One client's connection: packets one way, bytes the other way, until it is lost."""

    def __init__(
        self,
        broker: SimBroker,
        cable: Cable,
        *,
        on_packet: Callable[[Packet], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._broker = broker
        self._agenda = broker.agenda
        self._cable = cable
        self._on_packet = on_packet
        self._on_lost = on_lost
        self._session: Session | None = None
        self._up_at = self._down_at = 0.0
        self.stalled = False
        self.client_gone = self.broker_left = False

    def open(self, greeting: Greeting) -> bool:
        """Greet the broker; False where nobody answers."""
        if not self._cable.up or not self._broker.up:
            return False
        self._cable.connections.append(self)
        self._broker.opened(self)
        self._up_at = self._agenda.t + self._cable.delay()
        self._agenda.at(self._up_at, self._greeted, greeting)
        return True

    def say(self, kind: PacketType, flags: int, body: bytes) -> None:
        """Send one packet to the broker."""
        if self.stalled or self.client_gone:
            return
        times = 1
        if kind is PacketType.PUBLISH and self._cable.doubling:
            times += self._cable.rng.random() < self._cable.doubling
        for _ in range(times):
            at = self._agenda.t + self._cable.delay()
            if not self._cable.unordered or kind is not PacketType.PUBLISH:
                at = self._up_at = max(at, self._up_at)
            self._agenda.at(at, self._arrived, Packet(kind, flags, body))

    def leave(self) -> None:
        """The client's process is gone; what it had written still arrives, and then the end of it."""
        self.client_gone = True
        at = max(self._agenda.t + self._cable.delay(), self._up_at)
        self._agenda.at(at, self._broker_notices)

    def stall(self, client_after_s: float, broker_after_s: float) -> None:
        """The cable was cut: nothing passes any more, and each end notices in its own time."""
        if self.stalled:
            return
        self.stalled = True
        self._agenda.after(client_after_s, self._client_notices)
        self._agenda.after(broker_after_s, self._broker_notices)

    def broker_gone(self) -> None:
        """The broker's process ended: it forgets this connection, without a last will."""
        if self._session is not None and not self.broker_left:
            self._broker.core.lost(self._session, self, graceful=True)
        self._left()
        self._agenda.after(self._cable.delay(), self._client_notices)

    # -- the broker's side -----------------------------------------------------------------

    @property
    def is_congested(self) -> bool:
        return False

    def send(self, data: bytes) -> None:
        """Bytes from the broker to the client."""
        if self.stalled or self.client_gone:
            return
        kind = data[0] >> 4
        if kind == _PUBACK:
            # The commonest packet of all; nothing here depends on when it comes.
            self._on_packet(Packet(PacketType.PUBACK, 0, data[2:]))
            return
        at = self._agenda.t + self._cable.delay()
        if not self._cable.unordered or kind != _PUBLISH:
            at = self._down_at = max(at, self._down_at)
        self._agenda.at(at, self._reached, data)

    def close(self) -> None:
        """The broker closes the connection."""
        self._left()
        self._agenda.after(self._cable.delay(), self._client_notices)

    def _left(self) -> None:
        self.broker_left = True
        self._broker.closed(self)

    def _greeted(self, greeting: Greeting) -> None:
        if self.stalled or self.broker_left:
            return
        self._session = self._broker.core.greet(greeting, self)
        if self._session is None:
            self.close()

    def _arrived(self, packet: Packet) -> None:
        if self.stalled or self.broker_left or self._session is None:
            return
        if packet.kind is PacketType.PUBLISH and self._broker.taps:
            self._tap(packet)
        try:
            self._broker.core.handle(self._session, packet)
        except ProtocolFaultError:
            self._broker.core.lost(self._session, self, graceful=False)
            self.close()

    def _tap(self, packet: Packet) -> None:
        length = int.from_bytes(packet.body[:2], "big")
        topic = packet.body[2 : 2 + length].decode()
        skip = 2 + length + (2 if packet.flags & 0x06 else 0)
        self._broker.hear(topic, packet.body[skip:])

    def _broker_notices(self) -> None:
        if self.broker_left:
            return
        self._left()
        if self._session is not None:
            self._broker.core.lost(self._session, self, graceful=False)

    # -- the client's side -----------------------------------------------------------------

    def _reached(self, data: bytes) -> None:
        if self.stalled or self.client_gone:
            return
        self._on_packet(_packet_of(data))

    def _client_notices(self) -> None:
        if self.client_gone:
            return
        self.client_gone = True
        if self in self._cable.connections:
            self._cable.connections.remove(self)
        self._on_lost()


def _packet_of(data: bytes) -> Packet:
    """The one packet that the broker sent at once."""
    body_at = 2
    while data[body_at - 1] & 0x80:
        body_at += 1
    return Packet(_KINDS[data[0] >> 4], data[0] & 0x0F, data[body_at:])


def everyone(topics: Topics) -> tuple[Identity, ...]:
    """Who may come in. Access by topic has its own tests; here everybody may speak everywhere."""
    anywhere = (f"{topics.root}/#",)
    return tuple(
        Identity(name=name, password=f"{name}-word", publish=anywhere, subscribe=anywhere)
        for name in (SERVICE, FIELD, WORKER)
    )


def publish_packet(
    topic: str, payload: bytes, mid: int, *, retain: bool, qos: int = 1
) -> tuple[PacketType, int, bytes]:
    """A PUBLISH as a client hands it to its connection."""
    name = topic.encode()
    number = mid.to_bytes(2, "big") if qos else b""
    body = len(name).to_bytes(2, "big") + name + number + payload
    return PacketType.PUBLISH, qos << 1 | retain, body


def subscribe_packet(filters: list[tuple[str, int]]) -> tuple[PacketType, int, bytes]:
    """A SUBSCRIBE with all filters at once."""
    body = (1).to_bytes(2, "big")
    for topic, qos in filters:
        name = topic.encode()
        body += len(name).to_bytes(2, "big") + name + bytes([qos])
    return PacketType.SUBSCRIBE, 2, body
