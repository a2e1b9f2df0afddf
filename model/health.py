"""Whether a device can be relied on at this moment."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from model.facts import DeviceKind, Id, Stamp


class HealthState(StrEnum):
    """What the room believes of a device; `waiting` has not been heard since the start."""

    WAITING = "waiting"
    ONLINE = "online"
    BLIND = "blind"
    FAULT = "fault"
    SILENT = "silent"
    OFFLINE = "offline"


WELL_STATES = frozenset({HealthState.WAITING, HealthState.ONLINE})

OVERLOADED: Final = "overloaded"
"""The reason of a worker that does not keep up, and of a camera whose pictures wait unread for it."""


class DeviceHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One device's health, since when, and the named reason where it is not well."""

    kind: DeviceKind
    id: Id
    state: HealthState
    since: Stamp
    last_seen: datetime | None = None
    reason: str | None = None

    @property
    def waits_for_its_worker(self) -> bool:
        """A camera that its worker is too slow for: the worker's case tells it, the camera has none."""
        return self.kind is DeviceKind.CAMERA and self.reason == OVERLOADED
