"""`yinding evaluate forecast` as a person or a program meets it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from service.commands import evaluate
from service.exits import CommandError
from tests.crowd.forecast_streets import day, history, street, write

FIELDS = {
    *("days", "skipped", "wape", "wape_last_week", "peak_hit_1h", "peak_hit_1h_last_week"),
    *("coverage_80", "notes"),
}
DATA = Path(
    os.environ.get("YINDING_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data")
)


def run(file: Path, first: object, hour: int = 10, *, as_json: bool = True) -> tuple[int, str, str]:
    """(exit code, standard output, what the person is told) of one evaluation."""
    app = typer.Typer()
    evaluate.register(app)
    arguments = ["evaluate", "forecast", str(file), "--from", str(first), "--at", str(hour)]
    result = CliRunner().invoke(app, [*arguments, *(["--json"] if as_json else [])])
    if isinstance(result.exception, CommandError):
        return result.exception.code, result.stdout, str(result.exception)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def scores(file: Path, first: object, hour: int = 10) -> dict[str, dict[str, Any]]:
    code, out, _ = run(file, first, hour)
    assert code == 0
    found: dict[str, dict[str, Any]] = json.loads(out)
    return found


def test_every_site_and_all_have_the_contracts_fields(tmp_path: Path) -> None:
    file = write(tmp_path / "counts.csv", history(street(90), street(90, seed=2)))
    found = scores(file, day(70))
    assert set(found) == {"a", "b", "all"}
    assert all(set(score) == FIELDS for score in found.values())
    assert [found[site]["days"] for site in ("a", "b", "all")] == [20, 20, 40]
    assert found["all"]["wape"] == pytest.approx((found["a"]["wape"] + found["b"]["wape"]) / 2)


def test_days_that_cannot_be_scored_are_counted_and_said(tmp_path: Path) -> None:
    counts = street(90)
    counts[75, 3] = np.nan
    counts[80] = 0
    score = scores(write(tmp_path / "counts.csv", history(counts)), day(70))["a"]
    assert (score["days"], score["skipped"]) == (16, 4)
    assert score["notes"] == [
        "1 days skipped: last week is all zero",
        "1 days skipped: last week lacks rows",
        "1 days skipped: the day is all zero",
        "1 days skipped: the day lacks rows",
    ]


def test_last_week_is_scored_by_the_contracts_definition(tmp_path: Path) -> None:
    counts = street(30)
    score = scores(write(tmp_path / "counts.csv", history(counts)), day(20))["a"]
    total = counts.sum(1)
    assert score["wape_last_week"] == pytest.approx(
        np.abs(total[20:] - total[13:23]).sum() / total[20:].sum()
    )
    hits = np.abs(counts[20:].argmax(1) - counts[13:23].argmax(1)) <= 1
    assert score["peak_hit_1h_last_week"] == pytest.approx(hits.mean())


def test_a_site_of_one_week_has_no_figure_and_the_result_is_bad(tmp_path: Path) -> None:
    file = write(tmp_path / "counts.csv", history(street(7)))
    code, out, said = run(file, day(0))
    assert code == 1
    assert json.loads(out)["a"]["wape"] is None
    assert json.loads(out)["a"]["skipped"] == 7
    assert "no day" in said


def test_a_young_site_beside_an_old_one_is_named(tmp_path: Path) -> None:
    young = street(90, seed=3)
    young[:75] = np.nan
    file = write(tmp_path / "counts.csv", history(street(90), young))
    score = scores(file, day(70))["b"]
    assert score["days"] == 8
    assert "8 days forecast with site_opened_recently" in score["notes"]


def test_a_person_sees_a_table(tmp_path: Path) -> None:
    file = write(tmp_path / "counts.csv", history(street(40)))
    code, out, _ = run(file, day(30), as_json=False)
    assert code == 0
    assert "all" in out


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("a,2020-01-01,0,-1", ":2: count:"),
        ("a,2020-01-01,0,1\na,2020-01-01,0,2", ":3: a second row"),
    ],
)
def test_a_file_that_cannot_be_meant_is_wrong_use(tmp_path: Path, rows: str, said: str) -> None:
    file = tmp_path / "counts.csv"
    file.write_text(f"site,date,hour,count\n{rows}\n", encoding="utf-8")
    code, out, told = run(file, "2020-01-01")
    assert (code, out) == (2, "")
    assert said in told


def test_wrong_words_are_wrong_use(tmp_path: Path) -> None:
    file = write(tmp_path / "counts.csv", history(street(10)))
    assert run(file, "yesterday")[0] == 2
    assert run(file, day(3), 24)[0] == 2
    assert run(tmp_path / "absent.csv", day(3))[0] == 2


@pytest.mark.slow
def test_real_streets_are_forecast_better_than_by_last_week() -> None:
    file = DATA / "visitor-counts" / "melbourne.csv"
    if not file.exists():
        pytest.skip("the city's counts are not on this machine (YINDING_DATA names their folder)")
    found = scores(file, "2016-05-01")
    for site, least in (("QV Market-Elizabeth St (West)", 0.8), ("Southern Cross Station", 0.4)):
        assert found[site]["wape"] < least * found[site]["wape_last_week"]
    assert 0.7 <= found["all"]["coverage_80"] <= 0.9
