"""`yinding check` tells a person and a program the same, with the contract's exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from config.json_schema import site_file_schema_text
from service.commands import check
from simulators.marked_views import hung_camera, mark_people, mark_points
from tests.config.site_text import GOOD, write_site

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    app.callback()(lambda: None)
    check.register(app)
    result = CliRunner().invoke(app, ["check", *arguments], standalone_mode=False)
    code = result.return_value if isinstance(result.return_value, int) else 1
    return code, result.stdout


def test_a_good_site_is_told_with_its_numbers(tmp_path: Path) -> None:
    code, said = run(str(write_site(tmp_path)))
    assert code == 0
    assert "good: 2 zones, 1 cameras" in said


def test_a_bad_site_is_refused_line_by_line(tmp_path: Path) -> None:
    path = write_site(tmp_path, GOOD.replace("timezone:", "timezon:"))
    code, said = run(str(path))
    assert (code, said.splitlines()) == (
        2,
        [f"{path}:4: site.timezon: is not a key that can stand here, did you mean `timezone`?"],
    )


def test_a_program_reads_one_json_document(tmp_path: Path) -> None:
    code, said = run(str(write_site(tmp_path)), "--json")
    told = json.loads(said)
    assert code == 0
    assert told["good"] is True
    assert told["site"]["terminals"] == 1
    assert [one["field"] for one in told["secrets_missing"]] == ["keys.signing_key_file"]
    code, said = run(str(write_site(tmp_path, "nothing")), "--json")
    assert (code, json.loads(said)["findings"][0]["line"]) == (2, 1)


def test_secrets_can_be_asked_for(tmp_path: Path) -> None:
    code, said = run(str(write_site(tmp_path)), "--secrets")
    assert code == 2
    assert "orders.key cannot be read" in said


@pytest.mark.parametrize("name", ["shichahai-small", "shichahai"])
def test_the_shipped_sites_are_good(name: str) -> None:
    code, said = run(str(ROOT / "config" / "sites" / f"{name}.yaml"))
    assert code == 0, said


def test_the_published_schema_is_the_codes_own() -> None:
    published = (ROOT / "docs" / "site-file.schema.json").read_text(encoding="utf-8")
    assert published == site_file_schema_text(), (
        "renew it: yinding check --schema > docs/site-file.schema.json"
    )
    assert run("--schema")[1] == published


def people_site(folder: Path, *, bad: bool, place: str = "at: [10, -3], bearing_deg: 0, ") -> Path:
    """The good site with a camera whose ground is told by people; `bad`, all at one distance."""
    rng = np.random.default_rng(5)
    marks = mark_people(hung_camera(rng), 12, rng)
    assert marks is not None
    told = marks.model_dump(exclude_none=True)
    if bad:
        told["people"]["marks"] = [
            {"foot_px": [x, 500.0], "head_px": [x, 380.0]} for x in range(300, 900, 100)
        ]
    line = f"zones: [bridge], {place}ground: {json.dumps(told)}}}"
    return write_site(folder, GOOD.replace("zones: [bridge]}", line, 1))


def test_calibrations_are_told_with_what_they_are_worth_and_what_is_seen(tmp_path: Path) -> None:
    code, said = run(str(people_site(tmp_path, bad=False)), "--ground")
    assert code == 0
    assert re.search(
        r"cameras cam-1: by people, 12 marks; heights off by \d+\.\d%, areas good to ±\d+%; .*"
        r"hangs \d+\.\d m high, \d+° down, lens \d+°; sees \d+ m² of bridge \(\d+%\)",
        said,
    )
    assert re.search(r"zones bridge: \d+% of 200 m² is seen", said)


def test_people_without_a_place_have_density_and_the_remedy_is_told(tmp_path: Path) -> None:
    code, said = run(str(people_site(tmp_path, bad=False, place="")))
    assert code == 0
    assert "density without a place: give the camera's `at` and `bearing_deg`" in said


def test_a_calibration_that_tells_nothing_stops_nothing_and_is_told(tmp_path: Path) -> None:
    path = str(people_site(tmp_path, bad=True))
    code, said = run(path)
    assert code == 0
    assert "cameras cam-1: no density: marked_people_are_all_at_one_distance: areas stay" in said
    assert "ground: 0 of 1 calibrations can be used" in said
    told = json.loads(run(path, "--json")[1])
    assert told["grounds"][0]["problem"] == "marked_people_are_all_at_one_distance"
    assert told["zones_seen"] == []


def points_site(folder: Path, seed: int, count: int, *, slipped: int) -> str:
    """The good site with a camera whose ground is told by points, the first of them slipped."""
    rng = np.random.default_rng([4, seed])
    marks = mark_points(hung_camera(rng), count, rng, slipped=slipped)
    assert marks is not None
    told = marks.model_dump(exclude_none=True)
    for point in told["points"]:
        point.update(x_m=point["x_m"] + 10, y_m=point["y_m"] - 3)
    line = f"zones: [bridge], ground: {json.dumps(told)}}}"
    return str(write_site(folder, GOOD.replace("zones: [bridge]}", line, 1)))


def test_a_mark_that_slipped_is_named_and_does_not_spoil_how_well_the_others_fit(
    tmp_path: Path,
) -> None:
    path = points_site(tmp_path, 1, 8, slipped=1)
    code, said = run(path)
    assert code == 0
    assert re.search(r"point 1 is \d+ pixels beside the camera on which the others agree", said)
    assert "look where it was marked and at its metres" in said
    (told,) = json.loads(run(path, "--json")[1])["grounds"]
    assert told["problem"] == "one_mark_contradicts_the_others"
    assert told["set_aside"] == [0]
    assert told["miss_px"] < 8
    assert told["misses"][0] > 30


def test_marks_that_leave_the_height_open_are_told_with_the_remedy(tmp_path: Path) -> None:
    code, said = run(points_site(tmp_path, 10, 4, slipped=0))
    assert code == 0
    assert "areas good to ±" in said
    assert "mark more, nearer and farther" in said
