"""`yinding estimate`, `evaluate stills` and `train` as a person or a program meets them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from service.commands import estimate, evaluate, train
from service.exits import CommandError
from tests.crowd.test_pictures import packed, png_that_claims
from tests.crowd.test_sight import street

LINE = {"source", "frame", "count", "count_low", "count_high", "sight", "reason"}
REPORT = {
    *("images", "mae", "rmse", "bias", "mape", "r", "coverage", "width", "blind"),
    *("ms_per_image", "model"),
}


def run(*arguments: str | Path) -> tuple[int, str]:
    """(exit code, standard output) of one command, by the contract's exit codes."""
    app = typer.Typer()
    for module in (estimate, evaluate, train):
        module.register(app)
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(result.exception, CommandError):
        return result.exception.code, result.stdout
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "street.png"
    cv2.imwrite(str(path), street())
    return path


def stills(tmp_path: Path, number: int = 3) -> Path:
    folder = tmp_path / "stills"
    (folder / "images").mkdir(parents=True)
    rows = ["image,x,y"]
    for index in range(number):
        cv2.imwrite(str(folder / "images" / f"{index:03}.png"), street(seed=index))
        rows += [f"{index:03}.png,{50 + 9 * head},200" for head in range(index)]
    (folder / "heads.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def test_a_picture_is_answered_with_one_line_of_the_contract(photo: Path) -> None:
    code, output = run("estimate", photo, "--json")
    (line,) = json_lines(output)
    assert code == 0
    assert set(line) == LINE
    assert (line["source"], line["frame"], line["sight"], line["reason"]) == (
        str(photo),
        0,
        "live",
        None,
    )
    assert 0 <= line["count_low"] <= line["count"] <= line["count_high"]


def test_a_black_picture_is_blind_without_numbers_and_no_failure(tmp_path: Path) -> None:
    path = tmp_path / "black.png"
    cv2.imwrite(str(path), np.zeros((360, 640, 3), np.uint8))
    code, output = run("estimate", path, "--json", "--model", "small")
    (line,) = json_lines(output)
    assert code == 0
    assert (line["sight"], line["reason"]) == ("blind", "black")
    assert line["count"] is line["count_low"] is line["count_high"] is None


def test_bad_files_get_a_line_each_and_the_good_one_its_number(tmp_path: Path, photo: Path) -> None:
    bad = {
        "cut.jpg": packed(".jpg")[:-300],
        "letter.jpg": b"Dear sir, this is no photo.",
        "huge.png": png_that_claims(12_000, 9_000),
        "empty.jpg": b"",
        "film.mp4": b"not a film",
    }
    paths = []
    for name, data in bad.items():
        (tmp_path / name).write_bytes(data)
        paths.append(tmp_path / name)
    code, output = run("estimate", *paths, tmp_path / "none.jpg", photo, "--json")
    lines = json_lines(output)
    assert code == 1
    assert len(lines) == len(bad) + 2
    for line in lines[:-1]:
        assert line["count"] is None
        assert line["sight"] == "blind"
        assert line["reason"].startswith("unreadable: ")
    assert lines[-1]["count"] is not None


def test_a_single_pixel_is_blind_and_never_a_number(tmp_path: Path) -> None:
    path = tmp_path / "dot.png"
    cv2.imwrite(str(path), np.full((1, 1, 3), 80, np.uint8))
    _, output = run("estimate", path, "--json")
    (line,) = json_lines(output)
    assert (line["count"], line["reason"]) == (None, "too_small")


def test_a_video_gives_a_line_every_so_many_seconds(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height = 640, 360
        for index in range(25):
            frame = av.VideoFrame.from_ndarray(street(seed=index), format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    code, output = run("estimate", path, "--json", "--every", "1", "--model", "small")
    assert code == 0
    assert [line["frame"] for line in json_lines(output)] == [0, 10, 20]
    _, output = run("estimate", path, "--json", "--frames", "1", "--model", "small")
    assert len(json_lines(output)) == 1


def test_evaluate_reports_every_field_of_the_contract(tmp_path: Path) -> None:
    code, output = run("evaluate", "stills", stills(tmp_path), "--json", "--model", "small")
    assert code == 0
    found = json.loads(output)
    assert set(found) == REPORT
    assert (found["images"], found["blind"]) == (3, 0)
    assert found["model"].startswith("small")


def test_evaluate_shrinks_and_corrects(tmp_path: Path) -> None:
    folder = stills(tmp_path)
    code, output = run(
        *("evaluate", "stills", folder, "--shrink", "320x240", "--calibrate", folder, "--json"),
        *("--model", "small"),
    )
    assert code == 0
    assert json.loads(output)["mae"] < 2


@pytest.mark.parametrize("shrink", ["640", "0x480", "axb", "640x480x3"])
def test_a_wrong_size_is_wrong_use(tmp_path: Path, shrink: str) -> None:
    assert run("evaluate", "stills", stills(tmp_path), "--shrink", shrink)[0] == 2


def test_a_folder_in_another_format_is_wrong_use(tmp_path: Path) -> None:
    assert run("evaluate", "stills", tmp_path)[0] == 2
    assert run("train", tmp_path)[0] == 2


def test_evaluate_names_an_unreadable_picture_and_fails(tmp_path: Path) -> None:
    folder = stills(tmp_path)
    (folder / "images" / "cut.jpg").write_bytes(packed(".jpg")[:-300])
    assert run("evaluate", "stills", folder, "--json") == (1, "")


def test_the_held_out_pictures_can_be_written_for_evaluation(tmp_path: Path) -> None:
    folder = stills(tmp_path, number=24)
    assert run("train", folder, "--split-to", tmp_path / "held-out")[0] == 0
    code, output = run(
        *("evaluate", "stills", tmp_path / "held-out" / "stills", "--json", "--model", "small")
    )
    assert code == 0
    assert 0 < json.loads(output)["images"] < 24
