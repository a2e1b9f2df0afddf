"""Pictures with marked heads on disk: the format that training and evaluation read.

A folder holds `images/` and `heads.csv` (header `image,x,y`, pixels of the picture, one row a head).
A picture without a row shows no person.
"""

from __future__ import annotations

import csv
import hashlib
import math
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
VALIDATION_ONE_IN = 8


class StillsError(ValueError):
    """A folder is not in the stills format; the message names file, line and what would be right."""


class Still(msgspec.Struct, frozen=True, kw_only=True):
    """One picture and where its heads are: `heads` is float32, n rows of x, y in pixels."""

    name: str
    path: Path
    heads: NDArray[np.float32]

    @property
    def count(self) -> int:
        return len(self.heads)


def read_folder(folder: Path) -> list[Still]:
    """Every picture of one folder in the order of its name, each with its heads."""
    images = folder / "images"
    if not images.is_dir():
        raise StillsError(f"{folder}: no folder images/; expected images/ and heads.csv")
    heads = _read_heads(folder / "heads.csv")
    paths = sorted(path for path in images.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES)
    if not paths:
        raise StillsError(f"{images}: no pictures ({', '.join(sorted(PICTURE_SUFFIXES))})")
    unknown = heads.keys() - {path.name for path in paths}
    if unknown:
        raise StillsError(
            f"{folder / 'heads.csv'}: names {min(unknown)!r}, which is not in images/"
        )
    return [
        Still(
            name=path.name,
            path=path,
            heads=np.asarray(heads.get(path.name, []), np.float32).reshape(-1, 2),
        )
        for path in paths
    ]


def _read_heads(path: Path) -> dict[str, list[tuple[float, float]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise StillsError(f"{path}: {error.strerror}; expected a file image,x,y") from error
    except UnicodeDecodeError as error:
        raise StillsError(f"{path}: not UTF-8 text; expected a file image,x,y") from error
    rows = csv.reader(text.splitlines())
    if [cell.strip() for cell in next(rows, [])] != ["image", "x", "y"]:
        raise StillsError(f"{path}:1: the header must be image,x,y")
    heads: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        if not row:
            continue
        heads.setdefault(row[0], []).append(_point(row, where=f"{path}:{rows.line_num}"))
    return heads


def _point(row: Sequence[str], *, where: str) -> tuple[float, float]:
    if len(row) != 3:
        raise StillsError(f"{where}: {len(row)} columns; expected image,x,y")
    try:
        x, y = float(row[1]), float(row[2])
    except ValueError as error:
        raise StillsError(
            f"{where}: x and y must be numbers, not {row[1]!r}, {row[2]!r}"
        ) from error
    if not (math.isfinite(x) and math.isfinite(y)):
        raise StillsError(f"{where}: x and y must be finite, not {row[1]!r}, {row[2]!r}")
    return x, y


def is_validation(name: str) -> bool:
    """Whether a picture is held out, by its name alone, so that the split never depends on a run."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % VALIDATION_ONE_IN == 0


def split(stills: Iterable[Still]) -> tuple[list[Still], list[Still]]:
    """The pictures to train on and the pictures held out for validation."""
    training: list[Still] = []
    validation: list[Still] = []
    for still in stills:
        (validation if is_validation(still.name) else training).append(still)
    return training, validation


def write_folder(stills: Sequence[Still], out: Path) -> None:
    """Copies pictures and heads into a new folder in the same format; refuses one that has content."""
    if out.exists() and any(out.iterdir()):
        raise StillsError(f"{out}: not empty; name a new folder")
    images = out / "images"
    images.mkdir(parents=True, exist_ok=True)
    with (out / "heads.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("image", "x", "y"))
        for still in stills:
            shutil.copyfile(still.path, images / still.name)
            writer.writerows((still.name, f"{x:.1f}", f"{y:.1f}") for x, y in still.heads)
