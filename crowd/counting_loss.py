"""What the counting network is trained to make small. Needs PyTorch."""

from __future__ import annotations

from typing import Any

from torch.nn import functional

from crowd.network import people_per_cell


def counting_loss(logits: Any, target: Any) -> Any:
    """Poisson deviance at four scales, plain errors of blocks and crop, and whether a cell holds anyone.

    The deviance of a crop is weighed by its people to the power -0.65: between every person alike, by
    which a few dense crops drown the streets, and every picture alike, by which far crowds and trees in
    front of them hardly count. The plain error of blocks of 32 pixels is what the mean error is made of.
    """
    people = people_per_cell(logits)
    truth = target.sum((1, 2))
    weight = 2 * (truth + 10) ** -0.65
    total = people.sum((1, 2))
    loss = 0.5 * _deviance(total, truth)
    for cells in (1, 2, 4):
        area = cells * cells
        blocks = functional.avg_pool2d(people[:, None], cells) * area
        true_blocks = functional.avg_pool2d(target[:, None], cells) * area
        loss = loss + 0.5 * _deviance(blocks, true_blocks).sum((1, 2, 3))
    plain = 0.04 * (blocks - true_blocks).abs().sum((1, 2, 3)) + 0.04 * (total - truth).abs()
    anyone = (functional.max_pool2d(target[:, None], 3, 1, 1)[:, 0] > 0.05).float()
    gate = functional.binary_cross_entropy_with_logits(logits[:, 0], anyone)
    return (loss * weight + plain).mean() + gate


def _deviance(estimate: Any, truth: Any) -> Any:
    return estimate - truth + truth * ((truth + 1e-3).log() - (estimate + 1e-3).log())
