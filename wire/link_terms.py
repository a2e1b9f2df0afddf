"""The words that a broker link and its callers share: states, bounds, what goes out."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

Confirmed = Callable[[bool], None]


class LinkState(StrEnum):
    """Whether the broker hears us; `refused` is a wrong name or password, `lost` is no answer."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    REFUSED = "refused"
    LOST = "lost"
    STOPPED = "stopped"


class Will(NamedTuple):
    """What the broker says in our name, retained, when we are gone without a word."""

    topic: str
    payload: bytes


class Outgoing(NamedTuple):
    """One message to send, and whom to tell whether the broker took it."""

    topic: str
    payload: bytes
    retain: bool
    qos: int
    confirmed: Confirmed | None


class LinkLimits(NamedTuple):
    """The bounds of a link. Full inbox: reading stops. Full outbox: `publish` answers False."""

    inbox_messages: int = 10_000
    inbox_bytes: int = 32 * 1024 * 1024
    outstanding: int = 5_000
    keepalive_s: int = 10
    answer_s: float = 5.0
