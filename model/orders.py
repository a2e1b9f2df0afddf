"""Orders: what a device must do. Written before sent, signed, obeyed at most once."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from model.facts import DeviceKind, Id, Stamp
from model.level import Level
from model.text import Bilingual

Signature = Annotated[str, msgspec.Meta(max_length=128)]
Speech = Annotated[str, msgspec.Meta(max_length=1000)]


class Motion(StrEnum):
    """What a bollard lane is asked to do; `report` asks for its state."""

    RAISE = "raise"
    LOWER = "lower"
    STOP = "stop"
    REPORT = "report"


class TerminalOrder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Show and speak a text, or withdraw everything of one warning.

    `speech` holds the words to speak, empty for a silent screen; with `repeat_s` they are spoken
    again every so many seconds until the order expires or is taken back. `audio` is the address of a
    WAV with the same words, for a terminal that only plays; its last part is the SHA-256 of the file.
    The signature is made over the topic and every other member; it is empty on an order that was not
    signed yet.
    """

    id: Id
    counter: int
    issued: Stamp
    expires: Stamp
    action: Literal["show", "cancel"]
    warning: Id
    level: Level
    exercise: bool
    text: Bilingual
    speech: Speech
    volume: Annotated[int, msgspec.Meta(ge=0, le=100)] | None = None
    repeat_s: Annotated[int, msgspec.Meta(ge=1, le=3600)] | None = None
    audio: Annotated[str, msgspec.Meta(max_length=500)] | None = None
    key: Id
    signature: Signature


class BollardOrder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Ask one lane's controller to move, to stop or to report."""

    id: Id
    counter: int
    issued: Stamp
    expires: Stamp
    motion: Motion
    exercise: bool
    key: Id
    signature: Signature


class OrderState(StrEnum):
    """Where an order stands on its way to the field, as the outbox knows it."""

    WRITTEN = "written"
    SENT = "sent"
    RECEIVED = "received"
    PLAYED = "played"
    CONFIRMED = "confirmed"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


FINAL_ORDER_STATES = frozenset(
    {
        OrderState.CONFIRMED,
        OrderState.DONE,
        OrderState.REFUSED,
        OrderState.FAILED,
        OrderState.EXPIRED,
        OrderState.WITHDRAWN,
    }
)


class OrderRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An order with its way to the field: what was asked, for which case, and what came back.

    `kind` is a terminal or a bollard. `reason` is the device's or our own named reason for a refusal, failure or withdrawal.
    `payload` is the exact signed JSON that leaves; a repeat sends the same bytes.
    """

    id: Id
    kind: DeviceKind
    device: Id
    case: Id | None
    action: str
    counter: int
    issued: datetime
    expires: datetime
    payload: bytes
    state: OrderState
    attempts: int = 0
    changed: datetime
    reason: str | None = None
