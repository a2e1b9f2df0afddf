"""What the counting network is trained to make small. Needs PyTorch."""

from __future__ import annotations

from typing import Any, Final

from torch.nn import functional

from crowd.network import doubt_per_cell, people_per_quarter

# Quarters of cells per side of the blocks whose counts are compared: 4 to 256 pixels. What a crop has
# beyond whole blocks counts in the smaller ones.
_BLOCKS: Final = (1, 2, 4, 8, 32, 64)
_NOBODY: Final = 1e-3
# Errors of blocks of 32 pixels are what the doubt is learned from: a head moved by a cell is no error.
_DOUBT_BLOCK: Final = 4


def counting_loss(logits: Any, target: Any, weight: Any) -> Any:
    """Poisson deviance of the counts of quarters of cells and of ever larger blocks.

    A deviance measures an error against the people expected where it is made, so that a dense web crowd
    and a sparse street teach equally; squared errors learn little but the densest crops (the model
    card has the trial). `weight` is each crop's own, by the picture it was cut from. The doubt learns the
    size of the errors made meanwhile, by the same measure.
    """
    counted, true = people_per_quarter(logits), target[:, None]
    loss = 0.0
    for cells in _BLOCKS:
        if cells > min(target.shape[1:]):
            continue
        loss = loss + _deviance(_block_counts(counted, cells), _block_counts(true, cells))
    doubt = _block_counts(doubt_per_cell(logits)[:, None], _DOUBT_BLOCK)
    quarters = 2 * _DOUBT_BLOCK
    wrong = functional.avg_pool2d((counted - true).detach(), quarters) * quarters**2
    share = _BLOCKS[-1] ** 2 / target[0].numel()
    return ((loss + _deviance(doubt, wrong.abs() + _NOBODY)) * weight).mean() * share


def _block_counts(people: Any, cells: int) -> Any:
    return functional.avg_pool2d(people, cells) * cells * cells + _NOBODY * cells


def _deviance(counted: Any, true: Any) -> Any:
    return (counted - true + true * (true.log() - counted.log())).sum((1, 2, 3))
