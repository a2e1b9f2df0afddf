"""A camera that was turned is found out within ten seconds; crowds, rain and dusk do not turn one."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest

from crowd.view_reference import SETTLE_LOOKS, ViewMatch, ViewReference
from simulators.scenes.crowd import CrowdPlan
from simulators.scenes.place import Place, Setting
from simulators.scenes.scene import Scene
from simulators.scenes.viewpoint import Viewpoint

EVERY_S = 2.0
SCENES = {
    "street": Setting(place=Place.STREET, seed=3, half_width_m=6.0, far_m=25.0),
    "rain": Setting(place=Place.PLAZA, seed=4, half_width_m=15.0, far_m=30.0, rain=True),
    "night": Setting(place=Place.BRIDGE, seed=5, half_width_m=5.0, far_m=25.0, night=True, sun=0.1),
}


@cache
def filmed(name: str, looks: int = 9) -> list[tuple[Any, Any]]:
    """Large pictures (450, 800) of one scene with sixty people, and the map of their heads."""
    view = Viewpoint(width=800, height=450, mast_m=6.0, pitch_deg=24.0)
    scene = Scene(view, SCENES[name], CrowdPlan(people=60, seed=2, standing_share=0.4), detail=1)
    found = []
    for number in range(looks):
        seen = scene.at(1.37 * number)
        heads = np.zeros((450, 800), np.float32)
        for x, y in seen.heads.astype(int):
            heads[y, x] = 1
        found.append((cv2.cvtColor(seen.pixels, cv2.COLOR_BGR2GRAY), heads))
    return found


def through(large: Any, *, right: int = 0, down: int = 0, turn_deg: float = 0.0) -> Any:
    """The middle 640 × 360 of it, as seen by a camera that was turned by so much."""
    middle = (400.0 + right, 225.0 + down)
    how = cv2.getRotationMatrix2D(middle, turn_deg, 1.0)
    how[0, 2] -= 80 + right
    how[1, 2] -= 45 + down
    return cv2.warpAffine(large, how, (640, 360), flags=cv2.INTER_LINEAR)


def density(heads: Any, **turned: Any) -> Any:
    grown = through(cv2.boxFilter(heads, -1, (9, 9)), **turned)
    return cv2.resize(grown, (80, 45), interpolation=cv2.INTER_AREA) * 64


def settled(name: str) -> tuple[ViewReference, float]:
    reference, at_s = ViewReference(), 0.0
    for luma, heads in filmed(name):
        verdict = reference.look(through(luma), density(heads), at_s)
        assert not verdict.moved
        at_s += EVERY_S
    assert verdict.match is ViewMatch.SAME
    return reference, at_s


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize(
    "turned", [{"right": 30}, {"right": 60, "down": 20}, {"right": 40, "turn_deg": 25.0}], ids=str
)
def test_a_camera_that_was_turned_is_moved_within_ten_seconds(
    name: str, turned: dict[str, Any]
) -> None:
    reference, at_s = settled(name)
    for number, (luma, heads) in enumerate(filmed(name)):
        verdict = reference.look(
            through(luma, **turned), density(heads, **turned), at_s + number * EVERY_S
        )
        if verdict.moved:
            assert number * EVERY_S <= 10.0
            return
    pytest.fail(f"not found out: {verdict}")


def test_it_stays_moved_until_the_old_view_is_back() -> None:
    reference, at_s = settled("street")
    luma, heads = filmed("street")[0]
    for number in range(8):
        reference.look(through(luma, right=60), density(heads, right=60), at_s + number * EVERY_S)
    assert reference.moved
    for number in range(8, 12):
        reference.look(through(luma), density(heads), at_s + number * EVERY_S)
    assert not reference.moved


def test_after_somebody_looked_after_it_the_new_view_is_the_reference() -> None:
    reference, at_s = settled("street")
    reference.forget()
    for number, (luma, heads) in enumerate(filmed("street")):
        moved = {"right": 60}
        verdict = reference.look(
            through(luma, **moved), density(heads, **moved), at_s + number * EVERY_S
        )
        expected = ViewMatch.LEARNING if number < SETTLE_LOOKS else ViewMatch.SAME
        assert verdict.match is expected


@pytest.mark.parametrize("name", SCENES)
def test_dusk_and_lamps_move_no_camera(name: str) -> None:
    reference, at_s = settled(name)
    for number in range(30):
        luma, heads = filmed(name)[number % 9]
        light = 1.0 - 0.02 * number
        dim = np.clip(through(luma) * light, 0, 255)
        cv2.circle(dim, (20 * number, 200), 40, (255.0,), -1)
        verdict = reference.look(dim.astype(np.uint8), density(heads), at_s + number * EVERY_S)
        assert not verdict.moved


@pytest.mark.parametrize("known", [True, False])
def test_a_crowd_that_hides_the_ground_moves_no_camera(known: bool) -> None:
    """Where the counting sees the crowd nothing is compared; what rises above it still agrees."""
    reference, at_s = settled("street")
    random = np.random.default_rng(1)
    luma, _ = filmed("street")[0]
    for number in range(12):
        picture = through(luma).copy()
        crowd = random.integers(0, 256, (55, 160)).astype(np.uint8)
        picture[140:] = cv2.resize(crowd, (640, 220), interpolation=cv2.INTER_LINEAR)
        people = np.zeros((45, 80), np.float32)
        people[17 if known else 30 :] = 0.5
        assert not reference.look(picture, people, at_s + number * EVERY_S).moved


@pytest.mark.parametrize("gap_s", [2.0, 4.0])
def test_a_crowd_that_comes_at_once_and_stands_moves_no_camera(gap_s: float) -> None:
    """Few people, then at the next picture a crowd that hides most and does not stir: as under load."""
    scene = Scene(
        Viewpoint(mast_m=5.0, pitch_deg=32.0),
        SCENES["street"],
        CrowdPlan(people=0, seed=1),
        detail=1,
    )
    calm = [scene.with_crowd(CrowdPlan(people=6, seed=n)).at(1.3 * n) for n in range(3)]
    crowd = scene.with_crowd(CrowdPlan(people=90, seed=9)).at(0.0)
    random = np.random.default_rng(2)
    reference, at_s = ViewReference(), 0.0
    for seen in [*calm, *calm, *[crowd] * 12]:
        heads = np.zeros((45, 80), np.float32)
        for x, y in seen.heads:
            heads[int(y) // 8, int(x) // 8] += 1
        luma = cv2.cvtColor(seen.pixels, cv2.COLOR_BGR2GRAY) + random.normal(0, 3, (360, 640))
        picture = np.clip(luma, 0, 255).astype(np.uint8)
        people = np.asarray(cv2.GaussianBlur(heads, (0, 0), 0.7), np.float32)
        assert not reference.look(picture, people, at_s).moved
        at_s += gap_s


def test_a_picture_without_edges_says_nothing_of_the_view() -> None:
    reference, at_s = settled("night")
    dark = np.full((360, 640), 12, np.uint8)
    verdicts = [reference.look(dark, None, at_s + number * EVERY_S) for number in range(10)]
    assert verdicts[-1].match is ViewMatch.UNSURE
    assert not verdicts[-1].moved
