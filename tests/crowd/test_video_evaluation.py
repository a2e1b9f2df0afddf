"""`yinding evaluate video` and reports: contract fields, truth files, a page that needs nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from crowd.evaluation import Score
from crowd.report import bands
from crowd.report_pictures import WORST_MOST, Album
from crowd.video_evaluation import Looked, TruthError, TruthKind, read_truth
from tests.crowd.test_count_commands import REPORT, json_lines, run, stills
from tests.crowd.test_sight import street

BOXES = "frame,person,left,top,width,height\n"


def clip(tmp_path: Path, frames: int = 12) -> Path:
    """Ten pictures a second of an empty street, black in the last three."""
    path = tmp_path / "street.mp4"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for number in range(frames):
            picture = street(seed=number) if number < frames - 3 else np.zeros_like(street())
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    path = tmp_path / "boxes.csv"
    rows = [f"{frame},{n},{100 + 40 * n},150,20,60" for frame in (0, 4) for n in (1, 2)]
    path.write_text(BOXES + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_a_video_gets_the_figures_of_stills_and_its_frames(tmp_path: Path, boxes: Path) -> None:
    code, output = run(
        *("evaluate", "video", clip(tmp_path), "--boxes", boxes, "--every", "0.4"),
        *("--model", "small", "--json"),
    )
    (line,) = json_lines(output)
    assert code == 0
    assert set(line) == REPORT | {"frames"}
    assert (line["images"], line["frames"], line["blind"]) == (3, 9, 0)


def test_points_are_a_truth_as_well_and_black_frames_are_blind(tmp_path: Path) -> None:
    points = tmp_path / "points.csv"
    points.write_text("frame,x,y\n11,5,5\n11,700,5\n", encoding="utf-8")
    code, output = run(
        *("evaluate", "video", clip(tmp_path), "--points", points, "--every", "0"),
        *("--model", "small", "--json"),
    )
    (line,) = json_lines(output)
    assert code == 0
    assert (line["images"], line["frames"], line["blind"]) == (12, 12, 3)


def test_the_report_is_one_page_that_loads_nothing(tmp_path: Path, boxes: Path) -> None:
    out = tmp_path / "report.html"
    code, _ = run(
        *("evaluate", "video", clip(tmp_path), "--boxes", boxes, "--every", "0"),
        *("--model", "small", "--report", out, "--json"),
    )
    text = out.read_text(encoding="utf-8")
    assert code == 0
    assert not re.search(r"https?://|<script|<link|url\(", text)
    assert set(re.findall(r"src='([^;]+);", text)) == {"data:image/jpeg"}
    assert text.count("<img") == 9 + 3
    for heading in (
        "总体指标 · Figures",
        "按人数分段的误差",
        "真值与估计",
        "误差最大的图片",
        "Blind",
    ):
        assert heading in text
    assert out.stat().st_size < 2_000_000


def test_stills_have_the_same_report(tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    code, output = run(
        *("evaluate", "stills", stills(tmp_path), "--model", "small", "--report", out, "--json")
    )
    (line,) = json_lines(output)
    assert code == 0
    assert set(line) == REPORT
    assert "002.png" in out.read_text(encoding="utf-8")


def test_names_of_pictures_are_no_markup(tmp_path: Path) -> None:
    folder = stills(tmp_path, 1)
    (folder / "images" / "000.png").rename(folder / "images" / "<b>.png")
    out = tmp_path / "report.html"
    assert run("evaluate", "stills", folder, "--model", "small", "--report", out)[0] == 0
    assert "<b>" not in out.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments",
    [(), ("--boxes", "b", "--points", "p"), ("--boxes", "absent.csv")],
    ids=["no truth", "two truths", "absent truth"],
)
def test_without_a_usable_truth_it_is_wrong_use(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert run("evaluate", "video", clip(tmp_path), *arguments)[0] == 2


def test_a_video_that_cannot_be_read_is_a_bad_result(tmp_path: Path, boxes: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    assert run("evaluate", "video", broken, "--boxes", boxes)[0] == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [("frame,x\n", 1), ("frame,x,y\n1,2\n", 2), ("frame,x,y\n1,2,3\n-1,2,3\n", 3),
     ("frame,x,y\n1,nan,3\n", 2), ("frame,x,y\none,2,3\n", 2)],
)  # fmt: skip
def test_a_bad_truth_file_is_refused_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    path = tmp_path / "points.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TruthError, match=f"points.csv:{line}:"):
        read_truth(path, TruthKind.POINTS)


def score(truth: float, count: float, *, blind: bool = False) -> Score:
    return Score(
        name=f"{truth}", truth=truth, count=count, low=count, high=count, blind=blind, cost_ms=1.0
    )


def test_bands_part_errors_by_the_number_of_people() -> None:
    found = bands([score(0, 1), score(5, 5), score(10, 8), score(2000, 1500)])
    assert [(band.least, band.pictures, band.mae, band.bias) for band in found] == [
        (0, 1, 1.0, 1.0),
        (1, 2, 1.0, -1.0),
        (1001, 1, 500.0, -500.0),
    ]


def test_an_album_keeps_the_worst_however_many_come() -> None:
    album = Album()
    for number in np.random.default_rng(1).permutation(100):
        album.add(
            Looked(
                score=score(0, float(number)),
                picture=street(),
                density=np.zeros((45, 80), np.float32),
                stride_px=8.0,
                heads=np.zeros((0, 2), np.float32),
            )
        )
    kept = [shown.score.count for shown in album.worst]
    assert kept == [float(number) for number in range(99, 99 - WORST_MOST, -1)]
