"""Writes the full-size Shichahai from its ground: 382 cameras, 120 terminals, 13 entrances.

`python -m config.shichahai > config/sites/shichahai.yaml`; a test holds the two together.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final

from config.shichahai_ground import (
    ENTRANCES,
    FIRE_DETECTORS,
    HELP_POINTS,
    NOISY,
    STRIPS,
    WATERS,
    Place,
    Strip,
)
from config.shichahai_texts import HEAD, PEOPLE, RULES, plans

MOUNT_HEIGHT_M: Final = 5.0
TILT: Final = math.radians(25)
PICTURE: Final = (640, 360)
FOCAL_PX: Final = 457.0
"""A lens of 70 degrees across the picture."""

LOOKS_AHEAD_M: Final = 8.0
"""How far before a camera the middle of what it sees lies."""

USABLE: Final = 0.85
"""The share of a strip without trees, stalls and steps."""


def site_text() -> str:
    """The whole site file as text."""
    parts = [
        HEAD,
        _block("zones", map(_zone, STRIPS)),
        "# Six points of each picture whose place on the ground is known.\n"
        + _block("cameras", (line for strip in STRIPS for line in _cameras(strip))),
        _block("counters", _counters()),
        _block("sensors", _sensors()),
        _block("terminals", (line for strip in STRIPS for line in _terminals(strip))),
        "# Bollards keep motor vehicles and shared bikes out; people still pass.\n"
        + _block("bollards", _bollards()),
        RULES,
        plans(STRIPS, ENTRANCES),
        PEOPLE,
    ]
    return "\n".join(parts)


def _block(name: str, entries: Iterable[str]) -> str:
    return f"{name}:\n" + "".join(f"  - {entry}\n" for entry in entries)


def _named(zh: str, en: str) -> str:
    return f'{{zh: {zh}, en: "{en}"}}'


def _zone(strip: Strip) -> str:
    usable = _length_m(strip.line) * strip.width_m * USABLE
    outline = ", ".join(_pair(corner) for corner in _outline(strip))
    return (
        f"id: {strip.id}\n    name: {_named(strip.zh, strip.en)}\n    outline: [{outline}]\n"
        f"    usable_area_m2: {math.floor(usable)}\n    m2_per_visitor: {strip.m2_per_visitor}"
    )


def _outline(strip: Strip) -> list[Place]:
    """The strip's two sides, up the left one and down the right one."""
    half = strip.width_m / 2
    sides = []
    for n, (x, y) in enumerate(strip.line):
        ahead = strip.line[min(n + 1, len(strip.line) - 1)]
        behind = strip.line[max(n - 1, 0)]
        heading = math.atan2(ahead[1] - behind[1], ahead[0] - behind[0])
        across = (-math.sin(heading) * half, math.cos(heading) * half)
        sides.append(((x + across[0], y + across[1]), (x - across[0], y - across[1])))
    return [left for left, _ in sides] + [right for _, right in reversed(sides)]


def _cameras(strip: Strip) -> Iterator[str]:
    """Cameras stand along the centre line and look along it, every other one back.

    One so near an end that it would look over it looks the other way.
    """
    length_m = _length_m(strip.line)
    for n in range(strip.cameras):
        share = (n + 0.5) / strip.cameras
        place, heading = _along(strip.line, share)
        before_it_m = length_m * (1 - share if n % 2 == 0 else share)
        way = heading if (n % 2 == 0) == (before_it_m > LOOKS_AHEAD_M) else heading + math.pi
        name = f"{strip.id}-{n + 1:02}"
        points = ", ".join(
            f"{{px: {px}, py: {py}, x_m: {x:.2f}, y_m: {y:.2f}}}"
            for px, py, x, y in _ground_points(place, way)
        )
        yield (
            f"id: {name}\n    name: {_named(f'{strip.zh}{n + 1}号', f'{strip.en} {n + 1}')}\n"
            f"    url: rtsp://127.0.0.1:8554/{name}\n    username: yinding\n"
            f"    password: file:secrets/cameras.txt\n    zones: [{strip.id}]\n"
            f"    ground: {{width_px: {PICTURE[0]}, height_px: {PICTURE[1]}, points: [{points}]}}"
        )


