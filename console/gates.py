"""Gate counters: people a minute from totals that start again at every boot."""

from __future__ import annotations

from collections import deque

from console.views import UNHEARD, CounterCard
from model.facts import CounterReading

WINDOW_S = 60.0
_LEAST_S = 5.0
_KEPT = 200


class Gate:
    """One gate counter as the room follows it."""

    def __init__(self) -> None:
        self.health = UNHEARD
        self._recent: deque[CounterReading] = deque(maxlen=_KEPT)

    def heard(self, reading: CounterReading) -> None:
        """Take a reading; a new boot or a total that shrank begins the window anew."""
        last = self._recent[-1] if self._recent else None
        if last is not None and reading.boot == last.boot and reading.at < last.at:
            return
        if last is not None and (
            reading.boot != last.boot
            or reading.in_total < last.in_total
            or reading.out_total < last.out_total
        ):
            self._recent.clear()
        self._recent.append(reading)
        while (reading.at - self._recent[0].at).total_seconds() > WINDOW_S:
            self._recent.popleft()

    def card(self) -> CounterCard:
        """The gate as shown; rates are absent until the window holds a few seconds."""
        if not self._recent:
            return CounterCard(health=self.health)
        first, last = self._recent[0], self._recent[-1]
        span_s = (last.at - first.at).total_seconds()
        known = span_s >= _LEAST_S
        return CounterCard(
            health=self.health,
            at=last.at,
            in_total=last.in_total,
            out_total=last.out_total,
            in_per_min=(last.in_total - first.in_total) * 60 / span_s if known else None,
            out_per_min=(last.out_total - first.out_total) * 60 / span_s if known else None,
        )
