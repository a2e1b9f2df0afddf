"""The stills format: strict to read, split by name alone, written back the same."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from crowd.stills import StillsError, is_validation, read_folder, split, write_folder


def folder(tmp_path: Path, heads: str | None, *names: str) -> Path:
    made = tmp_path / "stills"
    (made / "images").mkdir(parents=True)
    for name in names:
        cv2.imwrite(str(made / "images" / name), np.zeros((8, 8, 3), np.uint8))
    if heads is not None:
        (made / "heads.csv").write_text(heads, encoding="utf-8")
    return made


def test_a_picture_without_rows_shows_nobody(tmp_path: Path) -> None:
    stills = read_folder(folder(tmp_path, "image,x,y\na.png,1,2\na.png,3.5,4\n", "a.png", "b.png"))
    assert [(still.name, still.count) for still in stills] == [("a.png", 2), ("b.png", 0)]
    assert stills[0].heads.tolist() == [[1, 2], [3.5, 4]]


@pytest.mark.parametrize(
    ("heads", "complaint"),
    [
        ("name,x,y\n", "heads.csv:1: the header must be image,x,y"),
        ("image,x,y\na.png,1\n", "heads.csv:2: 2 columns"),
        ("image,x,y\na.png,1,2\na.png,one,2\n", "heads.csv:3: x and y must be numbers"),
        ("image,x,y\na.png,nan,2\n", "heads.csv:2: x and y must be finite"),
        ("image,x,y\nz.png,1,2\n", "names 'z.png'"),
        (None, "expected a file image,x,y"),
    ],
)
def test_a_bad_heads_file_is_refused_by_file_and_line(
    tmp_path: Path, heads: str | None, complaint: str
) -> None:
    with pytest.raises(StillsError, match=complaint):
        read_folder(folder(tmp_path, heads, "a.png"))


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StillsError, match="no pictures"):
        read_folder(folder(tmp_path, "image,x,y\n"))
    with pytest.raises(StillsError, match="no folder images/"):
        read_folder(tmp_path)


def test_about_an_eighth_is_held_out_and_the_split_never_changes() -> None:
    held_out = [number for number in range(800) if is_validation(f"{number:03}.jpg")]
    assert 70 < len(held_out) < 130
    assert held_out[:4] == [n for n in range(held_out[3] + 1) if is_validation(f"{n:03}.jpg")]


def test_the_held_out_pictures_can_be_written_and_read_again(tmp_path: Path) -> None:
    names = [f"{number:03}.png" for number in range(40)]
    rows = "".join(f"{name},1.0,2.5\n" for name in names)
    training, held_out = split(read_folder(folder(tmp_path, f"image,x,y\n{rows}", *names)))
    assert held_out
    assert len(training) + len(held_out) == 40
    write_folder(held_out, tmp_path / "out")
    again = read_folder(tmp_path / "out")
    assert [(s.name, s.heads.tolist()) for s in again] == [
        (s.name, s.heads.tolist()) for s in held_out
    ]
    with pytest.raises(StillsError, match="not empty"):
        write_folder(held_out, tmp_path / "out")
