"""The zones' next hour: better than "as now" once learned, wide before, and silent where a zone is blind."""

from __future__ import annotations

import numpy as np
import pytest

from crowd.forecast.nowcast import AHEAD_SLOTS, SLOTS_A_DAY, Grid, Nowcaster

DAYS = 21


def _grid(days: int = DAYS, *, seed: int = 1, further: int = 0) -> Grid:
    """Three zones that fill in the evening, with moods that last for hours."""
    random = np.random.default_rng(seed)
    size = days * SLOTS_A_DAY
    slots = np.arange(size + further) % SLOTS_A_DAY
    free = ((np.arange(size + further) // SLOTS_A_DAY) % 7 >= 5).astype(int)
    hour = slots[:size] / 12.0
    course = 0.05 + np.exp(-(((hour - 19) / 2.5) ** 2)) * (1 + 0.5 * free[:size])
    density = np.empty((3, size))
    for zone in range(3):
        mood = np.zeros(size)
        for slot in range(1, size):
            mood[slot] = 0.99 * mood[slot - 1] + random.normal(0, 0.03)
        density[zone] = (zone + 1) * course * np.exp(mood) * np.exp(random.normal(0, 0.03, size))
    return Grid(density=density, slot_of_day=slots, free=free)


def _recent(grid: Grid, end: int) -> Grid:
    begin = end - 12
    return Grid(
        density=grid.density[:, begin:end],
        slot_of_day=grid.slot_of_day[begin : end + 13],
        free=grid.free[begin : end + 13],
    )


GRID = _grid()
LEARNED = Nowcaster.learn(GRID)


def test_learned_it_beats_as_now_and_its_bounds_hold() -> None:
    for error in LEARNED.errors:
        assert error.mae_p_m2 is not None
        assert error.mae_unchanged_p_m2 is not None
        assert error.mae_p_m2 < error.mae_unchanged_p_m2
        assert error.coverage_80 == pytest.approx(0.8, abs=0.08)
    assert [error.minutes for error in LEARNED.errors] == [15, 30, 60]


def test_before_the_evening_it_sees_the_evening_coming() -> None:
    evening = (DAYS - 1) * SLOTS_A_DAY + 17 * 12
    ahead = LEARNED.look_ahead(_recent(GRID, evening))
    now = GRID.density[:, evening - 1]
    assert (ahead.expected[:, 2] > 1.3 * now).all()
    assert (ahead.low <= ahead.expected).all()
    assert (ahead.expected <= ahead.high).all()


def test_a_blind_zone_has_no_number_and_does_not_disturb_the_others() -> None:
    grid = _recent(GRID, 10 * SLOTS_A_DAY)
    density = grid.density.copy()
    density[1, -1] = np.nan
    ahead = LEARNED.look_ahead(Grid(density=density, slot_of_day=grid.slot_of_day, free=grid.free))
    assert np.isnan(ahead.expected[1]).all()
    assert np.isfinite(ahead.expected[[0, 2]]).all()


def test_a_zone_seen_again_a_moment_ago_is_taken_as_it_is() -> None:
    grid = _recent(GRID, 10 * SLOTS_A_DAY)
    density = grid.density.copy()
    density[0, :-1] = np.nan
    ahead = LEARNED.look_ahead(Grid(density=density, slot_of_day=grid.slot_of_day, free=grid.free))
    assert ahead.expected[0] == pytest.approx([density[0, -1]] * len(AHEAD_SLOTS))


def test_without_history_it_says_as_now_and_widens_with_the_time() -> None:
    young = Nowcaster.learn(
        Grid(
            density=GRID.density[:, :20],
            slot_of_day=GRID.slot_of_day[:20],
            free=GRID.free[:20],
        )
    )
    assert young.rules == {}
    ahead = young.look_ahead(_recent(GRID, 3000))
    assert ahead.expected[:, 0] == pytest.approx(GRID.density[:, 2999])
    width = ahead.high - ahead.low
    assert (np.diff(width, axis=1) > 0).all()
