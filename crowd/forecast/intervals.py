"""Bounds that hold as often as they promise: widths learned from the last forecasts' own errors.

The model's own doubt says which days are uncertain; the errors of the last months, in units of that doubt, say
how much to believe it (conformal prediction, Vovk 2005; one-sided quantiles, so that bounds may be lopsided).
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Final

import numpy as np

from crowd.forecast.history import Floats, Wholes

TRIAL_DAYS: Final = 182
"""The errors of so many days back are used."""

COVERAGE: Final = 0.8
_PRIOR: Final = 20
"""With few errors known, this many errors of a normal law stand beside them."""


def bounds(errors: Floats, ages_days: Wholes) -> tuple[float, float]:
    """The lower and upper quantile, for 80 %, of errors in units of their expected deviation.

    Newer errors weigh more (half after two months). NaN errors are left out.
    """
    known = np.isfinite(errors)
    law = NormalDist()
    prior = [law.inv_cdf((rank + 0.5) / _PRIOR) for rank in range(_PRIOR)]
    weights = np.concatenate([0.5 ** (ages_days[known] / 60.0), np.full(_PRIOR, 0.2)])
    values = np.concatenate([errors[known], prior])
    tail = (1 - COVERAGE) / 2
    return _quantile(values, weights, tail), _quantile(values, weights, 1 - tail)


def _quantile(values: Floats, weights: Floats, share: float) -> float:
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order]) - 0.5 * weights[order]
    return float(np.interp(share * weights.sum(), reached, values[order]))
