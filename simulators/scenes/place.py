"""The kinds of place a scene can show, and its season and weather."""

from dataclasses import dataclass
from enum import StrEnum


class Place(StrEnum):
    """Kinds of place a scene can show."""

    STREET = "street"
    BRIDGE = "bridge"
    PLAZA = "plaza"
    LAKESIDE = "lakeside"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What stands around the people."""

    place: Place = Place.STREET
    seed: int = 0
    half_width_m: float = 5.0
    far_m: float = 30.0
    night: bool = False
    rain: bool = False
    sun: float = 0.4
