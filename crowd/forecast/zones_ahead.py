"""The zones' next hour, read from and worked out of the store: grids of five minutes, and points to publish."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from crowd.forecast.nowcast import (
    AHEAD_SLOTS,
    BACK_SLOTS,
    LEARN_DAYS,
    SLOT_S,
    Grid,
    Nowcaster,
    local_slots,
)
from crowd.forecast.record import Series
from model.level import Sight
from model.zones import ForecastPoint, ZoneView

IsFree = Callable[[dt.date], bool]
_SLOT: Final = timedelta(seconds=SLOT_S)


class ZonesAhead:
    """Learns the zones' courses and looks an hour ahead."""

    def __init__(self, zones: Sequence[str], tz: ZoneInfo, store: Series) -> None:
        self._zones = tuple(zones)
        self._tz = tz
        self._store = store

    def learn(self, now: datetime, is_free: IsFree) -> Nowcaster:
        """Learn anew from the last weeks."""
        return Nowcaster.learn(self._grid(now - timedelta(days=LEARN_DAYS), now, 0, is_free))

    def points(
        self,
        learned: Nowcaster,
        now: datetime,
        is_free: IsFree,
        views: Mapping[str, ZoneView],
    ) -> dict[str, tuple[ForecastPoint, ...]]:
        """Every zone that is seen now, 15, 30 and 60 minutes ahead; a blind zone has no point."""
        start = _floor(now) - BACK_SLOTS * _SLOT
        grid = self._grid(start, now, max(AHEAD_SLOTS) + 1, is_free)
        for row, zone in enumerate(self._zones):
            seen = views.get(zone)
            # A zone is stored where it changes; one that stands as it was is still seen.
            if (
                seen is not None
                and seen.density_p_m2 is not None
                and np.isnan(grid.density[row, -1])
            ):
                grid.density[row, -1] = seen.density_p_m2
        ahead = learned.look_ahead(grid)
        found = {}
        for row, zone in enumerate(self._zones):
            view = views.get(zone)
            if view is None or view.sight is Sight.BLIND or not np.isfinite(ahead.expected[row, 0]):
                continue
            found[zone] = tuple(
                ForecastPoint(
                    at=(_floor(now) + slots * _SLOT).astimezone(self._tz),
                    density_p_m2=round(float(ahead.expected[row, place]), 3),
                    low=round(float(ahead.low[row, place]), 3),
                    high=round(float(ahead.high[row, place]), 3),
                )
                for place, slots in enumerate(AHEAD_SLOTS)
            )
        return found

    def _grid(self, start: datetime, now: datetime, further: int, is_free: IsFree) -> Grid:
        """Five-minute means from `start` to now, the slot under way last; times go `further` on."""
        start = _floor(start)
        size = int((_floor(now) - start) / _SLOT) + 1
        density = np.full((len(self._zones), size), np.nan)
        for row, zone in enumerate(self._zones):
            for step in self._store.series(
                "zone", zone, "density_p_m2", start, now + _SLOT, step_s=SLOT_S
            ):
                slot = int((step.at - start) / _SLOT)
                if 0 <= slot < size:
                    density[row, slot] = step.mean
        slot_of_day, dates = local_slots(start, size + further, self._tz)
        free = {date: int(is_free(date)) for date in set(dates)}
        return Grid(
            density=density,
            slot_of_day=slot_of_day,
            free=np.array([free[date] for date in dates]),
        )


def _floor(at: datetime) -> datetime:
    """The beginning of the slot of five minutes that a moment lies in."""
    seconds = at.timestamp()
    return datetime.fromtimestamp(seconds - seconds % SLOT_S, tz=dt.UTC)
