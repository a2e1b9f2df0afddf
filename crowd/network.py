"""The counting network: a picture in, people per cell of eight pixels out. Needs PyTorch.

A stem of stride four reads the picture, residual blocks at strides four, eight and sixteen widen what a
cell sees, and the widest view is added back at stride eight. Every layer is a plain convolution, a
rectifier or an addition, so that it folds and quantises to eight bits without surprises.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import torch
from torch import nn
from torch.nn import functional

STRIDE_PX: Final = 8
PAD_TO_PX: Final = 16


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """How wide (channels) and how deep (residual blocks) the network is at strides 4, 8 and 16."""

    width_4: int
    width_8: int
    width_16: int
    blocks_4: int
    blocks_8: int
    dilations_16: tuple[int, ...]


SHAPES: Final[dict[str, Shape]] = {
    "full": Shape(
        width_4=32, width_8=80, width_16=128, blocks_4=2, blocks_8=2, dilations_16=(1, 2, 1)
    ),
    "small": Shape(
        width_4=24, width_8=48, width_16=96, blocks_4=0, blocks_8=1, dilations_16=(1, 2, 1)
    ),
}


def _convolution(before: int, after: int, *, size: int = 3, stride: int = 1, gap: int = 1) -> Any:
    return nn.Sequential(
        nn.Conv2d(
            before,
            after,
            size,
            stride,
            padding=gap * (size - 1) // 2,
            dilation=gap,
            bias=False,
        ),
        nn.BatchNorm2d(after, momentum=0.03),
    )


class _Residual(nn.Module):  # type: ignore[misc]  # PyTorch is optional, so its classes are Any
    def __init__(self, width: int, *, gap: int = 1) -> None:
        super().__init__()
        self.first = _convolution(width, width, gap=gap)
        self.second = _convolution(width, width)

    def forward(self, features: Any) -> Any:
        return functional.relu(features + self.second(functional.relu(self.first(features))))


class DensityNetwork(nn.Module):  # type: ignore[misc]  # PyTorch is optional, so its classes are Any
    """Picture → two maps at stride eight: the gate (is anyone here?) and the rate (how many, if so).

    Input: float, batch x 3 x height x width, BGR, (value - 128) / 255, sides a multiple of 16.
    Output: batch x 2 x height/8 x width/8, logits. `people_per_cell` turns them into people.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, shape.width_4, 8, 4, padding=2, bias=False),
            nn.BatchNorm2d(shape.width_4, momentum=0.03),
            nn.ReLU(),
        )
        self.near = nn.Sequential(*(_Residual(shape.width_4) for _ in range(shape.blocks_4)))
        self.down_8 = nn.Sequential(_convolution(shape.width_4, shape.width_8, stride=2), nn.ReLU())
        self.middle = nn.Sequential(*(_Residual(shape.width_8) for _ in range(shape.blocks_8)))
        self.down_16 = nn.Sequential(
            _convolution(shape.width_8, shape.width_16, stride=2), nn.ReLU()
        )
        self.wide = nn.Sequential(*(_Residual(shape.width_16, gap=g) for g in shape.dilations_16))
        self.lateral = _convolution(shape.width_8, shape.width_8, size=1)
        self.back = _convolution(shape.width_16, shape.width_8, size=1)
        self.fuse = nn.Sequential(_convolution(shape.width_8, shape.width_8), nn.ReLU())
        self.head = nn.Conv2d(shape.width_8, 2, 1)
        # A start near "few people" keeps the first steps calm: most cells of a picture are empty.
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.constant_(self.head.bias, -1.5)

    def forward(self, picture: Any) -> Any:
        middle = self.middle(self.down_8(self.near(self.stem(picture))))
        wide = self.back(self.wide(self.down_16(middle)))
        wide = functional.interpolate(wide, scale_factor=2, mode="nearest")
        return self.head(self.fuse(functional.relu(self.lateral(middle) + wide)))


def people_per_cell(logits: Any) -> Any:
    """People in each cell, batch x height x width: the gate's chance times the rate."""
    gate, rate = logits[:, 0], logits[:, 1]
    return torch.sigmoid(gate) * functional.softplus(rate)
