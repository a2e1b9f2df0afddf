"""Coverage: which ground of a zone which cameras see, so that no person is counted twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np

from config.schema import Zone
from crowd.ground import Ground
from crowd.plots import CELL_M, Plot, inside

CELLS_MOST: Final = 20_000


class Patch(msgspec.Struct, frozen=True, kw_only=True):
    """Ground of a zone that exactly these cameras see; no camera for ground that none sees."""

    cameras: frozenset[str]
    area_m2: float


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A number with its bounds: people, or people per m²."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> Estimate:
        """The same, scaled."""
        return Estimate(value=self.value * factor, low=self.low * factor, high=self.high * factor)


UNSEEN_FACTOR: Final = 2.0
"""Ground that nobody sees may be this much fuller than the fullest that was seen."""


class Coverage:
    """A zone's ground cut into patches by the cameras that see it."""

    def __init__(self, zone: Zone, grounds: Mapping[str, Ground]) -> None:
        outline = np.asarray(zone.outline, dtype=np.float64)
        low, high = outline.min(axis=0), outline.max(axis=0)
        cell_m = CELL_M
        while float(np.prod((high - low) / cell_m)) > CELLS_MOST:
            cell_m *= 2
        plot = Plot.over(low, high, cell_m=cell_m)
        places = plot.centres[inside(plot.centres, zone.outline)]
        self.area_m2 = max(len(places), 1) * cell_m**2
        names = sorted(grounds)
        seen = np.array([grounds[name].sees(places) for name in names], dtype=np.bool_)
        seen = seen.reshape(len(names), len(places))
        columns, counts = np.unique(seen, axis=1, return_counts=True)
        self.patches = tuple(
            Patch(
                cameras=frozenset(
                    name for name, sees in zip(names, columns[:, column], strict=True) if sees
                ),
                area_m2=float(count) * cell_m**2,
            )
            for column, count in enumerate(counts)
        )
        self._seen_m2 = {
            name: float(row.sum()) * cell_m**2 for name, row in zip(names, seen, strict=True)
        }

    def seen_by(self, camera: str) -> float:
        """Square metres of the zone that a camera sees."""
        return self._seen_m2.get(camera, 0.0)

    def covered_share(self, cameras: frozenset[str]) -> float:
        """The share of the zone's ground that at least one of the cameras sees."""
        seen = sum(patch.area_m2 for patch in self.patches if patch.cameras & cameras)
        return seen / self.area_m2

    def people(
        self, live: Mapping[str, Estimate], remembered_high: Mapping[str, float]
    ) -> Estimate:
        """People in the zone from densities per m² of the live cameras, of which one must see it.

        Ground that several cameras see has their mean; ground that none sees takes the mean of the
        seen and may be empty.
        """
        seen_m2 = seen_people = low = 0.0
        for patch in self.patches:
            here = [live[camera] for camera in patch.cameras if camera in live]
            if here:
                seen_m2 += patch.area_m2
                seen_people += patch.area_m2 * sum(density.value for density in here) / len(here)
                low += patch.area_m2 * min(density.low for density in here)
        value = seen_people * self.area_m2 / seen_m2
        high = self.most(live, remembered_high)
        return Estimate(value=value, low=min(low, value), high=max(high, value))

    def most(self, live: Mapping[str, Estimate], remembered_high: Mapping[str, float]) -> float:
        """The most people that may be in the zone.

        Ground that no live camera sees may be as full as a camera that went blind last saw it, or
        twice the fullest known: so a camera that goes blind never lowers this bound.
        """
        highs = {name: density.high for name, density in live.items()} | dict(remembered_high)
        fullest = max(highs.values(), default=0.0)
        most = 0.0
        for patch in self.patches:
            here = [highs[camera] for camera in patch.cameras if camera in highs]
            if not patch.cameras & live.keys():
                here.append(UNSEEN_FACTOR * fullest)
            most += patch.area_m2 * max(here)
        return most
