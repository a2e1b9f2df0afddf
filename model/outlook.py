"""What is and what will be: how full the site is against its capacity, and what is expected of the day.

Absent numbers are unknown, never zero; every answer says as of when it holds.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

import msgspec

from model.facts import Id, Stamp
from model.level import Sight
from model.text import Bilingual
from model.zones import ForecastPoint


class StaySource(StrEnum):
    """Where a mean stay comes from."""

    MEASURED = "measured"
    SITE_FILE = "site_file"


class CapacityLine(msgspec.Struct, frozen=True, kw_only=True):
    """One zone, or the site as a whole, against its capacity by LB/T 034-2014.

    Instantaneous capacity is area over area per visitor; daily capacity is that times opening time over mean
    stay. `load_pct` is people present over the first, `day_load_pct` visitors of the day over the second.
    `turnover` is how often the instantaneous capacity was filled by today's visitors, `turnover_at_most` how
    often it can be. `near_limit` is set from 80 % of either on.
    """

    capacity: float
    day_capacity: float
    sight: Sight
    people: float | None = None
    people_low: float | None = None
    people_high: float | None = None
    load_pct: float | None = None
    visitors_today: float | None = None
    day_load_pct: float | None = None
    turnover: float | None = None
    turnover_at_most: float
    mean_stay_min: float
    mean_stay_source: StaySource
    near_limit: bool
    zones_unseen: tuple[Id, ...] = ()


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """The site and its zones against their capacity."""

    at: Stamp
    open_min: float
    site: CapacityLine
    zones: dict[Id, CapacityLine]


class DayOutlook(msgspec.Struct, frozen=True, kw_only=True):
    """What is expected of one day: visitors in all, with bounds that hold in 80 % of days, and the peak.

    `counted` and `expected` are visitors by hour of the day, `present` the people expected on the site at once.
    The peak lasts from `peak_from` to `peak_to` (whole hours of the site's time) and is `peak_people` high.
    `notes` name why the forecast is worth less than usual.
    """

    day: dt.date
    hour: int
    visitors: float | None = None
    low: float | None = None
    high: float | None = None
    counted: tuple[float | None, ...] = ()
    expected: tuple[float, ...] = ()
    present: tuple[float, ...] = ()
    peak_from: int | None = None
    peak_to: int | None = None
    peak_people: float | None = None
    peak_low: float | None = None
    peak_high: float | None = None
    holiday: str | None = None
    moved_working_day: bool = False
    events: tuple[Bilingual, ...] = ()
    history_days: int = 0
    notes: tuple[str, ...] = ()


class DayError(msgspec.Struct, frozen=True, kw_only=True):
    """One past day's forecast beside what came."""

    day: dt.date
    hour: int
    forecast: float
    low: float
    high: float
    came: float


class ForecastError(msgspec.Struct, frozen=True, kw_only=True):
    """How far the day's forecasts at one hour were from what came, over the last weeks."""

    hour: int
    days: int
    wape: float | None
    wape_last_week: float | None
    peak_hit_1h: float | None
    coverage_80: float | None


class AheadError(msgspec.Struct, frozen=True, kw_only=True):
    """How far zones' densities some minutes ahead were from what came."""

    minutes: int
    samples: int
    mae_p_m2: float | None
    mae_unchanged_p_m2: float | None
    coverage_80: float | None


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """The forecast as the room sees it: the day, each zone's next hour, and how good both were."""

    at: Stamp
    today: DayOutlook | None
    tomorrow: DayOutlook | None
    zones: dict[Id, tuple[ForecastPoint, ...]]
    errors: tuple[ForecastError, ...] = ()
    days: tuple[DayError, ...] = ()
    ahead: tuple[AheadError, ...] = ()
