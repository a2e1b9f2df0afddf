"""Counts in a video against its truth: people's boxes or head points, frame by frame."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from math import isfinite
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from crowd.estimator import Counting
from crowd.evaluation import Score, StillsReport, report
from crowd.sight import judge
from crowd.sources import Frame, frames
from model.level import Sight

HEAD_SHARE: Final = 0.1
"""How far below the top of a person's box the middle of the head is, as a share of its height."""

Heads = NDArray[np.float32]


class TruthError(ValueError):
    """A truth file is not as expected; the message names file, line and what would be right."""


class VideoUnreadableError(ValueError):
    """The video cannot be read; the message says why."""


class TruthKind(StrEnum):
    """What a truth file marks, with its header."""

    BOXES = "frame,person,left,top,width,height"
    POINTS = "frame,x,y"


class VideoReport(StillsReport, frozen=True, kw_only=True):
    """The figures of one video: those of stills over the frames looked at, and how many it spans."""

    frames: int


def read_truth(path: Path, kind: TruthKind) -> dict[int, Heads]:
    """Heads (n, 2) by frame, frames counted from 0; a frame without a row shows nobody."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TruthError(f"{path}: cannot be read as text; expected {kind}") from error
    rows = csv.reader(text.splitlines())
    if ",".join(cell.strip() for cell in next(rows, [])) != kind:
        raise TruthError(f"{path}:1: the header must be {kind}")
    found: dict[int, list[tuple[float, float]]] = {}
    for row in rows:
        if row:
            frame, head = _head(row, kind, where=f"{path}:{rows.line_num}")
            found.setdefault(frame, []).append(head)
    return {frame: np.array(heads, np.float32) for frame, heads in found.items()}


def _head(row: list[str], kind: TruthKind, *, where: str) -> tuple[int, tuple[float, float]]:
    wanted = kind.count(",") + 1
    if len(row) != wanted:
        raise TruthError(f"{where}: {len(row)} columns; expected {kind}")
    try:
        frame, numbers = int(row[0]), [float(cell) for cell in row[-(4 if wanted == 6 else 2) :]]
    except ValueError as error:
        raise TruthError(f"{where}: not numbers; expected {kind}") from error
    if frame < 0 or not all(isfinite(number) for number in numbers):
        raise TruthError(f"{where}: frames count from 0, and numbers must be finite")
    if kind is TruthKind.POINTS:
        return frame, (numbers[0], numbers[1])
    left, top, width, height = numbers
    return frame, (left + width / 2, top + HEAD_SHARE * height)


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """One frame that was counted: its score, its pixels, the density map and the true heads."""

    score: Score
    picture: NDArray[np.uint8]
    density: NDArray[np.float32] | None
    stride_px: float
    heads: Heads


def score_video(
    path: Path,
    truth: Mapping[int, Heads],
    estimator: Counting,
    *,
    every_s: float,
    watch: Callable[[Looked], None],
) -> tuple[list[Score], int]:
    """Counts one frame every so many seconds; gives the scores and the frames that they span.

    Raises VideoUnreadableError, also where a video breaks off: half a video is no evaluation.
    """
    scores: list[Score] = []
    span = 0
    for frame in frames(str(path), every_s=every_s, most=None):
        if frame.picture is None:
            raise VideoUnreadableError(f"{path}: frame {frame.index}: {frame.unreadable}")
        if not scores:
            estimator.estimate(frame.picture)
        looked = _look(frame, frame.picture, truth, estimator)
        scores.append(looked.score)
        span = frame.index + 1
        watch(looked)
    return scores, span


def _look(
    frame: Frame,
    picture: NDArray[np.uint8],
    truth: Mapping[int, Heads],
    estimator: Counting,
) -> Looked:
    heads = _within(truth.get(frame.index, np.zeros((0, 2), np.float32)), picture)
    began = time.perf_counter()
    estimate = estimator.estimate(picture) if judge(picture).sight is Sight.LIVE else None
    score = Score(
        name=f"#{frame.index}",
        truth=float(len(heads)),
        count=estimate.count if estimate else 0.0,
        low=estimate.count_low if estimate else 0.0,
        high=estimate.count_high if estimate else 0.0,
        blind=estimate is None,
        cost_ms=(time.perf_counter() - began) * 1000,
    )
    return Looked(
        score=score,
        picture=picture,
        density=estimate.density if estimate else None,
        stride_px=estimate.stride_px if estimate else 0.0,
        heads=heads,
    )


def _within(heads: Heads, picture: NDArray[np.uint8]) -> Heads:
    size = (picture.shape[1], picture.shape[0])
    return heads[((heads >= 0) & (heads < size)).all(axis=1)]


def video_report(scores: Sequence[Score], *, frames_spanned: int, model: str) -> VideoReport:
    """The contract's figures over all frames that were looked at."""
    return VideoReport(
        **msgspec.structs.asdict(report(scores, model)),
        frames=frames_spanned,
    )
