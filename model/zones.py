"""What is known of one zone at one moment."""

from __future__ import annotations

from datetime import datetime

import msgspec

from model.facts import Density, Id, People, Stamp
from model.level import Level, Sight


class ForecastPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A zone's expected density at a moment to come, with its interval."""

    at: Stamp
    density_p_m2: Density
    low: Density
    high: Density


class ZoneView(msgspec.Struct, frozen=True, kw_only=True):
    """A zone's fused reading: live, partly covered, or blind without any number.

    `seen_at` is the oldest field time of the live pictures in the sum, or of the gates' counts; `peak_p_m2` the highest
    local density of any camera on the zone. Where gates count a zone and nobody knows how many were
    inside before, there are lower bounds only (`occupancy_low`, `density_low_p_m2`). `reasons` names why sight is not live. `counterflow`,
    `pressure_s2` and `flow_share` (speed over the speed expected at that density) are the worst of
    any camera that measured motion. `day_load` is today's visitors over the daily capacity.
    """

    zone: Id
    at: Stamp
    sight: Sight
    capacity: People
    occupancy: People | None = None
    occupancy_low: People | None = None
    occupancy_high: People | None = None
    density_p_m2: Density | None = None
    density_low_p_m2: Density | None = None
    peak_p_m2: Density | None = None
    seen_at: datetime | None = None
    cameras_live: int = 0
    cameras_total: int = 0
    reasons: tuple[str, ...] = ()
    counterflow: float | None = None
    pressure_s2: float | None = None
    flow_share: float | None = None
    day_load: float | None = None
    forecast: tuple[ForecastPoint, ...] = ()


class ZoneState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A zone as published to everyone: its view with the warning level in force."""

    at: Stamp
    sight: Sight
    level: Level | None
    capacity: People
    occupancy: People | None = None
    occupancy_low: People | None = None
    occupancy_high: People | None = None
    density_p_m2: Density | None = None
    peak_p_m2: Density | None = None
    seen_at: datetime | None = None
    forecast: list[ForecastPoint]
