"""A wide file's weights for a network that is narrower at stride 16: the strongest channels remain.

Channels belong together where layers add up or read each other: what one drops, all must. A channel is as strong
as what makes it times what listens to it, by the length of their weights (after Li and others, Pruning filters for
efficient ConvNets, ICLR 2017). What is lost is to be learned again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

Layers = dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]


class _Shared(msgspec.Struct, frozen=True):
    """One set of channels: the layers that make them and those that listen, by patterns of their names."""

    makers: str
    listeners: str


_BLOCK = re.compile(r"(?:near|middle|wide)\.\d+")
_WIDEST = _Shared(r"down_16\.0\.0|wide\.\d+\.second\.0", r"wide\.\d+\.first\.0|back\.0")


def narrowed(layers: Layers, wanted: Mapping[str, Sequence[int]]) -> Layers:
    """The layers with no more channels than `wanted` (layer → shape of its weights) has, the strongest of them.

    Those that all blocks at stride 16 share, and those within each block of any stride.
    """
    blocks = dict.fromkeys(match[0] for match in map(_BLOCK.match, layers) if match)
    inside = [
        _Shared(re.escape(f"{name}.first.0"), re.escape(f"{name}.second.0")) for name in blocks
    ]
    done = dict(layers)
    for shared in (_WIDEST, *inside):
        makers = [name for name in done if re.fullmatch(shared.makers, name)]
        listeners = [name for name in done if re.fullmatch(shared.listeners, name)]
        fewest = min((wanted[name][0] for name in makers if name in wanted), default=0)
        if makers and 0 < fewest < len(done[makers[0]][0]):
            kept = _strongest(done, makers, listeners, fewest)
            for name in makers:
                weight, bias = done[name]
                done[name] = (weight[kept], bias[kept])
            for name in listeners:
                weight, bias = done[name]
                done[name] = (weight[:, kept], bias)
    return done


def _strongest(
    layers: Layers, makers: Sequence[str], listeners: Sequence[str], many: int
) -> NDArray[Any]:
    made = sum((layers[name][0] ** 2).sum((1, 2, 3)) for name in makers)
    heard = sum((layers[name][0] ** 2).sum((0, 2, 3)) for name in listeners)
    return np.sort(np.argsort(np.asarray(made * heard), kind="stable")[-many:])
