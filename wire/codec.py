"""What a message on the broker says: strict decoding into facts, and encoding of what we publish."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Protocol, get_args

import msgspec

from config.schema import SiteFile
from model.facts import (
    BollardReceipt,
    BollardState,
    CounterReading,
    DensityBlind,
    DensityLive,
    DeviceKind,
    DeviceStatus,
    Fact,
    SensorAlarm,
    SensorReading,
    TerminalReceipt,
)
from model.zones import ZoneState
from wire.faults import RefusedError, check_sense, check_stamp, replay_age_s, type_fault
from wire.refusals import BoundedTally, Cleared, Refusal, RefusalReason, printable
from wire.strict_json import (
    MAX_MESSAGE_BYTES,
    DuplicateMemberError,
    NotFiniteError,
    parse_members,
)
from wire.topics import Address, Direction, TopicFault, Topics

MAX_WORKERS = 256

FieldBody = (
    DeviceStatus
    | DensityLive
    | DensityBlind
    | CounterReading
    | SensorReading
    | SensorAlarm
    | TerminalReceipt
    | BollardReceipt
    | BollardState
)
Decoded = Fact | Refusal | Cleared


class _BodyDecoder(Protocol):
    def decode(self, buf: bytes, /) -> FieldBody: ...


_STATUS = msgspec.json.Decoder(DeviceStatus)
_DECODERS: dict[tuple[str, str], _BodyDecoder] = {
    ("camera", "status"): _STATUS,
    ("counter", "status"): _STATUS,
    ("sensor", "status"): _STATUS,
    ("terminal", "status"): _STATUS,
    ("bollard", "status"): _STATUS,
    ("worker", "status"): _STATUS,
    ("camera", "density"): msgspec.json.Decoder(DensityLive | DensityBlind),
    ("counter", "count"): msgspec.json.Decoder(CounterReading),
    ("sensor", "reading"): msgspec.json.Decoder(SensorReading),
    ("sensor", "alarm"): msgspec.json.Decoder(SensorAlarm),
    ("terminal", "receipt"): msgspec.json.Decoder(TerminalReceipt),
    ("bollard", "receipt"): msgspec.json.Decoder(BollardReceipt),
    ("bollard", "state"): msgspec.json.Decoder(BollardState),
}
_NAMES = {
    body: frozenset(body.__struct_fields__) | {body.__struct_config__.tag_field}
    for body in get_args(FieldBody)
}
"""The members that the contract names, and the one that tells two bodies of a topic apart."""


def known_devices(site: SiteFile) -> dict[DeviceKind, frozenset[str]]:
    """The ids that may speak, by kind, as the site file lists them."""
    return {
        DeviceKind.CAMERA: frozenset(entry.id for entry in site.cameras),
        DeviceKind.COUNTER: frozenset(entry.id for entry in site.counters),
        DeviceKind.SENSOR: frozenset(entry.id for entry in site.sensors),
        DeviceKind.TERMINAL: frozenset(entry.id for entry in site.terminals),
        DeviceKind.BOLLARD: frozenset(entry.id for entry in site.bollards),
    }


class Decoder:
    """Turns messages into facts, or says by name why not. Never raises, whatever arrives.

    Workers are not listed in a site file: any id of the contract may report as one, up to
    MAX_WORKERS of them. `unknown_fields` counts members that the contract does not name, by
    `<kind>/<leaf>.<member>`.
    """

    def __init__(self, topics: Topics, known: Mapping[DeviceKind, Collection[str]]) -> None:
        self._topics = topics
        self._known = {kind.value: frozenset(ids) for kind, ids in known.items()}
        self._workers: set[str] = set()
        self.unknown_fields = BoundedTally(256)

    @classmethod
    def for_site(cls, site: SiteFile) -> Decoder:
        """A decoder that knows the devices of one site."""
        return cls(Topics(site.site.id), known_devices(site))

    def source_of(self, topic: str) -> str:
        """`<kind>/<id>` of a known device's topic, empty for any other."""
        address = self._topics.parse(topic)
        return _name(address) if address is not None and self._is_known(address) else ""

    def decode(
        self, topic: str, payload: bytes, *, retained: bool, arrived: datetime, mono: float
    ) -> Decoded:
        """One message as a fact, a clearing, or a refusal with its reason.

        `retained` says that the broker replayed a kept message to a new listener; `arrived` and
        `mono` are the two clocks at its arrival.
        """
        if not payload:
            return Cleared(topic=printable(topic, 256))
        source = ""
        try:
            address = self._address(topic)
            source = _name(address)
            body = self._body(address, payload)
            check_stamp(body, body.at, arrived, replayed=retained)
        except RefusedError as refused:
            return Refusal(
                reason=refused.reason,
                topic=printable(topic, 256),
                source=source,
                where=printable(refused.where, 128),
                detail=printable(refused.detail, 200),
                at=refused.at,
            )
        return Fact(
            kind=DeviceKind(address.kind),
            source=address.device,
            arrived=arrived,
            arrived_monotonic_s=mono - replay_age_s(body, arrived) if retained else mono,
            body=body,
        )

    def _address(self, topic: str) -> Address:
        address = self._topics.classify(topic)
        if isinstance(address, TopicFault):
            raise RefusedError(RefusalReason(address.value))
        if address.row.direction is not Direction.FROM_FIELD:
            raise RefusedError(RefusalReason.UNKNOWN_TOPIC, detail="not the field's to say")
        if not self._is_known(address):
            raise RefusedError(RefusalReason.UNKNOWN_DEVICE)
        return address

    def _is_known(self, address: Address) -> bool:
        if address.kind != "worker":
            return address.device in self._known.get(address.kind, ())
        if address.device not in self._workers and len(self._workers) < MAX_WORKERS:
            self._workers.add(address.device)
        return address.device in self._workers

    def _body(self, address: Address, payload: bytes) -> FieldBody:
        members = _members(payload)
        try:
            body = _DECODERS[address.kind, address.leaf].decode(payload)
        except msgspec.ValidationError as error:
            raise type_fault(error) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RefusedError(RefusalReason.NOT_JSON, detail=str(error)) from error
        check_sense(body, members)
        self._count_unknown(address, body, members)
        return body

    def _count_unknown(self, address: Address, body: FieldBody, members: dict[str, object]) -> None:
        for name in sorted(members.keys() - _NAMES[type(body)]):
            self.unknown_fields.add(f"{address.kind}/{address.leaf}.{printable(name, 64)}")


