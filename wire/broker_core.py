"""A broker's mind without its sockets: sessions, subscriptions, retained messages, last wills.

Made for one site's trial on one machine and for simulated runs. A session belongs to the name
that opened it, and nobody touches it before showing the right password.
"""

from __future__ import annotations

import hmac
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable
from typing import Protocol

import msgspec

from wire.packets import (
    MQTT_3_1_1,
    ConnectCode,
    Greeting,
    Message,
    Packet,
    PacketType,
    ProtocolFaultError,
    connack_bytes,
    numbered_bytes,
    packet_bytes,
    publish_bytes,
    read_filters,
    read_number,
    read_publish,
)
from wire.topic_tree import (
    REMEMBERED_LENGTH,
    REMEMBERED_MOST,
    TopicTree,
    is_valid_filter,
    matches,
)

MAX_INFLIGHT = 2_000
MAX_WAITING = 100_000
MAX_WAITING_BYTES = 64 * 1024 * 1024
MAX_RETAINED = 50_000
_DENIED = 0x80


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may come in, and the topic filters that they may speak on and listen to."""

    name: str
    password: str
    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Identity(name={self.name!r})"


class Outlet(Protocol):
    """Where a connection's bytes go."""

    @property
    def is_congested(self) -> bool:
        """Whether the client does not take what was sent."""
        ...

    def send(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class Session:
    """What the broker keeps for one client, also while it is away unless it asked otherwise."""

    def __init__(self, client_id: str, identity: Identity, *, clean: bool) -> None:
        self.client_id = client_id
        self.identity = identity
        self.clean = clean
        self.filters: dict[str, int] = {}
        self.inflight: OrderedDict[int, Message] = OrderedDict()
        self.waiting: deque[Message] = deque()
        self.waiting_bytes = 0
        self.half_received: set[int] = set()
        self.will: Message | None = None
        self.outlet: Outlet | None = None
        self._last_mid = 0

    def queue(self, message: Message) -> int:
        """Let a message wait; how many of the oldest were dropped to make room."""
        self.waiting.append(message)
        self.waiting_bytes += len(message.payload)
        dropped = 0
        while len(self.waiting) > MAX_WAITING or self.waiting_bytes > MAX_WAITING_BYTES:
            self.unqueue()
            dropped += 1
        return dropped

    def unqueue(self) -> Message:
        """The message that waited longest."""
        message = self.waiting.popleft()
        self.waiting_bytes -= len(message.payload)
        return message

    def next_mid(self) -> int:
        """A message number that is not in use; MAX_INFLIGHT leaves plenty."""
        while True:
            self._last_mid = self._last_mid % 65_535 + 1
            if self._last_mid not in self.inflight:
                return self._last_mid


class BrokerCore:
    """Routes messages between sessions by MQTT 3.1.1, qualities 0 and 1 towards listeners.

    Bounded: MAX_INFLIGHT unacknowledged messages a session, MAX_WAITING and MAX_WAITING_BYTES
    queued (beyond, the oldest is dropped and counted), MAX_RETAINED retained topics. `counts`
    holds what was published, denied, dropped and refused.
    """

    def __init__(self, identities: Iterable[Identity]) -> None:
        self._identities = {identity.name: identity for identity in identities}
        self._sessions: dict[str, Session] = {}
        self._tree: TopicTree[Session] = TopicTree()
        self._retained: dict[str, Message] = {}
        self._may_speak: dict[tuple[str, str], bool] = {}
        self.counts: Counter[str] = Counter()

    def greet(self, greeting: Greeting, outlet: Outlet) -> Session | None:
        """Let a client in, or refuse it; the answer is sent. Nothing is touched before the check."""
        code, identity = self._judge(greeting)
        if identity is None:
            self.counts[f"refused_{code.name.lower()}"] += 1
            outlet.send(connack_bytes(code, session_present=False))
            return None
        session = self._sessions.get(greeting.client_id)
        if session is not None and session.outlet is not None:
            # The same client came in again: the older connection is dead and its will is due.
            old, was_clean = session.outlet, session.clean
            self.lost(session, old, graceful=False)
            old.close()
            session = None if was_clean else session
        if session is not None and greeting.clean:
            self._forget(session)
            session = None
        present = session is not None
        if session is None:
            session = Session(greeting.client_id, identity, clean=greeting.clean)
            self._sessions[greeting.client_id] = session
        session.clean, session.will, session.outlet = greeting.clean, greeting.will, outlet
        outlet.send(connack_bytes(code, session_present=present))
        for mid, message in session.inflight.items():
            outlet.send(publish_bytes(message, mid, dup=True))
        self.flush(session)
        return session

    def _judge(self, greeting: Greeting) -> tuple[ConnectCode, Identity | None]:
        if greeting.level != MQTT_3_1_1:
            return ConnectCode.WRONG_VERSION, None
        identity = self._identities.get(greeting.username or "")
        known = identity.password if identity is not None else ""
        same = hmac.compare_digest(known.encode(), (greeting.password or "").encode())
        if identity is None or not same:
            return ConnectCode.NOT_AUTHORIZED, None
        existing = self._sessions.get(greeting.client_id)
        if not greeting.client_id or (existing and existing.identity.name != identity.name):
            return ConnectCode.BAD_IDENTIFIER, None
        return ConnectCode.ACCEPTED, identity

    def handle(self, session: Session, packet: Packet) -> None:
        """Act on one packet of a client that was let in. ProtocolFaultError: close it."""
        outlet = session.outlet
        if outlet is None:
            return
        if packet.kind is PacketType.PUBLISH:
            self._published(session, outlet, packet)
        elif packet.kind is PacketType.PUBACK:
            session.inflight.pop(read_number(packet), None)
            self.flush(session)
        elif packet.kind is PacketType.PUBREL:
            mid = read_number(packet)
            session.half_received.discard(mid)
            outlet.send(numbered_bytes(PacketType.PUBCOMP, mid))
        elif packet.kind is PacketType.SUBSCRIBE:
            self._subscribe(session, outlet, packet)
        elif packet.kind is PacketType.UNSUBSCRIBE:
            mid, unwanted = read_filters(packet)
            for topic_filter, _ in unwanted:
                session.filters.pop(topic_filter, None)
                self._tree.remove(topic_filter, session)
            outlet.send(numbered_bytes(PacketType.UNSUBACK, mid))
        elif packet.kind is PacketType.PINGREQ:
            outlet.send(packet_bytes(PacketType.PINGRESP, 0, b""))
        elif packet.kind is PacketType.DISCONNECT:
            self.lost(session, outlet, graceful=True)
            outlet.close()
        else:
            raise ProtocolFaultError(f"unexpected {packet.kind.name}")

    def lost(self, session: Session, outlet: Outlet, *, graceful: bool) -> None:
        """A connection is gone; without a goodbye its last will is published."""
        if session.outlet is not outlet:
            return
        session.outlet = None
        will, session.will = session.will, None
        if session.clean:
            self._forget(session)
        if will is not None and not graceful:
            self._accept(session.identity, will)

    def flush(self, session: Session) -> None:
        """Send what waits for a client as far as it takes it."""
        outlet = session.outlet
        while outlet is not None and session.waiting and len(session.inflight) < MAX_INFLIGHT:
            if outlet.is_congested:
                return
            self._hand_out(session, outlet, session.unqueue())

    def _hand_out(self, session: Session, outlet: Outlet, message: Message) -> None:
        mid = session.next_mid()
        session.inflight[mid] = message
        outlet.send(publish_bytes(message, mid, dup=False))

    def _forget(self, session: Session) -> None:
        for topic_filter in session.filters:
            self._tree.remove(topic_filter, session)
        if self._sessions.get(session.client_id) is session:
            del self._sessions[session.client_id]

    def _published(self, session: Session, outlet: Outlet, packet: Packet) -> None:
        message, mid = read_publish(packet)
        if message.qos == 2:
            if mid not in session.half_received and len(session.half_received) < MAX_INFLIGHT:
                session.half_received.add(mid)
                self._accept(session.identity, message._replace(qos=1))
            outlet.send(numbered_bytes(PacketType.PUBREC, mid))
            return
        self._accept(session.identity, message)
        if message.qos:
            outlet.send(numbered_bytes(PacketType.PUBACK, mid))

    def _accept(self, identity: Identity, message: Message) -> None:
        """Keep and route a message, if its author may speak there."""
        if not self._may(identity, message.topic):
            self.counts["denied_publish"] += 1
            return
        self.counts["published"] += 1
        if message.retain:
            self._retain(message)
        for session, qos in self._tree.listeners(message.topic).items():
            quality = min(qos, message.qos)
            self._deliver(session, Message(message.topic, message.payload, quality, retain=False))

    def _may(self, identity: Identity, topic: str) -> bool:
        """Whether somebody may speak on a topic; asked once of each, since rules never change."""
        key = (identity.name, topic)
        known = self._may_speak.get(key)
        if known is None:
            known = any(matches(rule, topic) for rule in identity.publish)
            if len(self._may_speak) >= REMEMBERED_MOST:
                self._may_speak.clear()
            if len(topic) <= REMEMBERED_LENGTH:
                self._may_speak[key] = known
        return known

    def _retain(self, message: Message) -> None:
        if not message.payload:
            self._retained.pop(message.topic, None)
        elif message.topic in self._retained or len(self._retained) < MAX_RETAINED:
            self._retained[message.topic] = message
        else:
            self.counts["not_retained"] += 1

    def _deliver(self, session: Session, message: Message) -> None:
        outlet = session.outlet
        if message.qos == 0:
            if outlet is not None and not outlet.is_congested:
                outlet.send(publish_bytes(message, 0, dup=False))
            return
        free = not session.waiting and len(session.inflight) < MAX_INFLIGHT
        if free and outlet is not None and not outlet.is_congested:
            self._hand_out(session, outlet, message)
            return
        self.counts["dropped"] += session.queue(message)
        self.flush(session)

    def _subscribe(self, session: Session, outlet: Outlet, packet: Packet) -> None:
        mid, wanted = read_filters(packet)
        codes = bytearray()
        for topic_filter, qos in wanted:
            allowed = any(matches(rule, topic_filter) for rule in session.identity.subscribe)
            if not allowed or not is_valid_filter(topic_filter):
                self.counts["denied_subscribe"] += 1
                codes.append(_DENIED)
                continue
            granted = min(qos, 1)
            session.filters[topic_filter] = granted
            self._tree.add(topic_filter, session, granted)
            codes.append(granted)
        outlet.send(numbered_bytes(PacketType.SUBACK, mid, bytes(codes)))
        for (topic_filter, _), code in zip(wanted, codes, strict=True):
            if code != _DENIED:
                self._replay(session, topic_filter, code)

    def _replay(self, session: Session, topic_filter: str, qos: int) -> None:
        exact = self._retained.get(topic_filter)
        kept = [exact] if exact else []
        if "+" in topic_filter or "#" in topic_filter:
            kept = [
                message
                for message in self._retained.values()
                if matches(topic_filter, message.topic)
            ]
        for message in kept:
            self._deliver(session, message._replace(qos=min(qos, message.qos), retain=True))
