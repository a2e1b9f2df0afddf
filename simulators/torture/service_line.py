"""The service's line to a simulated broker: what `wire.link.BrokerLink` does, on the agenda.

It keeps the link's promises with the link's own inbox and board of retained words: what was not
acknowledged comes again, what should stand retained is said again, an order is not taken while the
broker is away.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from model.clock import Clock
from simulators.torture.agenda import Agenda
from simulators.torture.network import (
    Cable,
    Connection,
    SimBroker,
    publish_packet,
    subscribe_packet,
)
from wire.inbox import AckToken, Delivery, Inbox
from wire.link import LinkCounts, log_change
from wire.link_terms import Confirmed, LinkLimits, LinkState, Outgoing, Will
from wire.packets import Greeting, Message, Packet, PacketType, read_number, read_publish
from wire.retained import RetainedBoard
from wire.strict_json import MAX_MESSAGE_BYTES
from wire.topics import Filter

RETRY_S = 2.0


class ServiceLine:
    """One service process's session at a simulated broker."""

    def __init__(
        self,
        agenda: Agenda,
        broker: SimBroker,
        cable: Cable,
        *,
        client_id: str,
        credentials: tuple[str, str],
        filters: Iterable[Filter],
        clock: Clock,
        will: Will | None = None,
        limits: LinkLimits | None = None,
        retry_s: float = RETRY_S,
    ) -> None:
        self._agenda = agenda
        self._broker = broker
        self._cable = cable
        self._client_id = client_id
        self._credentials = credentials
        self._filters = [(each.topic, each.qos) for each in filters]
        self._clock = clock
        self._will = will
        self._limits = limits or LinkLimits()
        self._retry_s = retry_s
        self._inbox = Inbox(
            max_messages=self._limits.inbox_messages,
            max_bytes=self._limits.inbox_bytes,
            on_room=self._read_backlog,
        )
        self._backlog: deque[Packet] = deque()
        self._board = RetainedBoard()
        self._unconfirmed: dict[int, Outgoing] = {}
        self._connection: Connection | None = None
        self._last_mid = 0
        self.state = LinkState.CONNECTING
        self.losses = self.attempts = self.epoch = 0
        self.received = self.acknowledged = self.stale_acks = 0
        self.sent = self.confirmed = self.not_sent = 0

    # -- what the service sees -------------------------------------------------------------

    def take(self, max_n: int, timeout_s: float = 0.0) -> list[Delivery]:  # noqa: ARG002 - the link's signature; simulated time does not pass in a call
        return self._inbox.take(max_n, 0.0)

    @property
    def waiting(self) -> int:
        return len(self._inbox)

    def ack(self, tokens: Iterable[AckToken]) -> None:
        for token in tokens:
            if not token.qos:
                continue
            connection = self._connection
            if token.epoch != self.epoch or connection is None or self.state is LinkState.LOST:
                self.stale_acks += 1
                continue
            self.acknowledged += 1
            connection.say(PacketType.PUBACK, 0, token.mid.to_bytes(2, "big"))

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        qos: int = 1,
        confirmed: Confirmed | None = None,
    ) -> bool:
        too_much = len(self._unconfirmed) >= self._limits.outstanding
        if self.state is not LinkState.CONNECTED or too_much:
            self.not_sent += 1
            return False
        self._send(Outgoing(topic, payload, retain, qos, confirmed))
        return True

    def keep(self, topic: str, payload: bytes) -> bool:
        accepted = self._board.set(topic, payload)
        self._say_board()
        return accepted

    def counts(self) -> LinkCounts:
        return LinkCounts(
            received=self.received,
            acknowledged=self.acknowledged,
            stale_acks=self.stale_acks,
            sent=self.sent,
            confirmed=self.confirmed,
            not_sent=self.not_sent,
            attempts=self.attempts,
            connections=self.epoch,
            losses=self.losses,
        )

    # -- its life --------------------------------------------------------------------------

    def start(self) -> None:
        """Connect, and go on trying until the process is gone."""
        self._connect()

    def die(self) -> None:
        """The process was killed: whatever waits in its memory is gone."""
        self._become(LinkState.STOPPED)
        if self._connection is not None:
            self._connection.leave()
            self._connection = None

    def stop(self) -> None:
        """Say goodbye, as a process that ends on purpose."""
        if self._connection is not None:
            self._connection.say(PacketType.DISCONNECT, 0, b"")
        self._become(LinkState.STOPPED)
        self._connection = None

    def _connect(self) -> None:
        if self.state is LinkState.STOPPED or self._connection is not None:
            return
        self.attempts += 1
        connection = Connection(
            self._broker, self._cable, on_packet=self._packet, on_lost=self._lost
        )
        name, password = self._credentials
        will = None
        if self._will is not None:
            will = Message(self._will.topic, self._will.payload, 1, retain=True)
        greeting = Greeting(
            self._client_id,
            clean=False,
            keepalive_s=10,
            level=4,
            username=name,
            password=password,
            will=will,
        )
        if connection.open(greeting):
            self._connection = connection
            return
        self._become(LinkState.LOST)
        self._agenda.after(self._retry_s, self._connect)

    def _lost(self) -> None:
        if self.state is LinkState.STOPPED:
            return
        if self.state is LinkState.CONNECTED:
            self.losses += 1
        if self.state is not LinkState.REFUSED:
            self._become(LinkState.LOST)
        self._connection = None
        self._backlog.clear()
        lost = list(self._unconfirmed.values())
        self._unconfirmed.clear()
        for message in lost:
            self._settle(message, delivered=False)
        self._board.say_again()
        self._agenda.after(self._retry_s, self._connect)

    # -- what comes ------------------------------------------------------------------------

    def _become(self, state: LinkState) -> None:
        before, self.state = self.state, state
        if before is not state:
            log_change(before, state)

    def _packet(self, packet: Packet) -> None:
        if self._backlog or (packet.kind is PacketType.PUBLISH and self._inbox.full):
            self._backlog.append(packet)
            return
        self._read(packet)

    def _read_backlog(self) -> None:
        while self._backlog and not self._inbox.full:
            self._read(self._backlog.popleft())

    def _read(self, packet: Packet) -> None:
        connection = self._connection
        if connection is None:
            return
        if packet.kind is PacketType.PUBLISH:
            self._deliver(packet)
        elif packet.kind is PacketType.PUBACK:
            message = self._unconfirmed.pop(read_number(packet), None)
            if message is not None:
                self.confirmed += 1
                self._settle(message, delivered=True)
        elif packet.kind is PacketType.CONNACK:
            if packet.body[1]:
                self._become(LinkState.REFUSED)
                return
            self.epoch += 1
            connection.say(*subscribe_packet(self._filters))
        elif packet.kind is PacketType.SUBACK:
            self._become(LinkState.CONNECTED)
            self._say_board()

    def _deliver(self, packet: Packet) -> None:
        message, mid = read_publish(packet)
        self.received += 1
        self._inbox.put(
            Delivery(
                topic=message.topic,
                payload=message.payload[: MAX_MESSAGE_BYTES + 1],
                retained=message.retain,
                token=AckToken(self.epoch, mid, message.qos),
                arrived=self._clock.now(),
                mono=self._clock.monotonic(),
            )
        )

    # -- what goes -------------------------------------------------------------------------

    def _say_board(self) -> None:
        if self.state is not LinkState.CONNECTED:
            return
        while batch := self._board.next_messages(500):
            for topic, payload in batch:
                self._send(Outgoing(topic, payload, retain=True, qos=1, confirmed=None))

    def _send(self, message: Outgoing) -> None:
        if self._connection is None:
            self._settle(message, delivered=False)
            return
        self._last_mid = self._last_mid % 65_535 + 1
        self.sent += 1
        packet = publish_packet(
            message.topic, message.payload, self._last_mid, retain=message.retain, qos=message.qos
        )
        if message.qos:
            self._unconfirmed[self._last_mid] = message
        self._connection.say(*packet)

    def _settle(self, message: Outgoing, *, delivered: bool) -> None:
        if message.confirmed is not None:
            message.confirmed(delivered)
        elif message.retain and not delivered:
            self._board.put_back(message.topic, message.payload)
