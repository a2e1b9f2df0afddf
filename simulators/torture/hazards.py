"""The hazards of a run: their truth over time, and the values at which people must be told."""

from __future__ import annotations

import msgspec

from model.level import Level
from simulators.torture.script import Script, Steps, steps_of
from simulators.torture.site import CROWDED

CALM_P_M2 = 0.8


class Hazard(msgspec.Struct, frozen=True, kw_only=True):
    """One hazard in one zone: its truth, and the levels that a plan speaks at."""

    zone: str
    hazard: str
    truth: Steps
    levels: dict[Level, float]
    calm_below: float
    hold_s: float
    clear_hold_s: float

    @property
    def lowest(self) -> float:
        return min(self.levels.values())

    @property
    def is_alarm(self) -> bool:
        return self.hazard in ("fire", "help")


def hazards_of(script: Script) -> list[Hazard]:
    """Every hazard of a run that a plan speaks of."""
    crowding = {Level.YELLOW: 3.0, Level.ORANGE: 4.0, Level.RED: 5.0}
    found = [
        Hazard(
            zone=zone,
            hazard="crowding",
            truth=steps_of(script, "crowd", zone, calm=CALM_P_M2),
            levels=crowding,
            calm_below=1.3,
            hold_s=15.0,
            clear_hold_s=30.0,
        )
        for zone in CROWDED
    ]
    water = steps_of(script, "sensor", "water-shore", calm=0.8)
    found.append(
        Hazard(
            zone="shore",
            hazard="water",
            truth=water,
            levels={Level.ORANGE: 1.5},
            calm_below=1.0,
            hold_s=5.0,
            clear_hold_s=30.0,
        )
    )
    for zone, hazard, level in (("yandai", "fire", Level.RED), ("lotus", "help", Level.ORANGE)):
        truth = steps_of(script, "alarm", f"{hazard}-{zone}", calm=0.0)
        found.append(
            Hazard(
                zone=zone,
                hazard=hazard,
                truth=truth,
                levels={level: 1.0},
                calm_below=0.5,
                hold_s=0.0,
                clear_hold_s=30.0,
            )
        )
    return found
