"""Each zone's density in 15, 30 and 60 minutes: what it does now, and what it usually does at this time of day.

One ridge regression per horizon, learned over all zones together from the last four weeks, tells how far a zone
goes on as it moves, how far it returns to its usual course, and how far it follows the rest of the site. The
bounds are the errors of the last days. With a young record it says "as now", with wide bounds.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

import msgspec
import numpy as np

from crowd.forecast.history import Floats, Wholes, mean_known
from model.outlook import AheadError

SLOT_S: Final = 300
SLOTS_A_DAY: Final = 86_400 // SLOT_S
AHEAD_SLOTS: Final = (3, 6, 12)
"""15, 30 and 60 minutes."""

BACK_SLOTS: Final = 6
LEARN_DAYS: Final = 28
_TRIAL_SHARE: Final = 0.25
_FEWEST_SAMPLES: Final = 500
_RIDGE: Final = 30.0
_FLOOR_P_M2: Final = 0.02
"""Densities below this differ by chance only; it keeps the scale of empty zones from vanishing."""

_UNLEARNED: Final = {3: 0.35, 6: 0.5, 12: 0.7}
"""Half-width of the bounds before anything was learned, as a share of the density now."""

MOST_P_M2: Final = 50.0


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """Mean densities of all zones, zones × slots of five minutes; NaN where a zone was not seen.

    `slot_of_day` is the site's own time; `free` marks slots of days off, whose course is another.
    """

    density: Floats
    slot_of_day: Wholes
    free: Wholes


class _Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What one horizon learned: weights of the signs, and the bounds' reach in scaled units."""

    weights: Floats
    low: float
    high: float


class Ahead(msgspec.Struct, frozen=True, kw_only=True):
    """Expected densities with bounds, zones × horizons; NaN where a zone is not seen now."""

    expected: Floats
    low: Floats
    high: Floats


class Nowcaster(msgspec.Struct, frozen=True, kw_only=True):
    """What was learned of the zones: their usual courses, and a rule per horizon."""

    usual: Floats
    scale: Floats
    rules: dict[int, _Rule]
    errors: tuple[AheadError, ...]

    @classmethod
    def learn(cls, grid: Grid) -> Nowcaster:
        """Learn from the last weeks; too little of it leaves a horizon without a rule."""
        usual = _usual(grid)
        scale = np.nan_to_num(mean_known(grid.density, 1)) + _FLOOR_P_M2
        rules: dict[int, _Rule] = {}
        errors = []
        for ahead in AHEAD_SLOTS:
            rule, error = _learn(grid, usual, scale, ahead)
            errors.append(error)
            if rule is not None:
                rules[ahead] = rule
        return cls(usual=usual, scale=scale, rules=rules, errors=tuple(errors))

    def look_ahead(self, grid: Grid) -> Ahead:
        """The densities to come after a grid's last slot; it begins `BACK_SLOTS` before and holds the future's times.

        `grid.density` ends now; `slot_of_day` and `free` go on for the longest horizon.
        """
        now = grid.density.shape[1] - 1
        expected, low, high = (np.full((len(self.scale), 3), np.nan) for _ in range(3))
        for place, ahead in enumerate(AHEAD_SLOTS):
            here = grid.density[:, now]
            rule = self.rules.get(ahead)
            if rule is None:
                reach = _UNLEARNED[ahead] * np.maximum(here, 5 * _FLOOR_P_M2)
                expected[:, place], low[:, place], high[:, place] = here, here - reach, here + reach
                continue
            signs = _signs(grid, self.usual, self.scale, ahead)[:, now]
            guess = here + self.scale * (signs @ rule.weights)
            guess = np.where(np.isfinite(guess), np.maximum(guess, 0.0), here)
            unit = _unit(guess, self.scale)
            expected[:, place] = guess
            low[:, place], high[:, place] = guess + rule.low * unit, guess + rule.high * unit
        return Ahead(
            expected=np.clip(expected, 0, MOST_P_M2),
            low=np.clip(low, 0, MOST_P_M2),
            high=np.clip(high, 0, MOST_P_M2),
        )


def _usual(grid: Grid) -> Floats:
    """Zones × (working, free) × slots of the day: the mean course, smoothed over a quarter of an hour."""
    zones = len(grid.density)
    usual = np.full((zones, 2, SLOTS_A_DAY), np.nan)
    slots = grid.slot_of_day[: grid.density.shape[1]]
    free = grid.free[: grid.density.shape[1]]
    for kind in (0, 1):
        for slot in range(SLOTS_A_DAY):
            here = (slots == slot) & (free == kind)
            if here.any():
                usual[:, kind, slot] = mean_known(grid.density[:, here], 1)
    around = np.stack([np.roll(usual, shift, 2) for shift in (-1, 0, 1)])
    smooth = mean_known(around, 0)
    # A site that never saw a day off takes the working day's course, and the other way round.
    return np.where(np.isfinite(smooth), smooth, smooth[:, ::-1])


