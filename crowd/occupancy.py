"""Gates: people inside a zone by what its counters say, kept from drifting by its cameras."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from crowd.coverage import Estimate
from model.facts import CounterReading

REORDER_S: Final = 5.0
"""A message with an older number is a late one for this long; after that the counter was reset."""

MISCOUNTED_SHARE: Final = 0.05
"""Passages that a counter may miss or add: the bound that grows until cameras set it right."""


class CountEvent(StrEnum):
    """What a counter's message meant."""

    FIRST = "first_message"
    COUNTED = "counted"
    REBOOTED = "counter_rebooted"
    RESET = "counter_reset"
    LATE = "late_or_repeated"


class _Totals(msgspec.Struct, kw_only=True):
    boot: str
    seq: int
    in_total: int
    out_total: int


class GateLedger(msgspec.Struct, kw_only=True):
    """One zone's account of people in and out. `inside` is never below zero.

    A counter's first message only sets its totals: who was inside before is not known from it.
    After a reboot its totals count from zero, so they are what passed since.
    """

    inside: float = 0.0
    passages: float = 0.0
    totals: dict[str, _Totals] = {}

    def count(self, counter: str, reading: CounterReading, *, quiet_s: float) -> CountEvent:
        """Take a counter's totals; `quiet_s` is the time since its last message was taken."""
        last = self.totals.get(counter)
        event = _event(last, reading, quiet_s)
        if event is CountEvent.LATE:
            return event
        entered, left = reading.in_total, reading.out_total
        if last is not None and event is CountEvent.COUNTED:
            entered, left = entered - last.in_total, left - last.out_total
        if event is not CountEvent.FIRST:
            self.inside = max(0.0, self.inside + entered - left)
            self.passages += entered + left
        self.totals[counter] = _Totals(
            boot=reading.boot,
            seq=reading.seq,
            in_total=reading.in_total,
            out_total=reading.out_total,
        )
        return event

    def agree(self, cameras: Estimate) -> float:
        """People inside, kept within what the cameras can agree with; this bounds the drift."""
        kept = min(max(self.inside, cameras.low), cameras.high)
        if kept != self.inside:
            self.inside = kept
            self.passages = 0.0
        return kept

    @property
    def alone(self) -> Estimate:
        """People inside by the gates alone."""
        drift = MISCOUNTED_SHARE * self.passages
        return Estimate(
            value=self.inside, low=max(0.0, self.inside - drift), high=self.inside + drift
        )


def _event(last: _Totals | None, reading: CounterReading, quiet_s: float) -> CountEvent:
    if last is None:
        return CountEvent.FIRST
    if reading.boot != last.boot:
        return CountEvent.REBOOTED
    if reading.seq <= last.seq:
        repeated = reading.seq == last.seq or quiet_s < REORDER_S
        return CountEvent.LATE if repeated else CountEvent.RESET
    if reading.in_total < last.in_total or reading.out_total < last.out_total:
        return CountEvent.RESET
    return CountEvent.COUNTED
