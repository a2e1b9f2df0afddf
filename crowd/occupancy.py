"""Gates: people inside a zone by what its counters say, kept from drifting by its cameras."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

from crowd.coverage import Estimate
from model.facts import CounterReading

REORDER_S: Final = 5.0
"""A message with an older number is a late one for this long; after that the counter was reset."""

MISCOUNTED_SHARE: Final = 0.05
"""Passages that a counter may miss or add: the bound that grows until the account is set right."""

MISSED_AFTER_S: Final = 120.0
"""A counter that begins anew after a longer silence may have missed people meanwhile."""

COUNTED_BY_EYE_SHARE: Final = 0.1
"""How far a person's count of those inside may be off."""


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

    Gates tell how many more came than went, and not how many were there before. Until the account
    is set (`settle`: nobody, a person's count; `agree`: cameras), `inside` is how many at least. A
    counter's first message only sets its totals: who passed it before is unknown. After a reboot its totals count from zero: they
    are what passed since. Where it was silent for long before, what passed meanwhile is unknown,
    and so is again how many are inside.
    """

    inside: float = 0.0
    settled: bool = False
    doubt: float = 0.0
    """How far `inside` may have been off when it was set."""
    passages: float = 0.0
    totals: dict[str, _Totals] = {}
    unheard: list[str] = []
    """Counters that were silent when `inside` was set: part of what they tell next passed before."""

    def count(self, counter: str, reading: CounterReading, *, quiet_s: float) -> CountEvent:
        """Take a counter's totals; `quiet_s` is the time since its last message was taken."""
        last = self.totals.get(counter)
        event = _event(last, reading, quiet_s)
        if event is CountEvent.LATE:
            return event
        entered, left = reading.in_total, reading.out_total
        if last is not None and event is CountEvent.COUNTED:
            entered, left = entered - last.in_total, left - last.out_total
        elif event is CountEvent.FIRST or quiet_s > MISSED_AFTER_S:
            self.unsettle()
        if event is not CountEvent.FIRST:
            self.inside = max(0.0, self.inside + entered - left)
            self.passages += entered + left
        if counter in self.unheard:
            self.unheard = [name for name in self.unheard if name != counter]
            self.doubt += entered + left if event is not CountEvent.FIRST else 0.0
        self.totals[counter] = _Totals(
            boot=reading.boot,
            seq=reading.seq,
            in_total=reading.in_total,
            out_total=reading.out_total,
        )
        return event

    def settle(self, people: float, *, doubt: float = 0.0, silent: Iterable[str] = ()) -> None:
        """So many are inside now; these counters were silent meanwhile, so that their next word is in doubt."""
        self.inside, self.doubt, self.passages, self.settled = people, doubt, 0.0, True
        self.unheard = sorted(silent)

    def unsettle(self) -> None:
        """How many are inside is known no longer."""
        self.inside, self.doubt, self.passages, self.settled = 0.0, 0.0, 0.0, False

    def agree(self, cameras: Estimate) -> float:
        """People inside, kept within what the cameras can agree with; this bounds the drift."""
        by_gates = self.inside if self.settled else max(self.inside, cameras.value)
        kept = min(max(by_gates, cameras.low), cameras.high)
        if kept != self.inside or not self.settled:
            self.settle(kept)
        return kept

    @property
    def at_least(self) -> float:
        """People who are surely inside, whoever was there before."""
        return max(0.0, self.inside - self._drift)

    @property
    def alone(self) -> Estimate | None:
        """People inside by the gates alone; none while nobody knows how many there were before."""
        if not self.settled:
            return None
        return Estimate(value=self.inside, low=self.at_least, high=self.inside + self._drift)

    @property
    def _drift(self) -> float:
        return self.doubt + MISCOUNTED_SHARE * self.passages


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
