"""`yinding evaluate ground` measures every way of calibrating against cameras of known mounting."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from service.commands.evaluate import evaluate


def ways(*more: str) -> list[dict[str, object]]:
    result = CliRunner().invoke(evaluate, ["ground", "--cameras", "8", "--json", *more])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["cameras"] == 8
    return list(found["ways"])


def way(found: list[dict[str, object]], form: str, marks: int, **more: object) -> dict[str, float]:
    wanted = {"form": form, "marks": marks, "known": "nothing", "bad": 0} | more
    one = next(each for each in found if wanted.items() <= each.items())
    return {name: value for name, value in one.items() if isinstance(value, int | float)}


def test_every_way_is_measured_and_every_camera_accounted_for() -> None:
    found = ways()
    for one in found:
        refused = one["refused"]
        assert isinstance(refused, dict)
        calibrated = one["calibrated"]
        assert isinstance(calibrated, int)
        assert calibrated + sum(refused.values()) == one["cameras"] == 8
    assert all(one["upright"] == one["calibrated"] for one in found if one["form"] == "people")
    assert way(found, "points", 4)["upright"] >= 7
    assert way(found, "points", 4)["area_median"] < 0.1
    assert way(found, "people", 40)["area_median"] < 0.15
    assert way(found, "people", 40)["within_two"] >= 0.75
    assert way(found, "grid", 9)["area_median"] < 0.12
    assert way(found, "points", 8)["area_median"] < 0.04
    assert way(found, "points", 8)["slipped"] == 0
    assert way(found, "points", 8, bad=1)["slipped"] >= 4


def test_people_who_are_taller_than_the_file_says_make_all_areas_too_small() -> None:
    """Lengths scale with people's height, areas with its square, those under heads with more."""
    usual, tall = (way(ways(*more), "people", 40)["area_bias"] for more in ([], ["--mean", "1.85"]))
    assert tall < usual - 0.22
