"""The site of the seeded runs: small, with every kind of device, every plan approved beforehand."""

from __future__ import annotations

from typing import Any

from config.schema import SiteFile

CROWDED = ("bridge", "lotus", "yandai")
"""Zones with cameras, two each."""

CAMERA_EVERY_S = 8.0
EXPIRES_S = 600.0
HELP_EXPIRES_S = 150.0
"""Shorter than what terminals may be away for, so that orders expire on their way, or in a
stranger's pocket."""

_ENTRANCE_OF = {"bridge": "north", "yandai": "north"}
"""One entrance for two zones and two hazards: what one case lowers, another may still want up."""


def torture_site() -> SiteFile:
    """Three crowded zones and a shore, eight terminals, one lane, four hazards."""
    zones = [*CROWDED, "shore"]
    return SiteFile.model_validate(
        {
            "site": {"id": "torture", "name": _both("折磨"), "origin": {"lat": 39.9, "lon": 116.4}},
            "broker": {"embedded": True},
            "keys": {"signing_key_file": "orders.key", "key_id": "orders-1"},
            "zones": [_zone(zone, number) for number, zone in enumerate(zones)],
            "cameras": [
                {
                    "id": f"{zone}-{number}",
                    "name": _both(zone),
                    "url": f"rtsp://127.0.0.1:8554/{zone}-{number}",
                    "zones": [zone],
                    "every_s": CAMERA_EVERY_S,
                }
                for zone in CROWDED
                for number in (1, 2)
            ],
            "counters": [{"id": "gate-lotus", "name": _both("门"), "zone": "lotus"}],
            "sensors": [
                {"id": "water-shore", "name": _both("水位"), "zones": ["shore"]},
                {"id": "fire-yandai", "name": _both("火警"), "zones": ["yandai"]},
                {"id": "help-lotus", "name": _both("求助"), "zones": ["lotus"]},
            ],
            "terminals": [
                {"id": f"{zone}-{number}", "name": _both(zone), "zones": [zone]}
                for zone in zones
                for number in (1, 2)
            ],
            "bollards": [
                {"id": "north-1", "name": _both("北"), "entrance": "north", "lane": 1},
            ],
            "rules": _rules(),
            "plans": [*_crowding_plans(), *_other_plans()],
            "people": [
                {"id": "operator", "name": "值班员", "roles": ["operator"]},
                {"id": "commander", "name": "指挥长", "roles": ["commander"]},
            ],
        }
    )


def _both(word: str) -> dict[str, str]:
    return {"zh": word, "en": word}


def _zone(zone: str, number: int) -> dict[str, Any]:
    east = 100.0 * number
    outline = [[east, 0], [east + 20, 0], [east + 20, 20], [east, 20]]
    return {
        "id": zone,
        "name": _both(zone),
        "outline": outline,
        "usable_area_m2": 400,
        "m2_per_visitor": 1,
    }


def _rules() -> list[dict[str, Any]]:
    crowding = {
        "id": "crowding",
        "hazard": "crowding",
        "signal": "peak_density",
        "zones": list(CROWDED),
        "raise_at": {"blue": 2.0, "yellow": 3.0, "orange": 4.0, "red": 5.0},
        "clear_below": 0.5,
        "hold_s": 15,
        "clear_hold_s": 30,
        "text": _both("拥挤"),
    }
    water = {
        "id": "water",
        "hazard": "water",
        "signal": "sensor",
        "quantity": "water_level",
        "zones": ["shore"],
        "raise_at": {"yellow": 1.2, "orange": 1.5},
        "clear_below": 0.05,
        "hold_s": 5,
        "clear_hold_s": 30,
        "text": _both("水位"),
    }
    alarms = [
        {
            "id": hazard,
            "hazard": hazard,
            "signal": "alarm",
            "alarm": hazard,
            "level": level,
            "hold_s": 0,
            "clear_hold_s": 30,
            "text": _both(hazard),
        }
        for hazard, level in (("fire", "red"), ("help", "orange"))
    ]
    return [crowding, water, *alarms]


def _crowding_plans() -> list[dict[str, Any]]:
    plans = [
        _plan("crowding", level, zones=[zone], entrances=[])
        for zone in CROWDED
        for level in ("yellow", "orange")
    ]
    for zone in CROWDED:
        entrance = _ENTRANCE_OF.get(zone)
        plans.append(
            _plan("crowding", "red", zones=[zone], entrances=[entrance] if entrance else [])
        )
    return plans


def _other_plans() -> list[dict[str, Any]]:
    return [
        _plan("water", "orange", zones=["shore"], entrances=[]),
        _plan("fire", "red", zones=["yandai"], entrances=["north"]),
        _plan("help", "orange", zones=["lotus"], entrances=[]) | {"expires_s": HELP_EXPIRES_S},
    ]


def _plan(hazard: str, level: str, *, zones: list[str], entrances: list[str]) -> dict[str, Any]:
    return {
        "id": f"{hazard}-{level}-{zones[0]}",
        "hazard": hazard,
        "level": level,
        "zones": zones,
        "approval": "none",
        "text": _both(f"{hazard} {level}"),
        "speech": "请注意",
        "cancel": _both("解除"),
        "expires_s": EXPIRES_S,
        "raise_entrances": entrances,
    }
