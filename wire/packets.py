"""MQTT 3.1.1 on the bytes' level, as a broker reads and writes it (OASIS standard, chapter 3)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import NamedTuple

MAX_PACKET_BYTES = 2 * 1024 * 1024
MQTT_3_1_1 = 4


class PacketType(IntEnum):
    """The packet types of MQTT 3.1.1."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14


class ConnectCode(IntEnum):
    """A broker's answer to a greeting."""

    ACCEPTED = 0
    WRONG_VERSION = 1
    BAD_IDENTIFIER = 2
    NOT_AUTHORIZED = 5


class ProtocolFaultError(Exception):
    """The other side does not speak MQTT 3.1.1; the connection must be closed."""


class Packet(NamedTuple):
    """One packet as it came: its type, the four flag bits, and the rest."""

    kind: PacketType
    flags: int
    body: bytes


class Message(NamedTuple):
    """An application message on its way through the broker."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


class Greeting(NamedTuple):
    """What a client says first: who it is, how it wants to be treated, and its last will."""

    client_id: str
    clean: bool
    keepalive_s: int
    level: int
    username: str | None = None
    password: str | None = None
    will: Message | None = None


class PacketReader:
    """Cuts a stream of bytes into packets; keeps the incomplete rest for the next bytes."""

    def __init__(self, *, max_bytes: int = MAX_PACKET_BYTES) -> None:
        self._buffer = bytearray()
        self._max_bytes = max_bytes

    def feed(self, data: bytes) -> Iterator[Packet]:
        """The packets that are complete with these bytes. ProtocolFaultError for anything else."""
        buffer = self._buffer
        buffer += data
        start = 0
        while (header := _length(buffer, start)) is not None:
            length, body_at = header
            if length > self._max_bytes:
                raise ProtocolFaultError(f"a packet of {length} bytes")
            end = body_at + length
            if end > len(buffer):
                break
            try:
                kind = PacketType(buffer[start] >> 4)
            except ValueError as error:
                raise ProtocolFaultError("reserved packet type") from error
            yield Packet(kind, buffer[start] & 0x0F, bytes(buffer[body_at:end]))
            start = end
        del buffer[:start]


def _length(buffer: bytearray, start: int) -> tuple[int, int] | None:
    """The remaining length and where the body begins; None until the header is complete."""
    length = shift = 0
    for at in range(start + 1, min(start + 5, len(buffer))):
        length |= (buffer[at] & 0x7F) << shift
        if not buffer[at] & 0x80:
            return length, at + 1
        shift += 7
    if len(buffer) >= start + 5:
        raise ProtocolFaultError("malformed remaining length")
    return None


class _Fields:
    """Reads the fields of a packet's body one after the other."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._body):
            raise ProtocolFaultError("truncated packet")
        taken, self._at = self._body[self._at : end], end
        return taken

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def blob(self) -> bytes:
        return self.take(self.number())

    def text(self) -> str:
        return _decoded(self.blob())

    @property
    def more(self) -> bool:
        return self._at < len(self._body)


