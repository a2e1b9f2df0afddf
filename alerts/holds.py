"""Hold times: how long a signal must stand above or below a value before a level moves.

Time is counted only while the signal is seen. A signal that is blind, or that is seen by half and
looks low, holds: neither hold runs, nothing is raised and nothing is lowered.
"""

from __future__ import annotations

import msgspec

from alerts import wording
from alerts.rules import Threshold, ZoneRule
from model.cases import Reason
from model.level import Level, Sight, rank_of
from model.text import Bilingual

LONGEST_GAP_S = 60.0
"""A hold that stood still longer than this starts anew when the signal is seen again."""

_ROUNDING_S = 1e-6


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A signal's latest value and how far it can be trusted; a blind one has no value.

    `resting`: the rule is not in force by its schedule, so that nothing counts as reaching it.
    """

    sight: Sight
    value: float | None = None
    resting: bool = False

    def reaches(self, value: float) -> bool:
        """Seen, wholly or in part, at this value or above."""
        return self.value is not None and self.value >= value

    def wholly_below(self, value: float) -> bool:
        """Seen whole and below this value; a partial view can never say so."""
        return self.sight is Sight.LIVE and self.value is not None and self.value < value


UNSEEN = Sample(sight=Sight.BLIND)
AT_REST = Sample(sight=Sight.LIVE, value=-1e18, resting=True)


class Hold(msgspec.Struct, kw_only=True):
    """One running hold, in seconds of seen time; no clock is kept, so it survives a restart."""

    ran_s: float = 0.0
    still_s: float = 0.0

    def run(self, seconds: float) -> None:
        """The condition stood for this long."""
        self.ran_s += seconds
        self.still_s = 0.0

    def stand(self, seconds: float) -> None:
        """Nobody could see whether the condition stood; after too long the hold starts anew."""
        if not self.ran_s:
            return
        self.still_s += seconds
        if self.still_s > LONGEST_GAP_S:
            self.restart()

    def restart(self) -> None:
        """The condition was seen not to stand."""
        self.ran_s = 0.0
        self.still_s = 0.0

    def reached(self, hold_s: float) -> bool:
        """Whether the condition stood as long as the rule asks."""
        return self.ran_s >= hold_s - _ROUNDING_S


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A rule's level moved in one zone, and why."""

    before: Level | None
    after: Level | None
    reason: Reason
    detail: Bilingual


class Tracker(msgspec.Struct, kw_only=True):
    """Where one rule stands in one zone: its level in force, its last sample, its holds."""

    level: Level | None = None
    sample: Sample = UNSEEN
    raising: dict[Level, Hold] = {}
    clearing: dict[Level, Hold] = {}

    def hold_up(self, level: Level) -> Hold:
        """The hold before this level is raised."""
        return self.raising.setdefault(level, Hold())

    def hold_down(self, level: Level) -> Hold:
        """The hold before this level is cleared."""
        return self.clearing.setdefault(level, Hold())

    def restart(self) -> None:
        """Back to calm, as after a case was closed by hand."""
        self.level = None
        self.raising.clear()
        self.clearing.clear()


def take(rule: ZoneRule, tracker: Tracker, sample: Sample) -> None:
    """Note a new sample: what it refutes starts anew, what it leaves open stands still.

    A raise hold starts anew only when the signal falls under the clear value: noise around the
    raise value must not hide a crossing. A clear hold starts anew at or above the clear value.
    """
    tracker.sample = sample
    for threshold in rule.thresholds:
        if sample.reaches(threshold.clear_at):
            tracker.hold_down(threshold.level).restart()
        elif sample.wholly_below(threshold.clear_at):
            tracker.hold_up(threshold.level).restart()


def advance(rule: ZoneRule, tracker: Tracker, seconds: float) -> None:
    """Let time pass over the holds, under the last sample."""
    sample = tracker.sample
    for threshold in rule.thresholds:
        if threshold.level.rank > rank_of(tracker.level):
            hold, stands = tracker.hold_up(threshold.level), sample.reaches(threshold.raise_at)
        else:
            hold, stands = (
                tracker.hold_down(threshold.level),
                sample.wholly_below(threshold.clear_at),
            )
        if stands:
            hold.run(seconds)
        else:
            hold.stand(seconds)


def due_s(rule: ZoneRule, tracker: Tracker) -> float | None:
    """Seconds after which passing time alone could change something here; None for never."""
    soonest: float | None = None
    for threshold in rule.thresholds:
        if threshold.level.rank > rank_of(tracker.level):
            hold, hold_s = tracker.hold_up(threshold.level), rule.hold_s
            stands = tracker.sample.reaches(threshold.raise_at)
        else:
            hold, hold_s = tracker.hold_down(threshold.level), rule.clear_hold_s
            stands = tracker.sample.wholly_below(threshold.clear_at)
        if stands:
            left_s = hold_s - hold.ran_s
        elif hold.ran_s:
            left_s = LONGEST_GAP_S - hold.still_s
        else:
            continue
        soonest = left_s if soonest is None else min(soonest, left_s)
    return soonest


def judge_up(rule: ZoneRule, tracker: Tracker) -> Move | None:
    """Raise to the highest level whose hold is complete, if any."""
    for threshold in reversed(rule.thresholds):
        if threshold.level.rank <= rank_of(tracker.level):
            return None
        if not tracker.sample.reaches(threshold.raise_at):
            continue
        if tracker.hold_up(threshold.level).reached(rule.hold_s):
            before, tracker.level = tracker.level, threshold.level
            for level in Level:
                if level.rank <= threshold.level.rank:
                    tracker.raising.pop(level, None)
                    tracker.clearing.pop(level, None)
            return Move(
                before=before,
                after=threshold.level,
                reason=rule.raise_reason,
                detail=wording.raised(
                    rule,
                    threshold,
                    tracker.sample.value,
                    partly=tracker.sample.sight is Sight.PARTIAL,
                ),
            )
    return None


def judge_down(rule: ZoneRule, tracker: Tracker) -> Move | None:
    """Step down past every level whose clear hold is complete, if the one in force is."""
    if tracker.level is None:
        return None
    rank = tracker.level.rank
    in_force = [threshold for threshold in rule.thresholds if threshold.level.rank <= rank]
    cleared: Threshold | None = None
    while in_force and _clear(rule, tracker, in_force[-1]):
        cleared = in_force.pop()
    if cleared is None:
        return None
    before = tracker.level
    tracker.level = in_force[-1].level if in_force else None
    for level in Level:
        if level.rank > rank_of(tracker.level):
            tracker.raising.pop(level, None)
            tracker.clearing.pop(level, None)
    return Move(
        before=before,
        after=tracker.level,
        reason=Reason.OUT_OF_SCHEDULE if tracker.sample.resting else rule.clear_reason,
        detail=wording.rests()
        if tracker.sample.resting
        else wording.cleared(rule, cleared, tracker.sample.value),
    )


def _clear(rule: ZoneRule, tracker: Tracker, threshold: Threshold) -> bool:
    return tracker.sample.wholly_below(threshold.clear_at) and tracker.hold_down(
        threshold.level
    ).reached(rule.clear_hold_s)
