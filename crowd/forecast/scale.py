"""Putting unlike signs on one footing, so that no unit outweighs another."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from crowd.forecast.history import Floats, mean_known

_CLIP: Final = 4.0
"""Beyond so many spreads a sign says only "very": the size of an absurd value must not count."""


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """The middle and the usual spread of each column, over the days that were learned from."""

    middle: Floats
    spread: Floats

    @classmethod
    def of(cls, rows: Floats) -> Scale:
        """Learn from rows of days; robust against single odd days."""
        told = np.isfinite(rows).any(0)
        # A column that nobody ever reported has no middle; zero makes it neutral.
        middle = np.nanmedian(np.where(told, rows, 0.0), 0)
        spread = np.nan_to_num(mean_known(np.abs(rows - middle), 0)) * 1.25
        return cls(middle=middle, spread=np.where(spread > 1e-6, spread, 1.0))

    def apply(self, rows: Floats) -> Floats:
        """Unknown becomes the middle: it neither raises nor lowers."""
        return np.clip(np.nan_to_num((rows - self.middle) / self.spread), -_CLIP, _CLIP)
