"""What evaluations and the demo tell people stands whole in eighty columns, in words instead of a program's marks."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from crowd.evaluation import StillsReport
from service.commands.evaluate import evaluate
from service.demo import _as_text
from service.figures_table import show_figures
from simulators.judge import Verdict


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal as wide as the oldest were."""
    monkeypatch.setenv("COLUMNS", "80")


def test_the_ways_of_marking_stand_one_a_line_with_nothing_cut_off() -> None:
    told = CliRunner().invoke(evaluate, ["ground", "--cameras", "1"])
    assert told.exit_code == 0, told.output
    assert "…" not in told.output
    lines = [line.strip() for line in told.output.splitlines()]
    for way in ("20 people, 3 wrong", "10 people + height", "9 corners", "8 points, 1 wrong"):
        assert [line for line in lines if line.startswith(f"{way} ")]


def test_a_figure_that_one_picture_cannot_tell_is_a_dash(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = StillsReport(
        images=1,
        mae=1.0,
        rmse=1.0,
        bias=1.0,
        mape=None,
        r=None,
        coverage=1.0,
        width=6.5,
        blind=0,
        ms_per_image=20.0,
        model="small",
    )
    show_figures(found)
    told = capsys.readouterr().out
    assert "1 picture, small" in " ".join(told.split())
    assert "None" not in told
    assert told.count("–") == 2
    assert "6.500" in told


def test_the_demo_counts_in_words() -> None:
    verdict = Verdict(
        cameras={"configured": 2, "analysed": 2, "frames": 9},
        readings_stored=9,
        crossings=[],
        missed=0,
        doubled=0,
        terminals={"sent": 3, "received": 2},
        bollards={"done": 1, "refused": 0},
        signatures={"good": 3, "bad": 0},
        silent=[],
        count_error=None,
    )
    told = _as_text(verdict).splitlines()
    assert "terminals  3 sent, 2 received" in told
    assert "signatures 3 good, 0 bad" in told
