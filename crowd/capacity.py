"""How full the site is against what it can carry, by LB/T 034-2014: at this moment and over the day.

C1 = Σ Xi/Yi, usable area over area per visitor; C2 = C1 · T/t, T opening time, t mean stay. These are comfort
figures for opening gates and selling tickets. Whether a crowd is dangerous is judged elsewhere, by density.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from config.schema import SiteFile
from model.level import Sight
from model.outlook import Capacity, CapacityLine, StaySource
from model.zones import ZoneView

NEAR_LIMIT: Final = 0.8
"""Measures begin at this share of either capacity (LB/T 034-2014, section 7)."""

FEWEST_VISITORS: Final = 50.0
"""Fewer visitors than this tell no mean stay: one family would set it."""


class DaySoFar(msgspec.Struct, frozen=True, kw_only=True):
    """What the gates and cameras of one zone, or of the site, said since midnight.

    `visitors` who came in; `person_h` the hours that all of them together were present, over `seen_h` hours.
    """

    visitors: float | None = None
    person_h: float | None = None
    seen_h: float = 0.0


def reckon(
    site: SiteFile,
    views: Mapping[str, ZoneView],
    today: Mapping[str, DaySoFar],
    whole: DaySoFar,
    now: datetime,
) -> Capacity:
    """The site's zones as they are seen, `today`'s counts by zone and those of the `whole` site."""
    open_min = site.visits.open_min
    zones = {}
    for zone in site.zones:
        view = views.get(zone.id)
        stay = zone.mean_stay_min or site.visits.mean_stay_min
        zones[zone.id] = _line(
            zone.capacity, _seen(view), today.get(zone.id, DaySoFar()), stay, open_min
        )
    capacity = sum(zone.capacity for zone in site.zones)
    total = _total(zones.items())
    return Capacity(
        at=now,
        open_min=open_min,
        site=_line(capacity, total, whole, site.visits.mean_stay_min, open_min),
        zones=zones,
    )


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    sight: Sight
    people: float | None = None
    low: float | None = None
    high: float | None = None
    unseen: tuple[str, ...] = ()


def _seen(view: ZoneView | None) -> _Seen:
    if view is None or view.sight is Sight.BLIND:
        return _Seen(sight=Sight.BLIND)
    return _Seen(
        sight=view.sight,
        people=view.occupancy,
        low=view.occupancy_low,
        high=view.occupancy_high,
    )


def _total(zones: Iterable[tuple[str, CapacityLine]]) -> _Seen:
    """The sum of the zones that are seen; what is not seen is named, and is no zero: there is no upper bound."""
    lines = dict(zones)
    unseen = tuple(zone for zone, line in lines.items() if line.people is None)
    seen = [line for line in lines.values() if line.people is not None]
    # A zone of which only a lower bound is known is not seen, and adds that much to the site's.
    low = sum(line.people_low or 0.0 for line in lines.values())
    if not seen:
        known = any(line.people_low is not None for line in lines.values())
        return _Seen(
            sight=Sight.PARTIAL if known else Sight.BLIND,
            low=low if known else None,
            unseen=unseen,
        )
    whole = not unseen and all(line.sight is Sight.LIVE for line in seen)
    return _Seen(
        sight=Sight.LIVE if whole else Sight.PARTIAL,
        people=max(low, sum(line.people or 0.0 for line in seen)),
        low=low,
        high=None if unseen else sum(line.people_high or line.people or 0.0 for line in seen),
        unseen=unseen,
    )


def _line(
    capacity: float, seen: _Seen, day: DaySoFar, planned_stay_min: float, open_min: float
) -> CapacityLine:
    measured = mean_stay_min(day)
    stay = planned_stay_min if measured is None else measured
    # Plans are made with the stay of the site file: a capacity that moves with the day is none.
    day_capacity = capacity * open_min / planned_stay_min
    load = None if seen.people is None else seen.people / capacity
    surely = max(load or 0.0, (seen.low or 0.0) / capacity)
    day_load = None if day.visitors is None else day.visitors / day_capacity
    return CapacityLine(
        capacity=round(capacity, 1),
        day_capacity=round(day_capacity, 1),
        sight=seen.sight,
        people=_rounded(seen.people),
        people_low=_rounded(seen.low),
        people_high=_rounded(seen.high),
        load_pct=None if load is None else round(100 * load, 1),
        visitors_today=_rounded(day.visitors),
        day_load_pct=None if day_load is None else round(100 * day_load, 1),
        turnover=None if day.visitors is None else round(day.visitors / capacity, 2),
        turnover_at_most=round(open_min / planned_stay_min, 2),
        mean_stay_min=round(stay, 1),
        mean_stay_source=StaySource.SITE_FILE if measured is None else StaySource.MEASURED,
        near_limit=max(surely, day_load or 0.0) >= NEAR_LIMIT,
        zones_unseen=seen.unseen,
    )


def mean_stay_min(day: DaySoFar) -> float | None:
    """Minutes that a visitor stays (Little 1961): person-hours over visitors; none from too little."""
    if day.visitors is None or day.person_h is None or day.visitors < FEWEST_VISITORS:
        return None
    return 60.0 * day.person_h / day.visitors


def _rounded(people: float | None) -> float | None:
    return None if people is None else round(people, 1)
