"""An exported file counts, cell by cell, what its network counts, and can be taken up again (needs PyTorch)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch")
onnx = pytest.importorskip("onnx", reason="training needs onnx")

from crowd.estimator import Estimator, Size  # noqa: E402  # after the skip
from crowd.export import export  # noqa: E402
from crowd.network import SHAPES, DensityNetwork, doubt_per_cell, people_per_cell  # noqa: E402
from crowd.taking_up import take_up  # noqa: E402
from crowd.training import as_input  # noqa: E402
from crowd.weights_file import shipped  # noqa: E402

SIZES: tuple[Size, ...] = ("small", "full")


def picture(height: int, width: int, seed: int) -> Any:
    """Soft shapes, as pictures have them: noise alone would be a picture of nothing."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (height // 16, width // 16, 3)).astype(np.uint8)
    return np.kron(coarse, np.ones((16, 16, 1), np.uint8))


def network_of(size: Size) -> Any:
    """Random weights with something to count: untrained ones give next to nothing everywhere."""
    torch.manual_seed(3)
    network = DensityNetwork(SHAPES[size])
    for layer in (network.head, network.doubt):
        torch.nn.init.normal_(layer.weight, std=0.3)
    with torch.inference_mode():
        for seed in range(8):
            network(as_input(picture(128, 160, seed)[None], "cpu"))
    return network.eval()


@pytest.mark.parametrize("size", SIZES)
def test_a_file_counts_in_every_cell_what_its_network_counts(size: Size, tmp_path: Path) -> None:
    network = network_of(size)
    crops = [picture(512, 512, seed) for seed in range(4)]
    exact, eight = export(network, size, crops, tmp_path)
    for height, width in ((128, 160), (160, 96)):
        seen = picture(height, width, seed=20)
        with torch.inference_mode():
            logits = network(as_input(seen[None], "cpu"))
            people, doubt = people_per_cell(logits)[0], float(doubt_per_cell(logits).sum())
        counted = Estimator(size, weights=exact)
        assert counted.estimate(seen).density == pytest.approx(people.numpy(), rel=1e-3, abs=1e-5)
        assert counted.count_and_doubt(seen)[1] == pytest.approx(doubt, rel=1e-3)
        rough = Estimator(size, weights=eight).estimate(seen)
        assert rough.density.shape == people.shape
        assert rough.count == pytest.approx(float(people.sum()), rel=0.1)


def largest_weight(file: Path) -> int:
    """Of the convolutions, in steps of their eight bits."""
    tensors = [onnx.numpy_helper.to_array(each) for each in onnx.load(file).graph.initializer]
    return max(int(np.abs(each.astype(int)).max()) for each in tensors if each.dtype == np.int8)


@pytest.mark.parametrize("size", SIZES)
def test_two_products_never_overflow_sixteen_bits(size: Size, tmp_path: Path) -> None:
    _, eight = export(network_of(size), size, [picture(512, 512, seed=2)], tmp_path)
    for file in (eight, shipped(size)):
        assert 2 * 255 * largest_weight(file) <= np.iinfo(np.int16).max


def test_a_file_can_be_taken_up_again(tmp_path: Path) -> None:
    network = network_of("small")
    exact, _ = export(network, "small", [picture(512, 512, seed=1)], tmp_path)
    again = DensityNetwork(SHAPES["small"])
    seen = as_input(picture(128, 160, seed=5)[None], "cpu")
    take_up(exact, again, [seen])
    with torch.inference_mode():
        before, after = people_per_cell(network(seen)), people_per_cell(again.eval()(seen))
    assert float((before - after).abs().max()) < 1e-4 * float(before.max())
