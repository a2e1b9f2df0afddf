"""What a browser is shown of each thing in the room: plain cards, numbers with their times.

Absent numbers are absent, never zero. Every time is the field's own unless it says otherwise.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec

from console.ports import Backlog
from model.announcements import Announcement
from model.cases import Case, Transition
from model.dispatch import Dispatch
from model.duty import ArmedEntrance
from model.facts import BollardPosition, LoopState
from model.health import HealthState
from model.level import Level, Sight
from model.orders import OrderState
from model.text import Bilingual


class Card(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing in the room, as sent to browsers."""


class Health(Card, frozen=True, kw_only=True):
    """Whether a device can be relied on, since when, and why not."""

    state: HealthState
    since: datetime | None = None
    reason: str | None = None
    last_seen: datetime | None = None


UNHEARD = Health(state=HealthState.WAITING)


class ZoneCard(Card, frozen=True, kw_only=True):
    """A zone's fused reading and the level in force there.

    `seen_at` of a blind zone is when it was last seen, where that is known.
    """

    at: datetime
    sight: Sight
    level: Level | None = None
    capacity: float
    occupancy: float | None = None
    occupancy_low: float | None = None
    occupancy_high: float | None = None
    density_p_m2: float | None = None
    peak_p_m2: float | None = None
    seen_at: datetime | None = None
    cameras_live: int = 0
    cameras_total: int = 0
    reasons: tuple[str, ...] = ()


class CameraCard(Card, frozen=True, kw_only=True):
    """A camera's last reading; `count` stands only where the last reading was live."""

    health: Health
    sight: Sight | None = None
    at: datetime | None = None
    count: float | None = None
    count_low: float | None = None
    count_high: float | None = None
    density_p_m2: float | None = None
    peak_p_m2: float | None = None
    speed_m_s: float | None = None
    direction_deg: float | None = None
    counterflow: float | None = None
    reason: str | None = None
    model: str | None = None


class CaseCard(Card, frozen=True, kw_only=True):
    """A case with its history, newest step last."""

    case: Case
    history: tuple[Transition, ...] = ()


class OrderCard(Card, frozen=True, kw_only=True):
    """What one device was asked to do and how far that got; `stages` are the device's own times."""

    device: str
    kind: Literal["terminal", "bollard"]
    action: str
    state: OrderState
    issued: datetime
    expires: datetime
    changed: datetime
    case: str | None = None
    reason: str | None = None
    attempts: int = 0
    exercise: bool = False
    level: Level | None = None
    text: Bilingual | None = None
    stages: dict[str, datetime] = {}


class TerminalCard(Card, frozen=True, kw_only=True):
    """A warning terminal's health; its orders stand in their own section."""

    health: Health


class Guard(StrEnum):
    """What a bollard lane does against vehicles at this moment, as far as it is proven."""

    PROTECTING = "protecting"
    OPEN = "open"
    MOVING = "moving"
    NOT_PROTECTING = "not_protecting"


class LaneCard(Card, frozen=True, kw_only=True):
    """One bollard lane. `why` names what keeps it from being proven healthy."""

    health: Health
    guard: Guard
    why: str | None = None
    position: BollardPosition | None = None
    loop: LoopState | None = None
    loop_age_ms: int | None = None
    fault: str | None = None
    at: datetime | None = None


class Measured(Card, frozen=True, kw_only=True):
    """A sensor's last value of one quantity."""

    value: float
    unit: str
    at: datetime


class RaisedAlarm(Card, frozen=True, kw_only=True):
    """A hazard that a detector has raised and not cleared."""

    hazard: str
    at: datetime
    text: str | None = None


class SensorCard(Card, frozen=True, kw_only=True):
    """A sensor's last values by quantity and its standing alarms by id."""

    health: Health
    values: dict[str, Measured] = {}
    alarms: dict[str, RaisedAlarm] = {}


class CounterCard(Card, frozen=True, kw_only=True):
    """A gate counter's totals since its boot, and people a minute over the last minute."""

    health: Health
    at: datetime | None = None
    in_total: int | None = None
    out_total: int | None = None
    in_per_min: float | None = None
    out_per_min: float | None = None


class DispatchCard(Card, frozen=True, kw_only=True):
    """A reported problem with its hectare, and when it leaves the daily and the weekly clearing."""

    dispatch: Dispatch
    cell: str | None = None
    weekly_from: datetime
    escalated_from: datetime


class EntranceCard(Card, frozen=True, kw_only=True):
    """An entrance that stands armed: who armed it, until when, and who may confirm."""

    armed: ArmedEntrance


class AnnouncementCard(Card, frozen=True, kw_only=True):
    """A typed message that stands on terminals or waits for a second person."""

    announcement: Announcement


class DutyCard(Card, frozen=True, kw_only=True):
    """A person on duty, and since when."""

    since: datetime


class ServiceCard(Card, frozen=True, kw_only=True):
    """The service itself: its last commit, messages refused since its start by reason, and what
    waits for the time-series server; no backlog where the site names none."""

    commit: int
    at: datetime | None = None
    refused: dict[str, int] = {}
    backlog: Backlog | None = None


AnyCard = (
    ZoneCard
    | CameraCard
    | CaseCard
    | OrderCard
    | TerminalCard
    | LaneCard
    | SensorCard
    | CounterCard
    | DispatchCard
    | ServiceCard
    | EntranceCard
    | DutyCard
    | AnnouncementCard
)


class Section(StrEnum):
    """Where a card stands in the room."""

    ZONES = "zones"
    CAMERAS = "cameras"
    CASES = "cases"
    ORDERS = "orders"
    TERMINALS = "terminals"
    LANES = "lanes"
    SENSORS = "sensors"
    COUNTERS = "counters"
    DISPATCHES = "dispatches"
    SERVICE = "service"
    ENTRANCES = "entrances"
    DUTY = "duty"
    ANNOUNCEMENTS = "announcements"
