"""Learning from past days: a Gaussian process that gives today's remainder with its own doubt.

For a few hundred days of a few dozen weak signs this is the strongest plain method, and it knows when a day
resembles nothing it has seen. It is learned afresh every `RELEARN_DAYS` days, and every day in between is
conditioned on all days before it, exactly. (Rasmussen and Williams 2006, chapter 2; the t-weights against
outliers as in Lange, Little and Taylor 1989.)
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from crowd.forecast.features import View
from crowd.forecast.history import Floats, Wholes
from crowd.forecast.scale import Scale

RELEARN_DAYS: Final = 56
MOST_DAYS: Final = 730
FEWEST_DAYS: Final = 28


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """How much each kind of likeness counts, in standard deviations of the target; one set for all sites."""

    straight: float = 1.0
    alike: float = 1.0
    reach: float = 0.8
    drift: float = 0.3
    drift_days: float = 14.0
    noise: float = 0.5
    forget_days: float = 300.0
    tail: float = 3.0


class Guess(msgspec.Struct, frozen=True, kw_only=True):
    """Per day of a span: the expected target and its standard deviation; NaN where nothing could be learned."""

    mean: Floats
    deviation: Floats


def guess_days(view: View, site: int, first: int, last: int, trust: Trust) -> Guess:
    """Guess each day of [first, last) from all days before it; learns before `first`, then day by day."""
    target, features = view.target[site], view.features[site]
    size = last - first
    nothing = np.full(size, np.nan)
    past = np.flatnonzero(np.isfinite(target[:first]))[-MOST_DAYS:]
    if len(past) < FEWEST_DAYS:
        return Guess(mean=nothing, deviation=nothing.copy())
    scale = Scale.of(features[past])
    learned, asked = scale.apply(features[past]), scale.apply(features[first:last])
    middle = float(np.median(target[past]))
    spread = float(np.mean(np.abs(target[past] - middle))) * 1.25 + 1e-6
    wanted = (target[past] - middle) / spread
    days = np.arange(first, last)
    noise = trust.noise**2 * np.exp((first - past) / trust.forget_days)
    own = _likeness(learned, past, learned, past, trust)
    across = _likeness(asked, days, learned, past, trust)
    weights = np.ones(len(past))
    for _ in range(3):
        solved = np.linalg.solve(own + np.diag(noise / weights), wanted)
        weights = (trust.tail + 1) / (trust.tail + (wanted - own @ solved) ** 2 / noise)
    both = np.linalg.solve(
        own + np.diag(noise / weights), np.concatenate([wanted[:, None], across.T], 1)
    )
    mean = across @ both[:, 0]
    cover = _likeness(asked, days, asked, days, trust) - across @ both[:, 1:]
    seen = (target[first:last] - middle) / spread
    mean, variance = _day_by_day(mean, cover, seen, trust)
    return Guess(mean=middle + spread * mean, deviation=spread * np.sqrt(variance))


def _likeness(
    left: Floats, left_days: Wholes, right: Floats, right_days: Wholes, trust: Trust
) -> Floats:
    """How much two days are expected to have in common: signs in line, mornings alike, days close together."""
    width = left.shape[1]
    inner = left @ right.T
    apart = np.maximum((left**2).sum(1)[:, None] + (right**2).sum(1)[None] - 2 * inner, 0)
    near = np.abs(left_days[:, None] - right_days[None]) / trust.drift_days
    return np.asarray(
        trust.straight**2 * inner / width
        + trust.alike**2 * np.exp(-apart / (2 * trust.reach**2 * width))
        + trust.drift**2 * np.exp(-near)
        + 0.3
    )


def _day_by_day(mean: Floats, cover: Floats, seen: Floats, trust: Trust) -> tuple[Floats, Floats]:
    """Condition each day of a span on the ones before it; an outlier among them counts less."""
    size = len(mean)
    means, variances = np.empty(size), np.empty(size)
    used: list[int] = []
    noises: list[float] = []
    for day in range(size):
        doubt = float(cover[day, day])
        guess = float(mean[day])
        if used:
            system = cover[np.ix_(used, used)] + np.diag(noises)
            gain = np.linalg.solve(system, cover[used, day])
            guess += float(gain @ (seen[used] - mean[used]))
            doubt -= float(gain @ cover[used, day])
        means[day] = guess
        variances[day] = max(doubt, 1e-4) + trust.noise**2
        if np.isfinite(seen[day]):
            odd = (seen[day] - guess) ** 2 / variances[day]
            used.append(day)
            noises.append(trust.noise**2 * (trust.tail + odd) / (trust.tail + 1))
    return means, variances
