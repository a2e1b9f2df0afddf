"""The shipped networks: any size of picture, the map adds up, nobody is nobody."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crowd.estimator import Estimator, Size
from crowd.evaluation import report, score_stills
from crowd.stills import read_folder, split
from crowd.textures import empty_picture

REPOSITORY = Path(__file__).parents[2]
DATA = Path(os.environ.get("YINDING_DATA", REPOSITORY.parent / "shared" / "data"))
SIZES: tuple[Size, ...] = ("small", "full")


@cache
def estimator(size: Size) -> Estimator:
    return Estimator(size)


def noise(height: int, width: int) -> Any:
    return np.random.default_rng(5).integers(0, 256, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shape", [(360, 640), (480, 640), (1, 1), (17, 900), (768, 1024)])
def test_the_map_adds_up_to_the_count_for_any_size(size: Size, shape: tuple[int, int]) -> None:
    estimate = estimator(size).estimate(noise(*shape))
    assert estimate.density.dtype == np.float32
    assert float(estimate.density.sum(dtype=np.float64)) == pytest.approx(estimate.count)
    assert (estimate.density >= 0).all()
    assert 0 <= estimate.count_low <= estimate.count <= estimate.count_high
    rows, columns = estimate.density.shape
    assert rows * estimate.stride_px == pytest.approx(shape[0], abs=estimate.stride_px)
    assert columns * estimate.stride_px == pytest.approx(shape[1], abs=estimate.stride_px)


def test_a_picture_too_large_for_small_is_shrunk_and_its_cells_grow() -> None:
    estimate = estimator("small").estimate(noise(720, 1280))
    assert estimate.stride_px == pytest.approx(8 * (1280 * 720 / (640 * 480)) ** 0.5)
    assert estimate.density.size < 5000


def test_what_is_no_picture_is_refused() -> None:
    wrongs: list[Any] = [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ]
    for wrong in wrongs:
        with pytest.raises(ValueError, match="uint8"):
            estimator("small").estimate(wrong)


@pytest.mark.parametrize("size", SIZES)
def test_the_same_picture_gives_the_same_count(size: Size) -> None:
    picture = noise(360, 640)
    assert estimator(size).estimate(picture).count == estimator(size).estimate(picture).count


@pytest.mark.parametrize("size", SIZES)
def test_walls_leaves_noise_and_paving_hold_next_to_nobody(size: Size) -> None:
    random = np.random.default_rng(6)
    counts = [estimator(size).estimate(empty_picture(352, random)).count for _ in range(24)]
    assert float(np.median(counts)) < 1
    # Pebbles deceive, as the model card says: one or two of these pictures.
    assert sorted(counts)[-3] < 3


def test_the_files_are_small_enough_to_ship() -> None:
    weights = sorted((REPOSITORY / "crowd" / "weights").glob("*.onnx"))
    assert sum(path.stat().st_size for path in weights) < 10_000_000
    assert {"small.onnx", "full.onnx"} <= {path.name for path in weights}


@pytest.mark.skipif(
    not (DATA / "stills-b").is_dir(), reason="the street pictures stills-b are not on this machine"
)
def test_held_out_street_pictures_are_counted_no_worse_than_the_model_card_says() -> None:
    held_out = split(read_folder(DATA / "stills-b"))[1]
    found = report(score_stills(held_out, estimator("full")), estimator("full").model)
    assert found.blind == 0
    # 9.1 when these weights were made. All pictures count: every third alone gives a kinder figure.
    assert found.mae < 10.0
    assert found.r is not None
    assert found.r > 0.95
