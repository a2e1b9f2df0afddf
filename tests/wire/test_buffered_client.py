"""Whatever pieces the network cuts words into, the same messages come out, in order and at once, either way."""

from __future__ import annotations

import itertools
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.client import MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from wire.buffered_client import WRITE_BYTES, BufferedClient

CONNACK = bytes((0x20, 2, 0, 0))
GOODBYE = bytes((0xE0, 0))
DEADLINE_S = 10.0


def publish(payload: bytes) -> bytes:
    """An MQTT PUBLISH of QoS 0 to topic `t`."""
    body = b"\x00\x01t" + payload
    length, head = len(body), bytearray((0x30,))
    while True:
        length, digit = divmod(length, 128)
        head.append(digit | (128 if length else 0))
        if not length:
            return bytes(head) + body


@contextmanager
def connected() -> Iterator[tuple[BufferedClient, socket.socket, list[bytes]]]:
    """A client, the broker's end of its connection, and what it was told."""
    told: list[bytes] = []

    def note(_client: object, _data: object, message: MQTTMessage) -> None:
        told.append(bytes(message.payload))

    with socket.create_server(("127.0.0.1", 0)) as server:
        client = BufferedClient(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
        client.on_message = note
        client.connect("127.0.0.1", server.getsockname()[1])
        broker, _ = server.accept()
        with broker:
            yield client, broker, told
            client.disconnect()


def read_until(client: BufferedClient, told: list[bytes], count: int) -> None:
    end_s = time.monotonic() + DEADLINE_S
    while len(told) < count and time.monotonic() < end_s:
        client.loop_read()


@settings(max_examples=60, deadline=None)
@given(
    payloads=st.lists(st.binary(max_size=300), min_size=1, max_size=12),
    cuts=st.lists(st.integers(0, 4000), max_size=12),
)
def test_messages_are_the_same_however_they_are_cut(payloads: list[bytes], cuts: list[int]) -> None:
    stream = CONNACK + b"".join(map(publish, payloads))
    places = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    with connected() as (client, broker, told):
        for start, end in itertools.pairwise(places):
            broker.sendall(stream[start:end])
            client.loop_read()
        read_until(client, told, len(payloads))
        assert told == payloads
        assert not client.has_read_ahead


def test_what_was_read_ahead_is_told_and_can_be_read_without_the_socket() -> None:
    with connected() as (client, broker, told):
        broker.sendall(CONNACK + publish(b"one") + publish(b"two"))
        read_until(client, told, 1)
        assert told == [b"one"]
        assert client.has_read_ahead
        broker.close()
        read_until(client, told, 2)
        assert told == [b"one", b"two"]


def test_bytes_of_a_lost_connection_are_none_of_the_next_one() -> None:
    with connected() as (client, broker, told):
        broker.sendall(CONNACK + publish(b"old") + publish(b"left"))
        read_until(client, told, 1)
        assert client.has_read_ahead
        with socket.create_server(("127.0.0.1", 0)) as server:
            client.connect("127.0.0.1", server.getsockname()[1])
            anew, _ = server.accept()
            with anew:
                anew.sendall(CONNACK + publish(b"new"))
                read_until(client, told, 2)
    assert told == [b"old", b"new"]


def heard(broker: socket.socket, count: int) -> bytes:
    """The next so many bytes at the broker's end."""
    broker.settimeout(DEADLINE_S)
    got = b""
    while len(got) < count and (more := broker.recv(count - len(got))):
        got += more
    return got


def test_what_is_written_leaves_in_order_when_flushed_and_not_before() -> None:
    with connected() as (client, broker, told):
        client.flush()
        hello = len(heard(broker, 14))
        broker.sendall(CONNACK + publish(b"go"))
        read_until(client, told, 1)
        for word in (b"one", b"two"):
            client.publish("t", word)
        assert client.want_write()
        broker.setblocking(False)
        with pytest.raises(BlockingIOError):
            broker.recv(1)
        client.flush()
        assert not client.want_write()
        assert hello
        assert heard(broker, 16) == publish(b"one") + publish(b"two")


def test_a_goodbye_leaves_at_once_after_everything_before_it() -> None:
    with connected() as (client, broker, told):
        broker.sendall(CONNACK + publish(b"go"))
        read_until(client, told, 1)
        client.publish("t", b"last")
        client.disconnect()
        said = heard(broker, 10_000)
        assert said.endswith(publish(b"last") + GOODBYE)


def test_a_broker_that_does_not_read_gets_everything_once_it_does() -> None:
    with connected() as (client, broker, told):
        broker.sendall(CONNACK + publish(b"go"))
        read_until(client, told, 1)
        words = [bytes([number]) * WRITE_BYTES for number in range(100)]
        for word in words:
            client.publish("t", word)
        client.flush()
        assert client.want_write()
        wanted = b"".join(map(publish, words))
        got = heard(broker, 14)
        broker.settimeout(0.01)
        end_s = time.monotonic() + DEADLINE_S
        while len(got) < 14 + len(wanted) and time.monotonic() < end_s:
            client.flush()
            with suppress(TimeoutError):
                got += broker.recv(1 << 20)
        assert got[14:] == wanted


def test_a_line_that_is_gone_is_told_by_reading_and_keeps_nothing_to_write() -> None:
    with connected() as (client, broker, told):
        broker.sendall(CONNACK + publish(b"go"))
        read_until(client, told, 1)
        broker.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        broker.close()
        end_s = time.monotonic() + DEADLINE_S
        while client.socket() is not None and time.monotonic() < end_s:
            client.publish("t", b"lost")
            client.flush()
            client.loop_read()
        assert client.socket() is None
        assert not client.want_write()