def _name(address: Address) -> str:
    return f"{address.kind}/{address.device}"


def _members(payload: bytes) -> dict[str, object]:
    if len(payload) > MAX_MESSAGE_BYTES:
        raise RefusedError(RefusalReason.TOO_LARGE, detail=f"{len(payload)} bytes")
    try:
        members = parse_members(payload)
    except DuplicateMemberError as error:
        raise RefusedError(RefusalReason.DUPLICATE_MEMBER, where=f"$..{error}") from error
    except NotFiniteError as error:
        raise RefusedError(RefusalReason.NOT_FINITE, detail=str(error)) from error
    except (ValueError, RecursionError) as error:
        raise RefusedError(RefusalReason.NOT_JSON, detail=str(error)) from error
    if not isinstance(members, dict):
        detail = f"expected an object, got {type(members).__name__}"
        raise RefusedError(RefusalReason.WRONG_TYPE, where="$", detail=detail)
    return members


_STAMPS = (datetime,)
_PLAIN_ALREADY = frozenset({str, int, bool})
_NONE_STAYS: frozenset[str] = frozenset()
_NULL_STAYS: dict[type[msgspec.Struct], frozenset[str]] = {ZoneState: frozenset({"level"})}


def encode(message: msgspec.Struct, *, tz: tzinfo = UTC) -> bytes:
    """A message as JSON in UTF-8: stamps with a numeric offset, absent members left out.

    The level of a zone in calm is the one null that is written. ValueError for NaN or infinity
    and for a message beyond 64 KiB.
    """
    payload = msgspec.json.encode(to_members(message, tz=tz))
    if len(payload) > MAX_MESSAGE_BYTES:
        raise ValueError(f"{type(message).__name__} of {len(payload)} bytes is beyond the contract")
    return payload


def to_members(message: msgspec.Struct, *, tz: tzinfo = UTC) -> dict[str, object]:
    """A message as plain JSON values, by the rules of `encode`."""
    raw = msgspec.to_builtins(message, builtin_types=_STAMPS)
    keep = _NULL_STAYS.get(type(message), _NONE_STAYS)
    return {
        name: value if type(value) in _PLAIN_ALREADY else _plain(value, tz)
        for name, value in raw.items()
        if value is not None or name in keep
    }


def _plain(value: object, tz: tzinfo) -> object:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("a number that is not finite is never published")
        return value
    if isinstance(value, datetime):
        return value.astimezone(tz).isoformat(timespec="milliseconds")
    if isinstance(value, dict):
        return {name: _plain(item, tz) for name, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_plain(item, tz) for item in value]
    return value
