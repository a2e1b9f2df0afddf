"""The peer of the estimator bench: MCNN's published layout with random weights, as an ONNX file.

MCNN (Zhang et al., CVPR 2016) has three columns of four convolutions with large, middle and small
kernels, two poolings each, joined by a 1×1 convolution: 0.13 M parameters, a density map at a
quarter of the picture's size. Its time does not depend on its weights. The file is written by hand
(protocol buffers are numbered fields), so that the bench needs no package to make models.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

COLUMNS: Final = (
    ((16, 9), (32, 7), (16, 7), (8, 7)),
    ((20, 7), (40, 5), (20, 5), (10, 5)),
    ((24, 5), (48, 3), (24, 3), (12, 3)),
)
"""Channels and kernel side of each convolution, by column; a pooling follows the first two."""

_IR_VERSION, _OPSET = 8, 13
_FLOAT, _INT, _INTS = 1, 2, 7


def mcnn(seed: int = 1) -> tuple[bytes, int]:
    """The file, and its number of weights. Input `picture`: float32, 1 × 1 × height × width."""
    rng = np.random.default_rng(seed)
    nodes: list[bytes] = []
    tensors: list[bytes] = []
    weights = 0

    def convolve(source: str, name: str, channels: int, before: int, side: int) -> str:
        nonlocal weights
        values = rng.normal(0, 0.01, (channels, before, side, side)).astype(np.float32)
        weights += values.size + channels
        tensors.append(_tensor(f"{name}.w", values))
        tensors.append(_tensor(f"{name}.b", np.zeros(channels, np.float32)))
        pad = side // 2
        nodes.append(
            _node(
                "Conv", (source, f"{name}.w", f"{name}.b"), name,
                kernel_shape=(side, side), pads=(pad,) * 4,
            )
        )  # fmt: skip
        nodes.append(_node("Relu", (name,), f"{name}.r"))
        return f"{name}.r"

    ends = []
    for number, column in enumerate(COLUMNS):
        at, before = "picture", 1
        for step, (channels, side) in enumerate(column):
            at = convolve(at, f"c{number}.{step}", channels, before, side)
            before = channels
            if step < 2:
                pooled = f"{at}.p"
                nodes.append(_node("MaxPool", (at,), pooled, kernel_shape=(2, 2), strides=(2, 2)))
                at = pooled
        ends.append(at)
    nodes.append(_node("Concat", ends, "joined", axis=1))
    joined = sum(column[-1][0] for column in COLUMNS)
    density = convolve("joined", "last", 1, joined, 1)
    graph = b"".join(
        [
            *(_bytes(1, node) for node in nodes),
            _bytes(2, b"mcnn"),
            *(_bytes(5, tensor) for tensor in tensors),
            _bytes(11, _value("picture")),
            _bytes(12, _value(density)),
        ]
    )
    opset = _bytes(8, _number(2, _OPSET))
    return _number(1, _IR_VERSION) + _bytes(7, graph) + opset, weights


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _node(
    kind: str, inputs: Sequence[str], output: str, **attributes: int | Sequence[int]
) -> bytes:
    parts = [_bytes(1, name.encode()) for name in inputs]
    parts += [_bytes(2, output.encode()), _bytes(3, output.encode()), _bytes(4, kind.encode())]
    for name, value in attributes.items():
        if isinstance(value, int):
            told = _number(3, value) + _number(20, _INT)
        else:
            told = b"".join(_number(8, one) for one in value) + _number(20, _INTS)
        parts.append(_bytes(5, _bytes(1, name.encode()) + told))
    return b"".join(parts)


def _tensor(name: str, values: np.ndarray) -> bytes:
    dims = b"".join(_number(1, side) for side in values.shape)
    return dims + _number(2, _FLOAT) + _bytes(8, name.encode()) + _bytes(9, values.tobytes())


def _value(name: str) -> bytes:
    """A float tensor 1 × 1 × any height × any width."""
    dims = [
        _number(1, 1),
        _number(1, 1),
        _bytes(2, b"h" + name.encode()),
        _bytes(2, b"w" + name.encode()),
    ]
    shape = b"".join(_bytes(1, dim) for dim in dims)
    tensor = _number(1, _FLOAT) + _bytes(2, shape)
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, tensor))
