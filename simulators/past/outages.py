"""What failed on a simulated day: cameras that were blind, and counters that were silent."""

from __future__ import annotations

import datetime as dt
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.schema import SiteFile

REASONS: Final = ("black", "frozen", "moved", "offline", "too_dark")
_BLIND_SHARE: Final = 0.12
_SILENT_SHARE: Final = 0.01


class Blindness(msgspec.Struct, frozen=True, kw_only=True):
    """One camera without sight from slot `begin` until before slot `end`, and why."""

    camera: str
    begin: int
    end: int
    reason: str


class Outages(msgspec.Struct, frozen=True, kw_only=True):
    """One day's failures."""

    blind: tuple[Blindness, ...]
    silent_counters: frozenset[str]

    def mask(self, camera: str, slots: int) -> NDArray[np.float64]:
        """One for each slot in which a camera is blind, zero for the others."""
        dark = np.zeros(slots)
        for each in self.blind:
            if each.camera == camera:
                dark[each.begin : each.end] = 1
        return dark

    def reasons(self, camera: str, slots: int) -> list[str | None]:
        """Why a camera is blind in each slot; none where it sees."""
        why: list[str | None] = [None] * slots
        for each in self.blind:
            if each.camera == camera:
                for slot in range(each.begin, min(each.end, slots)):
                    why[slot] = each.reason
        return why


def outages_of(site: SiteFile, day: dt.date, *, seed: int, slots: int) -> Outages:
    """A day's failures: one camera in eight for some minutes to hours, seldom a counter for a whole day."""
    random = np.random.default_rng([seed, day.toordinal(), 2])
    blind = []
    for camera in site.cameras:
        if random.random() >= _BLIND_SHARE:
            continue
        begin = int(random.integers(0, slots))
        length = max(1, int(random.exponential(slots / 24)))
        blind.append(
            Blindness(
                camera=camera.id,
                begin=begin,
                end=min(slots, begin + length),
                reason=str(random.choice(REASONS)),
            )
        )
    silent = frozenset(each.id for each in site.counters if random.random() < _SILENT_SHARE)
    return Outages(blind=tuple(blind), silent_counters=silent)
