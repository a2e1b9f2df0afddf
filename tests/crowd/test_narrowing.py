"""A narrower network takes a wide file's strongest channels, the same ones wherever they are shared."""

from __future__ import annotations

import numpy as np
import pytest

from crowd.narrowing import Layers, narrowed

WIDE, KEPT = 6, 4


def layer(after: int, before: int, size: int = 3, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return (
        random.normal(1, 0.1, (after, before, size, size)).astype(np.float32),
        random.normal(size=after).astype(np.float32),
    )


def layers() -> Layers:
    return {
        "down_16.0.0": layer(WIDE, 3, seed=1),
        "wide.0.first.0": layer(WIDE, WIDE, seed=2),
        "wide.0.second.0": layer(WIDE, WIDE, seed=3),
        "back.0": layer(3, WIDE, 1, seed=4),
    }


WANTED = {
    "down_16.0.0": (KEPT, 3, 3, 3),
    "wide.0.first.0": (KEPT, KEPT, 3, 3),
    "wide.0.second.0": (KEPT, KEPT, 3, 3),
    "back.0": (3, KEPT, 1, 1),
}


def weaken(found: Layers, *, stream: list[int], inside: list[int]) -> None:
    found["down_16.0.0"][0][stream] = 0
    found["wide.0.second.0"][0][stream] = 0
    found["wide.0.first.0"][0][inside] = 0


def test_the_weakest_channels_go_from_all_layers_that_share_them() -> None:
    wide = layers()
    weaken(wide, stream=[1, 4], inside=[0, 5])
    narrow = narrowed(wide, WANTED)
    stream, inside = [0, 2, 3, 5], [1, 2, 3, 4]
    expected = {
        "down_16.0.0": (wide["down_16.0.0"][0][stream], wide["down_16.0.0"][1][stream]),
        "wide.0.first.0": (
            wide["wide.0.first.0"][0][inside][:, stream],
            wide["wide.0.first.0"][1][inside],
        ),
        "wide.0.second.0": (
            wide["wide.0.second.0"][0][stream][:, inside],
            wide["wide.0.second.0"][1][stream],
        ),
        "back.0": (wide["back.0"][0][:, stream], wide["back.0"][1]),
    }
    for name, (weight, bias) in expected.items():
        np.testing.assert_array_equal(narrow[name][0], weight)
        np.testing.assert_array_equal(narrow[name][1], bias)


def test_layers_that_fit_stay_as_they_are() -> None:
    wide = layers()
    fitting = {name: weight.shape for name, (weight, _) in wide.items()}
    narrow = narrowed(wide, fitting)
    assert all(narrow[name][0] is wide[name][0] for name in wide)


@pytest.mark.parametrize("missing", ["down_16.0.0", "back.0"])
def test_a_file_that_lacks_a_layer_is_no_fault_of_narrowing(missing: str) -> None:
    wide = layers()
    del wide[missing]
    narrow = narrowed(wide, {name: shape for name, shape in WANTED.items() if name != missing})
    for name, (weight, _) in narrow.items():
        assert weight.shape == WANTED[name]
