"""What a report holds: the period's figures, whole and checked, before anything is drawn or worded.

Absent numbers are unknown and stay so on the page. Exercises are counted apart and never among the warnings.
"""

from __future__ import annotations

import datetime as dt
from datetime import datetime
from enum import StrEnum

import msgspec

from model.level import Level
from model.outlook import DayError
from model.text import Bilingual


class Period(StrEnum):
    """What a report looks back on."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class Visitors(msgspec.Struct, frozen=True, kw_only=True):
    """People who came: in each step of the period, in all, and in the period before it."""

    steps: tuple[datetime, ...]
    counted: tuple[float | None, ...]
    before: tuple[float | None, ...]
    total: float | None
    total_before: float | None
    busiest_day: dt.date | None = None
    busiest_day_visitors: float | None = None


class Fullest(msgspec.Struct, frozen=True, kw_only=True):
    """The hour in which most were on the site at once, and the share of its capacity that they filled."""

    at: datetime
    people: float
    load_pct: float


class ZoneFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One zone: its fullest moments, and for how long nobody saw it."""

    zone: str
    name: Bilingual
    people_max: float | None
    load_max_pct: float | None
    density_max_p_m2: float | None
    peak_max_p_m2: float | None
    peak_at: datetime | None
    unseen_min: float
    curve: tuple[float | None, ...]


class WarningRow(msgspec.Struct, frozen=True, kw_only=True):
    """One warning: when and where, how high, how soon somebody took it, and how long it lasted."""

    opened: datetime
    zone: Bilingual
    hazard: str
    level: Level
    taken_s: float | None
    owner: Bilingual | None
    lasted_s: float | None


class Responses(msgspec.Struct, frozen=True, kw_only=True):
    """How soon warnings were taken by somebody."""

    warnings: int
    exercises: int
    by_level: dict[Level, int]
    by_hazard: dict[str, int]
    taken: int
    median_s: float | None
    worst_tenth_s: float | None


class Receipts(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the orders to terminals were heard, and how soon half and nearly all of them were."""

    sent: int
    heard: int
    median_s: float | None
    worst_tenth_s: float | None
    by_terminal: tuple[tuple[str, int, int], ...]


class CameraFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Minutes in which one camera saw nothing, told blind or silent."""

    camera: str
    name: Bilingual
    blind_min: float
    silent_min: float


class OperatorFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One person's alarms: how many were taken, and the most within ten minutes (EEMUA 191: at most ten)."""

    person: Bilingual
    taken: int
    most_in_ten_min: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A day, a week or a month of one site."""

    period: Period
    site: Bilingual
    first: dt.date
    last: dt.date
    made_at: datetime
    visitors: Visitors
    fullest: Fullest | None
    capacity: float
    day_capacity: float
    zones: tuple[ZoneFigures, ...]
    warnings: tuple[WarningRow, ...]
    responses: Responses
    receipts: Receipts
    cameras: tuple[CameraFigures, ...]
    operators: tuple[OperatorFigures, ...]
    alarms_per_ten_min: float
    forecasts: tuple[DayError, ...]
    forecast_wape: float | None
    forecast_coverage: float | None
