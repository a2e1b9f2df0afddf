"""Scenarios are data: checked whole, stretched to any length, and fitting their site."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from config.site_file import load_site
from simulators.filming import peak_p_m2, shot_of
from simulators.scenario import ScenarioError, load_scenario, timeline
from simulators.scenes.viewpoint import Floats

ROOT = Path(__file__).parents[2]
DEMO_SITE = ROOT / "config" / "sites" / "shichahai-small.yaml"
BEAT = "name: x\nlength_s: 60\nbeats:\n  - at: {at}\n    say: {{zh: 一, en: one}}\n"


def written(folder: Path, text: str) -> str:
    path = folder / "x.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_shipped_evening_fits_the_demo_site() -> None:
    assert load_scenario("evening").strangers(load_site(DEMO_SITE)) == []


def test_the_evening_reaches_a_crush_and_ends_in_calm() -> None:
    evening = load_scenario("evening")
    crowds = [beat.crowds["bridge"] for beat in evening.beats if "bridge" in beat.crowds]
    assert max(crowds) > 5.5
    assert crowds[-1] < 1


def test_beats_are_stretched_to_the_length_of_the_run() -> None:
    dues = timeline(load_scenario("evening"), 1000.0)
    assert dues[0].second == 0
    assert dues[-1].second == pytest.approx(740)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (BEAT.format(at=0.5), "first beat must stand at 0"),
        (BEAT.format(at=0) + "  - at: 0.9\n    say: {zh: 一, en: one}\n  - at: 0.1\n    say: {zh: 一, en: one}\n", "in the order"),
        (BEAT.format(at=0) + "    crowd: {bridge: 1}\n", "crowd"),
        (BEAT.format(at=0) + "    crowds: {bridge: 90}\n", "bridge"),
        ("beats: [", "not YAML"),
    ],
)  # fmt: skip
def test_a_faulty_scenario_is_refused_by_name(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ScenarioError, match=told):
        load_scenario(written(tmp_path, text))


def test_an_unknown_scenario_names_those_that_ship() -> None:
    with pytest.raises(ScenarioError, match="evening"):
        load_scenario("lantern")


def test_names_that_the_site_does_not_have_are_found(tmp_path: Path) -> None:
    scenario = load_scenario(written(tmp_path, BEAT.format(at=0) + "    crowds: {moon: 1}\n"))
    assert scenario.strangers(load_site(DEMO_SITE)) == ["beat 1: crowds: moon"]


def test_a_camera_shows_its_own_zone_from_its_own_place() -> None:
    site = load_site(DEMO_SITE)
    zones = {zone.id: zone for zone in site.zones}
    camera = next(each for each in site.cameras if each.id == "bridge-north")
    shot = shot_of(camera, zones["bridge"], 6.5, seed=0)
    assert shot.setting.half_width_m == pytest.approx(3.0, abs=0.05)
    assert shot.setting.far_m == pytest.approx(13.0, abs=0.05)
    assert shot.view.mast_m == pytest.approx(5.5, abs=0.05)


def test_the_local_peak_counts_the_fullest_nine_square_metres() -> None:
    assert peak_p_m2(_places([])) == 0
    crowd = [(0.1 * n, 0.1 * n) for n in range(18)]
    assert peak_p_m2(_places([*crowd, (30.0, 30.0)])) == pytest.approx(2.0)


def _places(points: list[tuple[float, float]]) -> Floats:
    return np.array(points, dtype=np.float64).reshape(-1, 2)
