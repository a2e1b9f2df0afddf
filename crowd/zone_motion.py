"""A zone's motion: the worst that its cameras measure in metres on its ground."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from crowd.motion_breakdown import DENSE_LEAST_P_M2, weidmann_speed_m_s
from model.facts import DensityLive


class ZoneMotion(msgspec.Struct, frozen=True, kw_only=True):
    """The worst counter-flow (share), pressure (1/s²) and share of the expected speed of any camera."""

    counterflow: float | None
    pressure_s2: float | None
    flow_share: float | None


def zone_motion(readings: Sequence[DensityLive]) -> ZoneMotion:
    """From the readings of cameras whose calibrated ground lies in the zone, and of no others.

    Without calibration a camera knows pixels only: put among metres they would be a crush.
    """
    shares = (_flow_share(body) for body in readings)
    return ZoneMotion(
        counterflow=_worst(body.counterflow for body in readings),
        pressure_s2=_worst(body.pressure_s2 for body in readings),
        flow_share=min((share for share in shares if share is not None), default=None),
    )


def tells_motion(body: DensityLive) -> bool:
    """Whether a reading says anything of how people move."""
    told = (body.speed_m_s, body.counterflow, body.pressure_s2)
    return any(each is not None for each in told)


def _worst(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _flow_share(body: DensityLive) -> float | None:
    """How fast a crowd walks of what Weidmann expects at its density; a thin one flows anyhow."""
    density = body.density_p_m2
    if density is None or body.speed_m_s is None:
        return None
    expected = weidmann_speed_m_s(density)
    if density < DENSE_LEAST_P_M2:
        return 1.0
    return 0.0 if expected <= 0.0 else round(min(body.speed_m_s / expected, 1.0), 2)
