"""Trends: what a zone's last minutes say beyond its present, such as how fast it fills.

Nothing is kept over a restart: a zone must be watched again before it has a trend. A change of the
cameras that see it begins its past anew, since another view is no growth.
"""

from __future__ import annotations

from collections import deque

from model.level import Sight
from model.zones import ZoneView

PAST_S = 3700.0
SPACING_S = 1.0
TREND_S = 300.0
"""Without a forecast, the last five minutes go on, by half: a street does not fill for ever."""
TREND_LEAST_S = 120.0
TREND_SHARE = 0.5
RISING_S = 60.0
RISING_P_M2 = 0.1
"""A crowd that grew by this in a minute gets denser; the other way round it thins out."""
WHOLE_SHARE = 0.9
"""A window counts once this share of it was watched."""


class ZonePast:
    """The densities of one zone over the last hour, as far as the same cameras saw it."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, float]] = deque()
        self._eyes: tuple[Sight, int] | None = None
        self._now_p_m2: float | None = None
        self._jammed = False

    def take(self, view: ZoneView, time_s: float) -> None:
        """Note a view; what nobody sees has no past."""
        eyes = (view.sight, view.cameras_live)
        if eyes != self._eyes or view.density_p_m2 is None:
            self._points.clear()
            self._jammed = False
        self._eyes, self._now_p_m2 = eyes, view.density_p_m2
        if view.density_p_m2 is None:
            return
        if not self._points or time_s - self._points[-1][0] >= SPACING_S:
            self._points.append((time_s, view.density_p_m2))
        while time_s - self._points[0][0] > PAST_S:
            self._points.popleft()

    def growth_p_m2_min(self, over_s: float, time_s: float) -> float | None:
        """How fast the density grows, people per m² and minute; none before enough was seen.

        The means of the first and the last third of the time are compared, so that one picture
        makes no growth.
        """
        start, third = time_s - over_s, over_s / 3
        if not self._points or self._points[0][0] > start + (1 - WHOLE_SHARE) * over_s:
            return None
        rise = self._mean(time_s - third, time_s) - self._mean(start, start + third)
        return rise / (2 * third) * 60.0

    def _mean(self, start: float, end: float) -> float:
        """The mean density over a time; a density stands until the next one."""
        total, upto, values = 0.0, end, reversed(self._points)
        for t, value in values:
            since = max(t, start)
            if since < upto:
                total += value * (upto - since)
                upto = since
            if t <= start:
                break
        return total / (end - upto) if upto < end else self._points[0][1]

    def ahead_p_m2(self, view: ZoneView, within_s: float, time_s: float) -> float | None:
        """The highest density expected within a time: by the forecast, else by the trend."""
        given = [
            point.density_p_m2
            for point in view.forecast
            if 0.0 <= (point.at - view.at).total_seconds() <= within_s + 1.0
        ]
        if given:
            return max(given)
        if view.density_p_m2 is None:
            return None
        growth = self.growth_p_m2_min(TREND_S, time_s)
        if growth is None:
            growth = self.growth_p_m2_min(TREND_LEAST_S, time_s)
        if growth is None:
            return None
        return max(0.0, view.density_p_m2 + growth * TREND_SHARE * within_s / 60.0)

    def lost_flow(self, view: ZoneView, time_s: float) -> float | None:
        """The share of the expected speed that a crowd lost while it got denser.

        It counts from when the density rises until it falls: people who stand and watch something
        are slow too, and nothing presses them.
        """
        if view.flow_share is None:
            return None
        growth = self.growth_p_m2_min(RISING_S, time_s)
        if growth is None:
            return None
        if growth >= RISING_P_M2:
            self._jammed = True
        elif growth <= -RISING_P_M2:
            self._jammed = False
        return max(0.0, 1.0 - view.flow_share) if self._jammed else 0.0
