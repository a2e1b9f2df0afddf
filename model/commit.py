"""One committed step: what the store took in and what was decided on it, for those who watch."""

from __future__ import annotations

import msgspec

from model.announcements import Announcement
from model.calls import Call
from model.cases import Case, Transition
from model.duty import ArmedEntrance, OnDuty
from model.facts import Fact, Stamp, Word
from model.health import DeviceHealth
from model.level import Level
from model.orders import OrderRecord
from model.zones import ZoneView


class ZoneJudgement(msgspec.Struct, frozen=True, kw_only=True):
    """A zone's fused view with the warning level in force there."""

    view: ZoneView
    level: Level | None


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that became durable at once; `serial` only grows within one run of the service.

    `duty`, `armed` and `announcements` are the whole of what stands, and absent where unchanged.
    """

    serial: int
    at: Stamp
    facts: tuple[Fact, ...] = ()
    zones: tuple[ZoneJudgement, ...] = ()
    cases: tuple[Case, ...] = ()
    transitions: tuple[Transition, ...] = ()
    orders: tuple[OrderRecord, ...] = ()
    health: tuple[DeviceHealth, ...] = ()
    refused: dict[Word, int] = {}
    calls: tuple[Call, ...] = ()
    duty: tuple[OnDuty, ...] | None = None
    armed: tuple[ArmedEntrance, ...] | None = None
    announcements: tuple[Announcement, ...] | None = None
