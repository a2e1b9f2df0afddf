"""A file that counts becomes a network again: it counts the same, and a deeper one begins as good."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch")
pytest.importorskip("onnx", reason="training needs onnx")

from crowd.estimator import Estimator  # noqa: E402  # after the skip
from crowd.network import SHAPES, DensityNetwork, Shape, people_per_cell, people_per_quarter  # noqa: E402
from crowd.taking_up import TakingUpError, take_up  # noqa: E402
from crowd.training import as_input  # noqa: E402
from crowd.weights_file import shipped  # noqa: E402


def crops() -> Any:
    random = np.random.default_rng(4)
    return random.integers(0, 256, (6, 128, 128, 3)).astype(np.uint8)


def taken(file: Path, shape: Shape) -> Any:
    network = DensityNetwork(shape)
    take_up(file, network, [as_input(crops(), "cpu")])
    return network.eval()


def count(network: Any, picture: Any) -> float:
    with torch.inference_mode():
        return float(people_per_cell(network(as_input(picture[None], "cpu"))).sum())


def test_the_shipped_file_counts_the_same_as_a_network() -> None:
    network = taken(shipped("small"), SHAPES["small"])
    for picture in crops():
        eight = Estimator("small").estimate(picture).count
        assert count(network, picture) == pytest.approx(eight, rel=0.2, abs=0.5)


def test_batch_statistics_of_what_it_saw_change_nothing() -> None:
    network = taken(shipped("small"), SHAPES["small"])
    with torch.inference_mode():
        running = people_per_cell(network(as_input(crops(), "cpu")))
        by_batch = people_per_cell(network.train()(as_input(crops(), "cpu")))
    assert float((running - by_batch).abs().max()) < 0.02


def test_blocks_that_the_file_lacks_pass_on_what_they_get() -> None:
    plain = SHAPES["small"]
    deeper = msgspec.structs.replace(plain, blocks_8=plain.blocks_8 + 1)
    same, more = taken(shipped("small"), plain), taken(shipped("small"), deeper)
    for picture in crops():
        assert count(more, picture) == pytest.approx(count(same, picture), rel=1e-4, abs=1e-3)


def test_the_quarters_of_a_cell_add_up_to_the_cell() -> None:
    network = DensityNetwork(SHAPES["small"]).eval()
    torch.nn.init.normal_(network.head.weight)
    with torch.inference_mode():
        logits = network(as_input(crops(), "cpu"))
    cells, quarters = people_per_cell(logits), people_per_quarter(logits)
    assert cells.shape == (6, 16, 16)
    apart = quarters.reshape(6, 16, 2, 16, 2)
    assert float(apart.std((2, 4)).max()) > 1e-4
    assert torch.allclose(apart.sum((2, 4)), cells, rtol=1e-4)


def test_a_file_of_other_widths_is_refused_by_the_layer() -> None:
    plain = SHAPES["small"]
    other = msgspec.structs.replace(plain, width_8=plain.width_8 + 8)
    with pytest.raises(TakingUpError, match=r"down_8\.0\.0"):
        taken(shipped("small"), other)