def _decoded(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProtocolFaultError("text is not UTF-8") from error
    if "\0" in text:
        raise ProtocolFaultError("text holds a null character")
    return text


def read_greeting(packet: Packet) -> Greeting:
    """The content of a CONNECT packet."""
    fields = _Fields(packet.body)
    if packet.kind is not PacketType.CONNECT or fields.text() not in {"MQTT", "MQIsdp"}:
        raise ProtocolFaultError("the first packet is no greeting of MQTT")
    level, flags, keepalive_s = fields.byte(), fields.byte(), fields.number()
    if flags & 0x01:
        raise ProtocolFaultError("reserved connect flag")
    if level != MQTT_3_1_1:
        return Greeting("", clean=True, keepalive_s=keepalive_s, level=level)
    client_id = fields.text()
    will = None
    if flags & 0x04:
        topic, payload = fields.text(), fields.blob()
        will = Message(topic, payload, min(flags >> 3 & 0x03, 1), bool(flags & 0x20))
    username = fields.text() if flags & 0x80 else None
    password = fields.text() if flags & 0x40 else None
    return Greeting(
        client_id,
        clean=bool(flags & 0x02),
        keepalive_s=keepalive_s,
        level=level,
        username=username,
        password=password,
        will=will,
    )


def read_publish(packet: Packet) -> tuple[Message, int]:
    """The message of a PUBLISH packet and its number (0 for quality 0)."""
    body, qos = packet.body, packet.flags >> 1 & 0x03
    topic_end = 2 + int.from_bytes(body[:2], "big")
    payload_at = topic_end + 2 if qos else topic_end
    if payload_at > len(body):
        raise ProtocolFaultError("truncated packet")
    topic = _decoded(body[2:topic_end])
    if qos == 3 or not topic or "+" in topic or "#" in topic:
        raise ProtocolFaultError("malformed publish")
    mid = int.from_bytes(body[topic_end:payload_at], "big")
    return Message(topic, body[payload_at:], qos, bool(packet.flags & 0x01)), mid


def read_filters(packet: Packet) -> tuple[int, list[tuple[str, int]]]:
    """The number and the (filter, quality) pairs of a SUBSCRIBE or UNSUBSCRIBE packet."""
    fields = _Fields(packet.body)
    mid = fields.number()
    wanted: list[tuple[str, int]] = []
    while fields.more:
        topic_filter = fields.text()
        qos = fields.byte() if packet.kind is PacketType.SUBSCRIBE else 0
        if qos > 2:
            raise ProtocolFaultError("malformed subscription")
        wanted.append((topic_filter, qos))
    if not wanted:
        raise ProtocolFaultError("no topic filter")
    return mid, wanted


def read_number(packet: Packet) -> int:
    """The number in an acknowledgement packet."""
    if len(packet.body) < 2:
        raise ProtocolFaultError("truncated packet")
    return int.from_bytes(packet.body[:2], "big")


def packet_bytes(kind: PacketType, flags: int, body: bytes) -> bytes:
    """A whole packet with its fixed header."""
    length = len(body)
    if length < 0x80:
        return bytes((kind << 4 | flags, length)) + body
    header = bytearray([kind << 4 | flags])
    while True:
        length, digit = length >> 7, length & 0x7F
        header.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(header) + body


def publish_bytes(message: Message, mid: int, *, dup: bool) -> bytes:
    """A PUBLISH packet for one receiver."""
    topic = message.topic.encode("utf-8")
    number = struct.pack("!H", mid) if message.qos else b""
    flags = dup << 3 | message.qos << 1 | message.retain
    body = struct.pack("!H", len(topic)) + topic + number + message.payload
    return packet_bytes(PacketType.PUBLISH, flags, body)


def connect_bytes(greeting: Greeting) -> bytes:
    """A client's first words. ValueError for a last will, which this side never leaves."""
    if greeting.will is not None:
        raise ValueError("a last will is not written here")
    flags = greeting.clean << 1
    fields = [greeting.client_id]
    for bit, text in ((0x80, greeting.username), (0x40, greeting.password)):
        if text is not None:
            flags |= bit
            fields.append(text)
    head = _text_bytes("MQTT") + struct.pack("!BBH", greeting.level, flags, greeting.keepalive_s)
    return packet_bytes(PacketType.CONNECT, 0, head + b"".join(_text_bytes(one) for one in fields))


def subscribe_bytes(mid: int, wanted: Iterable[tuple[str, int]]) -> bytes:
    """A SUBSCRIBE packet for (filter, quality) pairs."""
    body = b"".join(_text_bytes(topic) + bytes([qos]) for topic, qos in wanted)
    return packet_bytes(PacketType.SUBSCRIBE, 0x02, struct.pack("!H", mid) + body)


def _text_bytes(text: str) -> bytes:
    raw = text.encode("utf-8")
    return struct.pack("!H", len(raw)) + raw


def connack_bytes(code: ConnectCode, *, session_present: bool) -> bytes:
    """The broker's answer to a greeting."""
    return packet_bytes(PacketType.CONNACK, 0, bytes([session_present, code]))


def numbered_bytes(kind: PacketType, mid: int, codes: bytes = b"") -> bytes:
    """An acknowledgement of one numbered packet."""
    flags = 0x02 if kind is PacketType.PUBREL else 0
    return packet_bytes(kind, flags, struct.pack("!H", mid) + codes)
