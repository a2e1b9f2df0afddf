"""The embedded broker's mind: routing, sessions, wills and access by MQTT 3.1.1, without sockets."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wire.broker_core
from wire.access import identity_classes
from wire.broker_core import BrokerCore, Identity, Session
from wire.packets import (
    Greeting,
    Message,
    Packet,
    PacketReader,
    PacketType,
    ProtocolFaultError,
    numbered_bytes,
    packet_bytes,
    publish_bytes,
    read_filters,
    read_greeting,
    read_publish,
)
from wire.topic_tree import TopicTree, is_valid_filter, matches
from wire.topics import Topics

ALL = Identity(name="all", password="p1", publish=("#",), subscribe=("#",))
DEAF = Identity(name="deaf", password="p2", publish=("a/+/b",), subscribe=("a/x/b",))


class Wire:
    """A connection of the test: what was sent on it, taken apart."""

    def __init__(self) -> None:
        self.reader = PacketReader()
        self.got: list[Packet] = []
        self.closed = False
        self.is_congested = False

    def send(self, data: bytes) -> None:
        self.got.extend(self.reader.feed(data))

    def close(self) -> None:
        self.closed = True

    def messages(self) -> list[Message]:
        return [read_publish(packet)[0] for packet in self.got if packet.kind is PacketType.PUBLISH]

    def mids(self) -> list[int]:
        return [read_publish(packet)[1] for packet in self.got if packet.kind is PacketType.PUBLISH]

    def clear(self) -> None:
        self.got.clear()


def greeting(
    client_id: str,
    *,
    clean: bool = True,
    name: str = "all",
    password: str | None = None,
    will: Message | None = None,
) -> Greeting:
    return Greeting(
        client_id,
        clean,
        keepalive_s=10,
        level=4,
        username=name,
        password=ALL.password if password is None else password,
        will=will,
    )


def one(data: bytes) -> Packet:
    (packet,) = PacketReader().feed(data)
    return packet


def subscribe(core: BrokerCore, session: Session, *filters: str, qos: int = 1) -> None:
    body = b"\x00\x07"
    for topic_filter in filters:
        body += struct.pack("!H", len(topic_filter)) + topic_filter.encode() + bytes([qos])
    core.handle(session, one(packet_bytes(PacketType.SUBSCRIBE, 2, body)))


def publish(
    core: BrokerCore,
    session: Session,
    topic: str,
    payload: bytes,
    *,
    qos: int = 1,
    retain: bool = False,
) -> None:
    core.handle(session, one(publish_bytes(Message(topic, payload, qos, retain), 9, dup=False)))


def enter(core: BrokerCore, client_id: str, **wants: object) -> tuple[Session, Wire]:
    wire = Wire()
    session = core.greet(greeting(client_id, **wants), wire)  # type: ignore[arg-type]  # see greeting
    assert session is not None
    return session, wire


def test_a_wrong_password_touches_nothing_of_the_session_it_aims_at() -> None:
    core = BrokerCore([ALL, DEAF])
    victim, wire = enter(core, "victim", clean=False)
    subscribe(core, victim, "a/#")
    for bad in (
        greeting("victim", password="wrong"),
        greeting("victim", name="nobody", password=""),
        greeting("victim", clean=True, name="deaf", password="p2"),
    ):
        stranger = Wire()
        assert core.greet(bad, stranger) is None
        assert stranger.got[0].body[1] in {2, 5}
    assert not wire.closed
    speaker, _ = enter(core, "speaker")
    publish(core, speaker, "a/b", b"still here")
    assert wire.messages() == [("a/b", b"still here", 1, False)]


def test_nobody_comes_in_without_a_name() -> None:
    core = BrokerCore([ALL])
    for anonymous in (
        Greeting("c", clean=True, keepalive_s=0, level=4),
        Greeting("c", clean=True, keepalive_s=0, level=4, username="", password=""),
        Greeting("c", clean=True, keepalive_s=0, level=5, username="all", password="p1"),
    ):
        assert core.greet(anonymous, Wire()) is None


def test_the_same_client_elsewhere_closes_the_older_connection_and_its_will_is_due() -> None:
    core = BrokerCore([ALL])
    hearer, wire = enter(core, "hearer")
    subscribe(core, hearer, "status")
    _, first = enter(core, "dev", will=Message("status", b"offline", 1, True))
    _, second = enter(core, "dev", will=Message("status", b"offline", 1, True))
    assert first.closed
    assert not second.closed
    assert wire.messages() == [("status", b"offline", 1, False)]


def test_what_was_not_acknowledged_is_sent_again_marked_as_a_repetition() -> None:
    core = BrokerCore([ALL])
    hearer, wire = enter(core, "hearer", clean=False)
    subscribe(core, hearer, "t")
    speaker, _ = enter(core, "speaker")
    publish(core, speaker, "t", b"1")
    publish(core, speaker, "t", b"2")
    core.handle(hearer, one(numbered_bytes(PacketType.PUBACK, wire.mids()[0])))
    core.lost(hearer, wire, graceful=False)
    publish(core, speaker, "t", b"3")
    publish(core, speaker, "t", b"unheard", qos=0)
    _, again = enter(core, "hearer", clean=False)
    assert [payload for _, payload, _, _ in again.messages()] == [b"2", b"3"]
    assert again.got[0].body[0] == 1
    assert [packet.flags >> 3 for packet in again.got[1:]] == [1, 0]


def test_a_clean_session_is_forgotten() -> None:
    core = BrokerCore([ALL])
    hearer, wire = enter(core, "hearer")
    subscribe(core, hearer, "t")
    core.handle(hearer, one(packet_bytes(PacketType.DISCONNECT, 0, b"")))
    assert wire.closed
    speaker, _ = enter(core, "speaker")
    publish(core, speaker, "t", b"1")
    _, again = enter(core, "hearer", clean=False)
    assert again.messages() == []
    assert again.got[0].body[0] == 0


def test_retained_messages_are_replayed_marked_and_an_empty_one_clears() -> None:
    core = BrokerCore([ALL])
    speaker, _ = enter(core, "speaker")
    publish(core, speaker, "z/1/state", b"red", retain=True)
    publish(core, speaker, "z/2/state", b"calm", retain=True)
    publish(core, speaker, "z/2/state", b"", retain=True)
    hearer, wire = enter(core, "hearer")
    subscribe(core, hearer, "z/+/state")
    assert wire.messages() == [("z/1/state", b"red", 1, True)]
    wire.clear()
    publish(core, speaker, "z/1/state", b"calm", retain=True)
    assert wire.messages() == [("z/1/state", b"calm", 1, False)]


def test_overlapping_subscriptions_hear_a_message_once_with_the_best_quality() -> None:
    core = BrokerCore([ALL])
    hearer, wire = enter(core, "hearer")
    subscribe(core, hearer, "a/#", qos=0)
    subscribe(core, hearer, "a/+", qos=1)
    speaker, _ = enter(core, "speaker")
    publish(core, speaker, "a/b", b"x")
    assert wire.messages() == [("a/b", b"x", 1, False)]


def test_access_is_by_identity() -> None:
    core = BrokerCore([ALL, DEAF])
    everyone, wire = enter(core, "everyone")
    subscribe(core, everyone, "#")
    deaf, own = enter(core, "deaf-1", name="deaf", password="p2")
    publish(core, deaf, "a/x/b", b"may")
    publish(core, deaf, "a/x/c", b"may not")
    assert wire.messages() == [("a/x/b", b"may", 1, False)]
    own.clear()
    subscribe(core, deaf, "a/x/b", "a/+/b", "#", "a/x/b/#")
    assert own.got[0].body[2:] == b"\x01\x80\x80\x80"


def test_the_identities_of_a_site_may_say_what_is_theirs_only() -> None:
    topics = Topics("s")
    rules = {one.name: one for one in identity_classes(topics)}
    order, density = "yinding/v1/s/terminal/t1/order", topics.density("c1")

    def says(name: str, topic: str) -> bool:
        return any(matches(rule, topic) for rule in rules[name].publish)

    assert says("service", order)
    assert not says("field", order)
    assert not says("worker", order)
    assert says("worker", density)
    assert says("field", density)
    assert not says("service", density)
    assert rules["observer"].publish == ()
    assert len({one.password for one in rules.values()}) == 4
    assert rules["field"].password not in repr(rules["field"])


def test_a_listener_that_takes_nothing_is_bounded_and_the_loss_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire.broker_core, "MAX_WAITING", 100)
    monkeypatch.setattr(wire.broker_core, "MAX_INFLIGHT", 10)
    core = BrokerCore([ALL])
    hearer, line = enter(core, "hearer")
    subscribe(core, hearer, "t")
    speaker, _ = enter(core, "speaker")
    for number in range(150):
        publish(core, speaker, "t", str(number).encode())
    assert len(line.messages()) == 10
    assert (len(hearer.waiting), core.counts["dropped"]) == (100, 40)
    assert hearer.waiting_bytes == sum(len(message.payload) for message in hearer.waiting)


def test_a_congested_listener_gets_the_rest_when_it_takes_again() -> None:
    core = BrokerCore([ALL])
    hearer, line = enter(core, "hearer")
    subscribe(core, hearer, "t")
    speaker, _ = enter(core, "speaker")
    line.is_congested = True
    for number in range(5):
        publish(core, speaker, "t", str(number).encode())
    publish(core, speaker, "t", b"lost, as quality 0 may be", qos=0)
    assert line.messages() == []
    line.is_congested = False
    core.flush(hearer)
    assert [payload for _, payload, _, _ in line.messages()] == [b"0", b"1", b"2", b"3", b"4"]


def test_quality_two_is_taken_once() -> None:
    core = BrokerCore([ALL])
    hearer, line = enter(core, "hearer")
    subscribe(core, hearer, "t", qos=2)
    speaker, own = enter(core, "speaker")
    own.clear()
    publish(core, speaker, "t", b"x", qos=2)
    publish(core, speaker, "t", b"x", qos=2)
    core.handle(speaker, one(numbered_bytes(PacketType.PUBREL, 9)))
    assert line.messages() == [("t", b"x", 1, False)]
    assert [packet.kind.name for packet in own.got] == ["PUBREC", "PUBREC", "PUBCOMP"]


LEVELS = st.lists(st.sampled_from(["a", "b", "", "+", "$s"]), min_size=1, max_size=4)


@settings(max_examples=300)
@given(
    filters=st.lists(st.tuples(LEVELS, st.booleans()), min_size=1, max_size=6),
    topic=st.lists(st.sampled_from(["a", "b", "", "$s"]), min_size=1, max_size=4),
)
def test_the_tree_finds_exactly_the_filters_that_match(
    filters: list[tuple[list[str], bool]], topic: list[str]
) -> None:
    tree: TopicTree[str] = TopicTree()
    texts = {"/".join([*levels, "#"] if deep else levels) for levels, deep in filters}
    texts = {text for text in texts if is_valid_filter(text)}
    for text in texts:
        tree.add(text, text, 1)
    name = "/".join(topic)
    assert set(tree.listeners(name)) == {text for text in texts if matches(text, name)}
    for text in texts:
        tree.remove(text, text)
    assert tree.listeners(name) == {}


@pytest.mark.parametrize("bad", ["", "a/#/b", "a#", "+a", "a/b+", "##"])
def test_filters_with_wildcards_out_of_place_are_invalid(bad: str) -> None:
    assert not is_valid_filter(bad)


@settings(max_examples=300)
@given(st.binary(max_size=400), st.integers(1, 7))
def test_any_bytes_are_packets_or_a_protocol_fault(data: bytes, step: int) -> None:
    core = BrokerCore([ALL])
    session, _ = enter(core, "c")
    reader = PacketReader(max_bytes=300)
    try:
        for start in range(0, len(data), step):
            for packet in reader.feed(data[start : start + step]):
                core.handle(session, packet)
                read_greeting(packet)
                read_filters(packet)
    except ProtocolFaultError:
        pass


@given(st.text(max_size=20), st.binary(max_size=300), st.integers(0, 1), st.booleans())
def test_a_message_is_read_back_as_it_was_written(
    topic: str, payload: bytes, qos: int, retain: bool
) -> None:
    name = "t" + "".join(mark for mark in topic if mark not in "+#\0")
    message = Message(name, payload, qos, retain)
    assert read_publish(one(publish_bytes(message, 5, dup=False)))[0] == message
