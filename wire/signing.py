"""Signed orders: Ed25519 over the topic and the RFC 8785 form, so that a device obeys only us."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, tzinfo
from enum import StrEnum
from typing import cast

import msgspec
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from model.orders import BollardOrder, TerminalOrder
from wire.codec import to_members
from wire.refusals import printable
from wire.strict_json import (
    MAX_MESSAGE_BYTES,
    DuplicateMemberError,
    NotFiniteError,
    parse_members,
)
from wire.topics import checked_id

Order = TerminalOrder | BollardOrder

_SIGNATURE_CHARACTERS = 86
_LARGEST_INTEGER = 2**53 - 1
_SORTED = msgspec.json.Encoder(order="sorted")


class SignatureReason(StrEnum):
    """Why an order was not taken for ours."""

    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    DUPLICATE_MEMBER = "duplicate_member"
    NOT_INTEGER = "not_integer"
    UNSIGNED = "unsigned"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    NOT_AN_ORDER = "not_an_order"


class SignatureRefusal(msgspec.Struct, frozen=True, kw_only=True):
    """An order that must not be obeyed, and why."""

    reason: SignatureReason
    detail: str = ""


class _RefusedOrderError(Exception):
    def __init__(self, reason: SignatureReason, detail: str = "") -> None:
        self.refusal = SignatureRefusal(reason=reason, detail=printable(detail, 200))


def signed_bytes(topic: str, members: Mapping[str, object]) -> bytes:
    """What is signed: full topic, one line feed, RFC 8785 form of all members but `signature`.

    Raises ValueError for a number that is not an integer within ±(2^53 - 1), or for text that is
    not Unicode.
    """
    unsigned = {name: value for name, value in members.items() if name != "signature"}
    return topic.encode() + b"\n" + _canonical(unsigned)


def _canonical(members: dict[str, object]) -> bytes:
    """The RFC 8785 form. Without fractions and with ASCII names it is plain sorted JSON, which is
    written fifty times faster; names beyond ASCII sort by UTF-16, which only the library knows."""
    if _check_values(members):
        return _SORTED.encode(members)
    return rfc8785.dumps(cast("dict[str, str]", members))


def _check_values(value: object) -> bool:
    """Refuse what no order may carry; whether every name is ASCII."""
    if isinstance(value, dict):
        plain = [_check_values(item) for item in value.values()]
        return all(plain) and all(name.isascii() for name in value)
    if isinstance(value, list):
        plain = [_check_values(item) for item in value]
        return all(plain)
    if isinstance(value, float) or (isinstance(value, int) and abs(value) > _LARGEST_INTEGER):
        raise ValueError("orders carry integers within 2^53 only")
    return True


class OrderSigner:
    """Signs orders with the service's key; stamps are written in the site's time zone."""

    def __init__(self, private: Ed25519PrivateKey, key_id: str, *, tz: tzinfo = UTC) -> None:
        self._private = private
        self.key_id = checked_id(key_id)
        self._tz = tz

    def sign(self, topic: str, order: Order) -> bytes:
        """The exact message to send on this topic. A repeat must send these same bytes.

        The order's own `key` and `signature` are replaced. ValueError for an order that would
        not be accepted (a counter beyond 2^53, more than 64 KiB).
        """
        members = to_members(order, tz=self._tz)
        members["key"] = self.key_id
        signature = self._private.sign(signed_bytes(topic, members))
        members["signature"] = encode_base64url(signature)
        payload = msgspec.json.encode(members)
        if len(payload) > MAX_MESSAGE_BYTES:
            raise ValueError(f"an order of {len(payload)} bytes is beyond the contract")
        return payload


def verify_order(
    topic: str, payload: bytes, keys: Mapping[str, Ed25519PublicKey]
) -> Order | SignatureRefusal:
    """The order that our service sent on this topic, or why it is not ours.

    `keys` are the public keys that the device holds, by id. Members that the contract does not
    name are part of what was signed and are otherwise ignored.
    """
    try:
        members = _order_members(payload)
        _check_signature(topic, members, keys)
        return _typed_order(topic, payload)
    except _RefusedOrderError as refused:
        return refused.refusal


def _order_members(payload: bytes) -> dict[str, object]:
    if len(payload) > MAX_MESSAGE_BYTES:
        raise _RefusedOrderError(SignatureReason.TOO_LARGE, f"{len(payload)} bytes")
    try:
        members = parse_members(payload)
    except DuplicateMemberError as error:
        raise _RefusedOrderError(SignatureReason.DUPLICATE_MEMBER, str(error)) from error
    except NotFiniteError as error:
        raise _RefusedOrderError(SignatureReason.NOT_INTEGER, str(error)) from error
    except (ValueError, RecursionError) as error:
        raise _RefusedOrderError(SignatureReason.NOT_JSON, str(error)) from error
    if not isinstance(members, dict):
        raise _RefusedOrderError(SignatureReason.NOT_AN_ORDER, "not an object")
    return members


def _check_signature(
    topic: str, members: dict[str, object], keys: Mapping[str, Ed25519PublicKey]
) -> None:
    text, key_id = members.get("signature"), members.get("key")
    if not isinstance(text, str) or not isinstance(key_id, str) or not text:
        raise _RefusedOrderError(SignatureReason.UNSIGNED)
    public = keys.get(key_id)
    if public is None:
        raise _RefusedOrderError(SignatureReason.UNKNOWN_KEY, key_id)
    try:
        signed = signed_bytes(topic, members)
    except ValueError as error:
        raise _RefusedOrderError(SignatureReason.NOT_INTEGER, str(error)) from error
    try:
        if len(text) != _SIGNATURE_CHARACTERS:
            raise _RefusedOrderError(SignatureReason.BAD_SIGNATURE, "not 86 characters")
        public.verify(decode_base64url(text), signed)
    except (InvalidSignature, ValueError) as error:
        raise _RefusedOrderError(SignatureReason.BAD_SIGNATURE) from error


def _typed_order(topic: str, payload: bytes) -> Order:
    kind = topic.split("/")[-3:-2]
    try:
        if kind == ["terminal"]:
            return msgspec.json.decode(payload, type=TerminalOrder)
        if kind == ["bollard"]:
            return msgspec.json.decode(payload, type=BollardOrder)
    except msgspec.DecodeError as error:
        raise _RefusedOrderError(SignatureReason.NOT_AN_ORDER, str(error)) from error
    raise _RefusedOrderError(SignatureReason.NOT_AN_ORDER, "no topic of orders")


def encode_base64url(raw: bytes) -> str:
    """Base64url without padding (RFC 4648 §5)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode_base64url(text: str) -> bytes:
    """The bytes of base64url without padding; ValueError for anything else, spare bits included."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("not base64url") from error
    if encode_base64url(raw) != text:
        raise ValueError("not base64url without padding")
    return raw
