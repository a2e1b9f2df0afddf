"""A camera that sees nothing is blind with a named reason; an empty street is not."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from crowd.sight import SightReason, SightWatch, judge
from crowd.textures import empty_picture
from model.level import Sight

HEIGHT, WIDTH = 360, 640


def street(seed: int = 1) -> Any:
    """An empty paved street under a sky, with kerbs, house fronts and sensor noise."""
    random = np.random.default_rng(seed)
    picture = np.full((HEIGHT, WIDTH, 3), (150, 140, 130), np.float32)
    picture[:120] = (210, 180, 150)
    for left in range(0, WIDTH, 80):
        cv2.rectangle(picture, (left + 8, 50), (left + 60, 150), (70, 80, 100), -1)
        cv2.line(picture, (WIDTH // 2, 130), (left, HEIGHT), (110, 110, 110), 2)
    picture += random.normal(0, 3, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def colour_bars() -> Any:
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    colours = [
        (191, 191, 191),
        (0, 191, 191),
        (191, 191, 0),
        (0, 191, 0),
        (191, 0, 191),
        (0, 0, 191),
        (191, 0, 0),
    ]
    for index, colour in enumerate(colours):
        picture[:, index * WIDTH // 7 : (index + 1) * WIDTH // 7] = colour
    return picture


def covered() -> Any:
    slope = np.linspace(20, 90, WIDTH)[None, :, None]
    noise = np.random.default_rng(2).normal(0, 3, (HEIGHT, WIDTH, 3))
    return np.clip(slope + noise, 0, 255).astype(np.uint8)


def black_with_time_stamp() -> Any:
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    cv2.putText(picture, "2026-11-21 12:00:01", (10, 30), 0, 0.7, (255, 255, 255), 2)
    return picture


def no_signal(shade: tuple[int, int, int]) -> Any:
    """What a recorder shows for a camera that it lost, packed as it would be."""
    picture = np.full((HEIGHT, WIDTH, 3), shade, np.uint8)
    cv2.putText(picture, "NO SIGNAL", (WIDTH // 3, HEIGHT // 2), 0, 1.5, (255, 255, 255), 3)
    return cv2.imdecode(cv2.imencode(".jpg", picture)[1], cv2.IMREAD_COLOR)


def grainy(level: float, noise: float) -> Any:
    """One shade and a sensor's noise."""
    grain = np.random.default_rng(8).normal(level, noise, (HEIGHT, WIDTH, 3))
    return np.clip(grain, 0, 255).astype(np.uint8)


def brick_wall() -> Any:
    wall = np.full((HEIGHT, WIDTH, 3), (150, 155, 160), np.uint8)
    for row, top in enumerate(range(0, HEIGHT, 18)):
        for left in range(-20 * (row % 2), WIDTH, 40):
            cv2.rectangle(wall, (left + 2, top + 2), (left + 38, top + 16), (50, 60, 150), -1)
    return wall


