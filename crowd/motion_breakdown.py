"""Whether a crowd's flow breaks down: it grows denser and moves slower than such a crowd walks.

Weidmann's relation (1993) says how fast people walk at a density when they can. A crowd far below
it does not flow any more, which comes before crowd turbulence; a denser crowd that still walks as
expected is only busy. Pure: the caller keeps the past.
"""

from __future__ import annotations

from enum import StrEnum
from math import exp
from typing import Final

FREE_SPEED_M_S: Final = 1.34
JAM_P_M2: Final = 5.4
SLOW_SHARE: Final = 0.5
DENSE_LEAST_P_M2: Final = 1.5
"""Below, slow people stroll, queue or watch something: nothing presses them."""

RISING_LEAST_P_M2: Final = 0.1


class FlowState(StrEnum):
    """How a crowd flows; `unknown` where density or speed is not known."""

    UNKNOWN = "unknown"
    FREE = "free"
    AS_EXPECTED = "as_expected"
    SLOW = "slow_and_not_rising"
    BREAKDOWN = "breakdown"


def weidmann_speed_m_s(density_p_m2: float) -> float:
    """How fast people walk at a density, m/s: 1.34 when alone, 0 at 5.4 per m²."""
    if density_p_m2 <= 0.0:
        return FREE_SPEED_M_S
    if density_p_m2 >= JAM_P_M2:
        return 0.0
    return FREE_SPEED_M_S * (1.0 - exp(-1.913 * (1.0 / density_p_m2 - 1.0 / JAM_P_M2)))


def flow_state(
    *, density_p_m2: float | None, before_p_m2: float | None, speed_m_s: float | None
) -> FlowState:
    """The flow now, from density and mean speed, and the density about a minute before.

    Breakdown: at least 1.5 per m², risen by at least 0.1 per m², and slower than half of what
    Weidmann expects. At jam density nobody is expected to move: rising there is a breakdown too.
    """
    if density_p_m2 is None or speed_m_s is None:
        return FlowState.UNKNOWN
    if density_p_m2 < DENSE_LEAST_P_M2:
        return FlowState.FREE
    expected = weidmann_speed_m_s(density_p_m2)
    if expected > 0.0 and speed_m_s >= SLOW_SHARE * expected:
        return FlowState.AS_EXPECTED
    if before_p_m2 is None:
        return FlowState.UNKNOWN
    rising = density_p_m2 - before_p_m2 >= RISING_LEAST_P_M2
    return FlowState.BREAKDOWN if rising else FlowState.SLOW
