"""What the counting network is trained to make small. Needs PyTorch."""

from __future__ import annotations

from typing import Any, Final

from torch.nn import functional

from crowd.network import people_per_cell

# Cells per side of the blocks whose counts are compared, and how much each comparison weighs.
_BLOCKS: Final = ((1, 8.0), (2, 1.0), (4, 0.5), (16, 0.1))


def counting_loss(logits: Any, target: Any, weight: Any) -> Any:
    """Squared errors of the density and of the counts of ever larger blocks, and whether a cell holds anyone.

    Errors are squared because what goes wrong most is a stretch of paving or leaves taken for a dense
    crowd: a plain error lets it stand where it gains elsewhere. `weight` is each crop's own, so that a
    few dense pictures do not drown the streets.
    """
    people = people_per_cell(logits)
    wrong = (people - target)[:, None]
    loss = 0.05 * wrong.sum((1, 2, 3)) ** 2 + 0.2 * wrong.sum((1, 2, 3)).abs()
    for cells, share in _BLOCKS:
        if cells > min(target.shape[1:]):
            continue
        blocks = functional.avg_pool2d(wrong, cells) * cells * cells
        loss = loss + share * (blocks**2).sum((1, 2, 3))
    anyone = (functional.max_pool2d(target[:, None], 3, 1, 1)[:, 0] > 0.05).float()
    gate = functional.binary_cross_entropy_with_logits(logits[:, 0], anyone)
    return (loss * weight).mean() + 0.2 * gate