def _signs(grid: Grid, usual: Floats, scale: Floats, ahead: int) -> Floats:
    """Zones × slots × signs, scaled; NaN where a zone was not seen."""
    density = grid.density / scale[:, None]
    size = density.shape[1]
    course = usual[:, grid.free, grid.slot_of_day] / scale[:, None]
    now, then = course[:, :size], course[:, ahead : ahead + size]
    if then.shape[1] < size:
        then = np.concatenate([then, np.full((len(density), size - then.shape[1]), np.nan)], 1)
    quarter, half = _rise(density, 3), _rise(density, BACK_SLOTS)
    together = np.broadcast_to(mean_known(quarter, 0), quarter.shape)
    return np.stack([then - now, density - now, quarter, half, together], 2)


def _rise(density: Floats, slots: int) -> Floats:
    rise = np.full_like(density, np.nan)
    if density.shape[1] > slots:
        rise[:, slots:] = density[:, slots:] - density[:, :-slots]
    return rise


def _unit(density: Floats, scale: Floats) -> Floats:
    """What an error is measured in: it grows with the root of how full the zone is."""
    return np.asarray(np.sqrt(np.maximum(density, _FLOOR_P_M2) * scale))


def _learn(grid: Grid, usual: Floats, scale: Floats, ahead: int) -> tuple[_Rule | None, AheadError]:
    size = grid.density.shape[1] - ahead
    nothing = AheadError(
        minutes=ahead * SLOT_S // 60,
        samples=0,
        mae_p_m2=None,
        mae_unchanged_p_m2=None,
        coverage_80=None,
    )
    if size <= BACK_SLOTS:
        return None, nothing
    signs = _signs(grid, usual, scale, ahead)[:, :size]
    here, then = grid.density[:, :size], grid.density[:, ahead:]
    wanted = (then - here) / scale[:, None]
    good = np.isfinite(signs).all(2) & np.isfinite(wanted)
    if good.sum() < _FEWEST_SAMPLES:
        return None, nothing
    when = np.broadcast_to(np.arange(size), good.shape)
    trial = when >= size * (1 - _TRIAL_SHARE)
    tested = _weights(signs[good & ~trial], wanted[good & ~trial])
    unit = _unit(np.maximum(here + scale[:, None] * (signs @ tested), 0.0), scale[:, None])
    error = scale[:, None] * (wanted - signs @ tested) / unit
    # Bounds are tested as they are used: on the half of the trial after the one that set them.
    late = when >= size * (1 - _TRIAL_SHARE / 2)
    low, high = _reach(error[good & trial & ~late])
    proof = good & late
    inside = (error[proof] >= low) & (error[proof] <= high)
    measured = msgspec.structs.replace(
        nothing,
        samples=int(proof.sum()),
        mae_p_m2=_rounded(np.abs(error * unit)[proof]),
        mae_unchanged_p_m2=_rounded(np.abs(then - here)[proof]),
        coverage_80=_rounded(inside),
    )
    low, high = _reach(error[good & trial])
    rule = _Rule(weights=_weights(signs[good], wanted[good]), low=low, high=high)
    return rule, measured


def _weights(signs: Floats, wanted: Floats) -> Floats:
    if not len(signs):
        return np.zeros(5)
    inner = signs.T @ signs + _RIDGE * np.eye(signs.shape[1])
    return np.asarray(np.linalg.solve(inner, signs.T @ wanted))


def _reach(errors: Floats) -> tuple[float, float]:
    if not len(errors):
        return -1.0, 1.0
    low, high = np.quantile(errors, (0.1, 0.9))
    return min(float(low), 0.0), max(float(high), 0.0)


def _rounded(values: Floats) -> float | None:
    return round(float(np.mean(values)), 4) if len(values) else None


def local_slots(start: dt.datetime, slots: int, tz: dt.tzinfo) -> tuple[Wholes, list[dt.date]]:
    """The slot of the day and the date, in the site's time, of `slots` slots from `start` on."""
    local = [(start + dt.timedelta(seconds=SLOT_S * n)).astimezone(tz) for n in range(slots)]
    of_day = np.array([(each.hour * 3600 + each.minute * 60) // SLOT_S for each in local])
    return of_day, [each.date() for each in local]
