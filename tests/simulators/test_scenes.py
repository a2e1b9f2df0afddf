"""Rendered scenes: what they claim to show is what they show, the same for the same seed."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from simulators.scenes.crowd import CrowdPlan, walking_speed_m_s
from simulators.scenes.dataset import write_scenes
from simulators.scenes.place import Place, Setting
from simulators.scenes.scene import Scene
from simulators.scenes.viewpoint import Viewpoint, area_m2

VIEW = Viewpoint(width=320, height=180, mast_m=5.0, pitch_deg=30.0)


def scene(people: float, *, place: Place = Place.PLAZA, seed: int = 3) -> Scene:
    setting = Setting(place=place, seed=seed, half_width_m=20.0, far_m=25.0)
    return Scene(VIEW, setting, CrowdPlan(people=people, seed=seed, period_s=6.0), detail=1)


def test_a_scene_shows_about_as_many_people_as_asked_for() -> None:
    empty = scene(0)
    for people in (0, 5, 40, 120):
        crowded = empty.with_crowd(CrowdPlan(people=people, seed=3, period_s=6.0))
        shown = np.mean([len(crowded.truth_at(t)[1]) for t in np.arange(0, 6, 0.5)])
        assert shown == pytest.approx(people, abs=max(1.5, 0.12 * people))


def test_the_same_seed_gives_the_same_picture_and_truth() -> None:
    one, other = scene(20).at(1.4), scene(20).at(1.4)
    assert np.array_equal(one.pixels, other.pixels)
    assert np.array_equal(one.heads, other.heads)


def test_the_loop_closes_where_it_began() -> None:
    walkers = scene(30)
    begin, end = walkers.at(0.0), walkers.at(6.0)
    assert sorted(map(tuple, begin.heads.round(3))) == sorted(map(tuple, end.heads.round(3)))


def test_heads_are_in_the_picture_and_differ_from_the_empty_place() -> None:
    bare = scene(0)
    full = bare.with_crowd(CrowdPlan(people=30, seed=3, period_s=6.0)).at(2.0)
    empty = bare.at(2.0)
    assert len(empty.heads) == 0
    changed = np.abs(full.pixels.astype(int) - empty.pixels).max(axis=2)
    for x, y in full.heads:
        around = changed[max(int(y) - 2, 0) : int(y) + 3, max(int(x) - 2, 0) : int(x) + 3]
        assert around.max() > 20


def test_a_head_behind_another_body_is_not_counted_as_visible() -> None:
    low = Scene(
        Viewpoint(width=320, height=180, mast_m=2.2, pitch_deg=8.0),
        Setting(place=Place.STREET, seed=1, half_width_m=3.0, far_m=18.0),
        CrowdPlan(people=110, seed=1, standing_share=1.0),
        detail=1,
    )
    seen = low.at(0.0)
    assert len(seen.heads) < 0.8 * len(seen.places)


def test_projection_and_calibration_points_agree() -> None:
    view = Viewpoint(east_m=12.0, north_m=-30.0, bearing_deg=70.0)
    for px, py, east, north in view.ground_points():
        back = view.to_site(view.on_plane(np.array([px, py])))
        assert back == pytest.approx([east, north], abs=0.02)
    points = np.array([[px, py] for px, py, _, _ in view.ground_points()])
    metres = np.array([[x, y] for _, _, x, y in view.ground_points()])
    homography, _ = cv2.findHomography(points, metres)
    middle = homography @ np.array([view.width / 2, view.height * 0.7, 1.0])
    direct = view.to_site(view.on_plane(np.array([view.width / 2, view.height * 0.7])))
    assert middle[:2] / middle[2] == pytest.approx(direct, abs=0.2)


def test_walking_speed_falls_with_density_as_weidmann_measured() -> None:
    speeds = [walking_speed_m_s(density) for density in (0.0, 0.5, 1.75, 3.0, 5.4)]
    assert speeds == sorted(speeds, reverse=True)
    assert speeds[2] * 1.75 == pytest.approx(1.225, abs=0.02)
    assert speeds[-1] == 0.0


def test_stills_are_written_with_one_row_a_head(tmp_path: Path) -> None:
    heads = write_scenes(tmp_path, count=3, seed=5)
    rows = list(csv.DictReader((tmp_path / "heads.csv").open(encoding="utf-8")))
    names = {path.name for path in (tmp_path / "images").iterdir()}
    assert len(rows) == heads
    assert len(names) == 3
    assert {row["image"] for row in rows} <= names
    for row in rows:
        picture = cv2.imread(str(tmp_path / "images" / row["image"]))
        assert picture is not None
        height, width = picture.shape[:2]
        assert 0 <= float(row["x"]) < width
        assert 0 <= float(row["y"]) < height


def test_the_area_of_a_known_outline() -> None:
    assert area_m2(np.array([[0, 0], [4, 0], [4, 3], [0, 3]], dtype=float)) == 12