def foliage() -> Any:
    random = np.random.default_rng(6)
    tree = np.full((HEIGHT, WIDTH, 3), (30, 70, 30), np.uint8)
    for x, y, size, green in random.integers((0, 0, 3, 60), (WIDTH, HEIGHT, 12, 190), (2500, 4)):
        shape = (int(size), int(size) // 2 + 1)
        cv2.ellipse(tree, (int(x), int(y)), shape, int(green), 0, 360, (40, int(green), 50), -1)
    return tree


def empty_road() -> Any:
    """Plain sky, grass and asphalt without a grain, and markings."""
    road = np.full((HEIGHT, WIDTH, 3), (220, 190, 160), np.uint8)
    road[120:] = (70, 120, 80)
    lane = np.array([[270, 120], [370, 120], [700, 360], [-60, 360]], np.int32)
    cv2.fillPoly(road, [lane], (95, 95, 95))
    for top in range(130, HEIGHT, 40):
        cv2.line(road, (320, top), (320, top + 18), (235, 235, 235), 3)
    return road


@pytest.mark.parametrize("picture", [brick_wall(), foliage(), grainy(128, 50), empty_road()])
@pytest.mark.parametrize("light", [1.0, 0.35])
def test_brick_leaves_noise_and_an_empty_road_are_live(picture: Any, light: float) -> None:
    large = cv2.resize(picture, (1024, 576), interpolation=cv2.INTER_LINEAR)
    for shown in (picture, large):
        assert judge((shown * light).astype(np.uint8)).sight is Sight.LIVE


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (grainy(6, 10), SightReason.BLACK),
        (grainy(247, 6), SightReason.WHITE),
        (grainy(60, 8), SightReason.COVERED),
        (no_signal((180, 0, 0)), SightReason.NO_SIGNAL),
        (no_signal((0, 0, 0)), SightReason.NO_SIGNAL),
        (np.zeros((HEIGHT, WIDTH, 3), np.uint8), SightReason.BLACK),
        (black_with_time_stamp(), SightReason.BLACK),
        (np.full((HEIGHT, WIDTH, 3), 255, np.uint8), SightReason.WHITE),
        (np.full((HEIGHT, WIDTH, 3), 120, np.uint8), SightReason.COVERED),
        (covered(), SightReason.COVERED),
        (cv2.GaussianBlur(street(), (0, 0), 9), SightReason.BLURRED),
        (colour_bars(), SightReason.COLOUR_BARS),
        (np.full((1, 1, 3), 90, np.uint8), SightReason.TOO_SMALL),
    ],
)
def test_a_dead_picture_is_blind_and_says_why(picture: Any, reason: SightReason) -> None:
    verdict = judge(picture)
    assert (verdict.sight, verdict.reason) == (Sight.BLIND, reason)


def test_a_street_behind_something_plain_is_live_by_what_is_left_of_it() -> None:
    picture = street()
    picture[HEIGHT // 2 - 10 : HEIGHT * 3 // 4 + 10] = (120, 120, 120)
    assert judge(picture).sight is Sight.LIVE


def test_a_test_picture_with_a_lively_foot_is_one_all_the_same() -> None:
    picture = colour_bars()
    picture[HEIGHT // 2 :] = street()[HEIGHT // 2 :]
    assert judge(picture).reason is SightReason.COLOUR_BARS


@pytest.mark.parametrize("share", [1.0, 0.5, 0.2])
def test_an_empty_street_is_live_by_day_and_by_night(share: float) -> None:
    picture = (street() * share).astype(np.uint8)
    assert judge(picture).sight is Sight.LIVE


def test_a_wall_of_noise_is_live() -> None:
    noise = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    assert judge(noise).sight is Sight.LIVE


def test_every_picture_of_nobody_gets_a_verdict() -> None:
    random = np.random.default_rng(4)
    for _ in range(40):
        assert judge(empty_picture(256, random)).sight in {Sight.LIVE, Sight.BLIND}


def test_a_frozen_picture_is_blind_within_ten_seconds_and_live_when_it_moves_again() -> None:
    watch = SightWatch(started_s=0.0)
    still = street()
    verdicts = [watch.look(still, float(at_s)) for at_s in range(11)]
    assert verdicts[0].sight is Sight.LIVE
    assert verdicts[10].reason is SightReason.FROZEN
    assert watch.look(street(seed=2), 11.0).sight is Sight.LIVE


def test_sensor_noise_alone_keeps_a_quiet_street_live() -> None:
    watch = SightWatch(started_s=0.0)
    for at_s in range(60):
        assert watch.look(street(seed=at_s), float(at_s)).sight is Sight.LIVE


def test_no_picture_for_long_is_stale_and_a_black_one_stays_black() -> None:
    watch = SightWatch(started_s=0.0)
    watch.look(street(), 1.0)
    assert watch.now(5.0).sight is Sight.LIVE
    assert watch.now(10.0).reason is SightReason.STALE
    watch.look(np.zeros((HEIGHT, WIDTH, 3), np.uint8), 11.0)
    assert watch.now(12.0).reason is SightReason.BLACK


def test_a_camera_that_never_gave_a_picture_is_stale() -> None:
    assert SightWatch(started_s=0.0).now(20.0).reason is SightReason.STALE
