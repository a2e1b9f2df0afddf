"""The counting network: a picture in, people per cell of eight pixels out. Needs PyTorch.

A stem of stride four, in one step or in two, reads the picture, residual blocks at strides four, eight and sixteen widen
what a cell sees, and the widest view is added back at stride eight. Every layer is a plain convolution, a
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
# A cell of eight pixels holds two far heads or an ear of a near one: each of its quarters says its own.
QUARTERS: Final = 4


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """How wide (channels) and how deep (residual blocks) the network is at strides 2, 4, 8 and 16.

    `width_2` of 0 reads the picture in one step of stride four. `fusing` convolutions follow the sum of
    the two views at stride eight.
    """

    width_2: int
    width_4: int
    width_8: int
    width_16: int
    blocks_4: int
    blocks_8: int
    dilations_16: tuple[int, ...]
    fusing: int


SHAPES: Final[dict[str, Shape]] = {
    "full": Shape(
        width_2=16,
        width_4=32,
        width_8=64,
        width_16=128,
        blocks_4=1,
        blocks_8=2,
        dilations_16=(1, 2, 3, 1),
        fusing=2,
    ),
    "small": Shape(
        width_2=0,
        width_4=24,
        width_8=48,
        width_16=64,
        blocks_4=0,
        blocks_8=1,
        dilations_16=(1, 2, 1),
        fusing=1,
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


def _stem(shape: Shape) -> Any:
    """Picture → stride four. The first kernel spans two strides, so that export can regroup pixels."""
    stride = 2 if shape.width_2 else 4
    first = shape.width_2 or shape.width_4
    layers = [
        nn.Conv2d(3, first, 2 * stride, stride, padding=stride // 2, bias=False),
        nn.BatchNorm2d(first, momentum=0.03),
        nn.ReLU(),
    ]
    if shape.width_2:
        layers += [_convolution(shape.width_2, shape.width_4, stride=2), nn.ReLU()]
    return nn.Sequential(*layers)


class DensityNetwork(nn.Module):  # type: ignore[misc]  # PyTorch is optional, so its classes are Any
    """Picture → maps at stride eight: gates, rates, and how wrong they are likely to be.

    Input: float, batch x 3 x height x width, BGR, (value - 128) / 255, sides a multiple of 16.
    Output: batch x 9 x height/8 x width/8, logits: four gates and four rates, one for each quarter of the
    cell, and the doubt. `people_per_quarter` and `people_per_cell` turn them into people and
    `doubt_per_cell` into the error to expect, which looks at the features but never shapes them.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.stem = _stem(shape)
        self.near = nn.Sequential(*(_Residual(shape.width_4) for _ in range(shape.blocks_4)))
        self.down_8 = nn.Sequential(_convolution(shape.width_4, shape.width_8, stride=2), nn.ReLU())
        self.middle = nn.Sequential(*(_Residual(shape.width_8) for _ in range(shape.blocks_8)))
        self.down_16 = nn.Sequential(
            _convolution(shape.width_8, shape.width_16, stride=2), nn.ReLU()
        )
        self.wide = nn.Sequential(*(_Residual(shape.width_16, gap=g) for g in shape.dilations_16))
        self.lateral = _convolution(shape.width_8, shape.width_8, size=1)
        self.back = _convolution(shape.width_16, shape.width_8, size=1)
        self.fuse = nn.Sequential(
            *(
                layer
                for _ in range(shape.fusing)
                for layer in (_convolution(shape.width_8, shape.width_8), nn.ReLU())
            )
        )
        self.head = nn.Conv2d(shape.width_8, 2 * QUARTERS, 1)
        self.doubt = nn.Conv2d(shape.width_8, 1, 1)
        # A start near "few people" keeps the first steps calm: most cells of a picture are empty.
        for layer in (self.head, self.doubt):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.constant_(layer.bias, -1.5)

    def forward(self, picture: Any) -> Any:
        middle = self.middle(self.down_8(self.near(self.stem(picture))))
        wide = self.back(self.wide(self.down_16(middle)))
        wide = functional.interpolate(wide, scale_factor=2, mode="nearest")
        fused = self.fuse(functional.relu(self.lateral(middle) + wide))
        return torch.cat((self.head(fused), self.doubt(fused.detach())), 1)


def people_per_quarter(logits: Any) -> Any:
    """People in each quarter of a cell, batch x 1 x height/4 x width/4, to be trained on."""
    gate, rate = functional.pixel_shuffle(logits[:, : 2 * QUARTERS], 2).split(1, 1)
    return torch.sigmoid(gate) * functional.softplus(rate) / QUARTERS


def people_per_cell(logits: Any) -> Any:
    """People in each cell, batch x height x width: its quarters' chances times their rates."""
    gates, rates = logits[:, :QUARTERS], logits[:, QUARTERS : 2 * QUARTERS]
    return (torch.sigmoid(gates) * functional.softplus(rates)).mean(1)


def doubt_per_cell(logits: Any) -> Any:
    """People by which the count of a block of cells is likely to be off, shared among its cells."""
    return functional.softplus(logits[:, 2 * QUARTERS])
