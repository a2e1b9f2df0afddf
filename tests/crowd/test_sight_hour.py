"""An hour of rain, night and headlights over a crowd blinds no camera, neither for sight nor for view."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest

from crowd.sight import SightWatch
from crowd.view_reference import ViewReference
from model.level import Sight
from simulators.scenes.crowd import CrowdPlan
from simulators.scenes.place import Place, Setting
from simulators.scenes.scene import Scene
from simulators.scenes.viewpoint import Viewpoint

EVERY_S = 2.0
LOOKS = 600
SCENES = {
    "rain": Setting(place=Place.LAKESIDE, seed=11, half_width_m=6.0, far_m=25.0, rain=True),
    "night": Setting(
        place=Place.STREET, seed=12, half_width_m=6.0, far_m=25.0, night=True, sun=0.1
    ),
    "rainy night": Setting(
        place=Place.PLAZA, seed=13, half_width_m=15.0, far_m=30.0, night=True, rain=True, sun=0.1
    ),
}


@cache
def filmed(name: str) -> list[tuple[Any, Any]]:
    """Pictures of a scene, 640×360, its crowd changing, each with a density map of its heads."""
    view = Viewpoint(mast_m=6.0, pitch_deg=26.0)
    scene = Scene(view, SCENES[name], CrowdPlan(people=0, seed=1), detail=1)
    found = []
    for number in range(12):
        people = (5, 40, 120)[number // 4]
        seen = scene.with_crowd(CrowdPlan(people=people, seed=number // 4)).at(1.7 * number)
        heads = np.zeros((45, 80), np.float32)
        for x, y in seen.heads:
            heads[int(y) // 8, int(x) // 8] += 1
        found.append((seen.pixels, cv2.GaussianBlur(heads, (0, 0), 0.7)))
    return found


@cache
def grain() -> Any:
    """Sensor noise, twice as large as a picture: each takes another part of it."""
    return np.random.default_rng(9).normal(0, 5, (720, 1280, 3)).round().astype(np.int8)


def weathered(pixels: Any, random: np.random.Generator, at_s: float) -> Any:
    """The picture as fresh rain, noise, the fading day and a passing car leave it."""
    height, width = pixels.shape[:2]
    picture = cv2.convertScaleAbs(pixels, alpha=1.0 - 0.35 * at_s / (LOOKS * EVERY_S))
    for x, y in random.uniform(0, 1, (120, 2)) * (width, height):
        cv2.line(picture, (int(x), int(y)), (int(x) + 2, int(y) + 14), (190, 188, 186), 1)
    if at_s % 60 < 16:
        across = int(width * (at_s % 60) / 16)
        glare = np.zeros((height // 4, width // 4, 3), np.uint8)
        for side in (-8, 8):
            cv2.circle(glare, (across // 4 + side, 50), 12, (235, 245, 255), -1)
        glare = cv2.resize(cv2.GaussianBlur(glare, (0, 0), 5), (width, height))
        picture = cv2.add(picture, glare)
    down, across = random.integers(0, (height, width))
    noise = grain()[down : down + height, across : across + width]
    return cv2.add(picture, noise, dtype=cv2.CV_8U)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SCENES)
def test_twenty_minutes_of_bad_weather_blind_no_camera(name: str) -> None:
    random = np.random.default_rng(4)
    sight, view = SightWatch(started_s=0.0), ViewReference()
    for number in range(LOOKS):
        at_s = number * EVERY_S
        # The crowd stays for a minute or two, comes, grows and goes.
        stage = (number // 40) % 3
        pixels, density = filmed(name)[4 * stage + number % 4]
        picture = weathered(pixels, random, at_s)
        verdict = sight.look(picture, at_s)
        assert verdict.sight is Sight.LIVE, f"{verdict.reason} at {at_s} s"
        luma = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        assert not view.look(luma, density, at_s).moved, f"moved at {at_s} s"