def _ground_points(place: Place, heading: float) -> Iterator[tuple[int, int, float, float]]:
    """Where six pixels of a camera on its mast meet the ground (pinhole, level ground)."""
    for py in (96, 214, 331):
        for px in (96, 544):
            right = (px - PICTURE[0] / 2) / FOCAL_PX
            below = (py - PICTURE[1] / 2) / FOCAL_PX
            reach = MOUNT_HEIGHT_M / (math.sin(TILT) + below * math.cos(TILT))
            ahead_m = (math.cos(TILT) - below * math.sin(TILT)) * reach
            right_m = right * reach
            x = place[0] + ahead_m * math.cos(heading) + right_m * math.sin(heading)
            y = place[1] + ahead_m * math.sin(heading) - right_m * math.cos(heading)
            yield px, py, x, y


def _counters() -> Iterator[str]:
    for gate in ENTRANCES:
        name = _named(f"{gate.zh}客流", f"{gate.en} gate")
        yield f"{{id: gate-{gate.id}, name: {name}, zone: {gate.zone}}}"


def _sensors() -> Iterator[str]:
    strips = {strip.id: strip for strip in STRIPS}
    for kind, zh, en, places in (
        ("noise", "噪声", "noise", NOISY),
        ("fire", "火警", "fire detector", FIRE_DETECTORS),
        ("help", "求助柱", "help point", HELP_POINTS),
    ):
        for place in places:
            name = _named(f"{strips[place].zh}{zh}", f"{strips[place].en}, {en}")
            yield f"{{id: {kind}-{place}, name: {name}, zones: [{place}]}}"
    for lake, zh, en, shores in WATERS:
        for kind, kind_zh, kind_en in (("water", "水位", "water level"), ("ice", "冰厚", "ice")):
            name = _named(f"{zh}{kind_zh}", f"{en}, {kind_en}")
            yield f"{{id: {kind}-{lake}, name: {name}, zones: [{', '.join(shores)}]}}"
    everywhere = ", ".join(strips)
    yield f"{{id: wind-mast, name: {_named('气象杆风速', 'Wind mast')}, zones: [{everywhere}]}}"
    yield f"{{id: quake-1, name: {_named('地震预警', 'Earthquake alert')}, zones: [{everywhere}]}}"


def _terminals(strip: Strip) -> Iterator[str]:
    """A screen first, then speakers, and a steward's set-top box where there are many."""
    for n in range(strip.terminals):
        (x, y), heading = _along(strip.line, (n + 0.5) / strip.terminals)
        side = strip.width_m / 2 * (1 if n % 2 else -1)
        at = _pair((x - math.sin(heading) * side, y + math.cos(heading) * side))
        zh, en, public = ("音柱", "speaker", True)
        if n == 0:
            zh, en = "屏", "screen"
        elif n == strip.terminals - 1:
            zh, en, public = "值守点机顶盒", "steward's set-top box", False
        name = _named(f"{strip.zh}{zh}{n + 1}", f"{strip.en}, {en} {n + 1}")
        yield (
            f"{{id: {strip.id}-{n + 1}, name: {name}, zones: [{strip.id}],"
            f" public: {str(public).lower()}, at: {at}}}"
        )


def _bollards() -> Iterator[str]:
    for gate in ENTRANCES:
        for lane in range(1, gate.lanes + 1):
            name = _named(f"{gate.zh}{lane}号车道", f"{gate.en}, lane {lane}")
            at = _pair((gate.at[0] + 6 * (lane - 1), gate.at[1]))
            yield (
                f"{{id: {gate.id}-{lane}, name: {name}, entrance: {gate.id}, lane: {lane},"
                f" at: {at}}}"
            )


def _pair(place: Place) -> str:
    return f"[{place[0]:.1f}, {place[1]:.1f}]"


def _length_m(line: tuple[Place, ...]) -> float:
    return sum(math.dist(a, b) for a, b in pairwise(line))


def _along(line: tuple[Place, ...], share: float) -> tuple[Place, float]:
    """The place at a share of the line's length, and the heading there in radians."""
    left = _length_m(line) * share
    for a, b in pairwise(line):
        step = math.dist(a, b)
        if left <= step:
            part = left / step
            place = (a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part)
            return place, math.atan2(b[1] - a[1], b[0] - a[0])
        left -= step
    raise ValueError("a share lies between 0 and 1")


if __name__ == "__main__":
    sys.stdout.write(site_text())
