"""The door for everything that comes over MQTT: batches in, facts out, the rest set aside by name."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from ingest.field_time import FieldTime, Stamped
from model.clock import Clock
from model.facts import Fact
from wire.codec import Decoded, Decoder
from wire.inbox import AckToken, Delivery
from wire.refusals import BoundedTally, Cleared, Refusal, RefusalReason, printable

log = logging.getLogger(__name__)

Arrival = Delivery

RATE_PER_S = 200.0
BURST = 10_000.0
UNKNOWN = "unknown"
_SET_ASIDE = 200
_PROVEN_WITHIN_S = 600.0
"""So long what was refused as from the future is kept for the field to set our clock right."""
_HEAD_BYTES = 200


class Line(Protocol):
    """What the intake needs of a broker link."""

    def take(self, max_n: int, timeout_s: float) -> list[Delivery]: ...

    def ack(self, tokens: Iterable[AckToken]) -> None: ...


class SetAside(msgspec.Struct, frozen=True, kw_only=True):
    """A refused message as an operator may see it: why, from where, and how it begins."""

    at: datetime
    reason: RefusalReason
    topic: str
    source: str
    where: str
    detail: str
    head: str


class Pace:
    """How fast each source may speak, so that one that babbles cannot starve the others.

    A bucket per source fills by RATE_PER_S up to BURST, which lets an hour's backlog of an honest
    device in at once after an outage. Sources that the site does not know share one bucket.
    """

    def __init__(self, *, rate_per_s: float = RATE_PER_S, burst: float = BURST) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._buckets: dict[str, tuple[float, float]] = {}

    def allows(self, source: str, mono: float) -> bool:
        """Whether one more message of this source may pass at this moment."""
        left, since = self._buckets.get(source, (self._burst, mono))
        left = min(self._burst, left + (mono - since) * self._rate_per_s)
        allowed = left >= 1.0
        self._buckets[source] = (left - 1.0 if allowed else left, mono)
        return allowed


class Intake:
    """Takes batches from the line, decodes them, and acknowledges them after their commit.

    Refused messages are counted by reason and by source, and the last 200 are kept for the
    console. `field_time` is our clock, where it is to be compared with the devices' own.
    """

    def __init__(
        self,
        line: Line,
        decoder: Decoder,
        *,
        clock: Clock,
        pace: Pace | None = None,
        field_time: FieldTime | None = None,
    ) -> None:
        self._field_time = field_time
        self._line = line
        self._decoder = decoder
        self._clock = clock
        self._pace = pace or Pace()
        self._since_last: Counter[str] = Counter()
        self._set_aside: deque[SetAside] = deque(maxlen=_SET_ASIDE)
        # The last word on each topic, of devices that the site file knows: a flood of readings ousts no alarm.
        self._ahead: dict[str, Arrival] = {}
        self._logged: set[tuple[str, RefusalReason]] = set()
        self.refused_by_reason = BoundedTally()
        self.refused_by_source = BoundedTally(1024)
        self.cleared = 0
        self.facts = 0

    def next_batch(self, max_n: int, timeout_s: float) -> list[Arrival]:
        """What has arrived, oldest first; empty when nothing came within the time."""
        return self._line.take(max_n, timeout_s)

    def decode(self, arrivals: Sequence[Arrival]) -> list[Fact]:
        """The facts among the arrivals, in order; all else is counted or handed on.

        Where our clock was slow until the field set it right, what was refused as from the future before
        that comes first: an alarm's only word may be among it.
        """
        decoded = [self._one(arrival) for arrival in arrivals]
        set_by_s = self._compare_clocks(arrivals, decoded)
        facts: list[Fact] = []
        if set_by_s > 0:
            facts += self._heard_too_early(arrivals[-1].mono, set_by_s)
            decoded = [
                self._anew(each, set_by_s) if _is_ahead(one) else one
                for each, one in zip(arrivals, decoded, strict=True)
            ]
        for arrival, one in zip(arrivals, decoded, strict=True):
            if isinstance(one, Fact):
                facts.append(one)
            elif isinstance(one, Cleared):
                self.cleared += 1
            else:
                self._refuse(one, arrival)
        self.facts += len(facts)
        return facts

    def _heard_too_early(self, mono: float, set_by_s: float) -> list[Fact]:
        """What was refused before our clock was set right, decoded by the right one."""
        kept = [each for each in self._ahead.values() if mono - each.mono <= _PROVEN_WITHIN_S]
        self._ahead.clear()
        again = (self._anew(each, set_by_s) for each in kept)
        return [one for one in again if isinstance(one, Fact)]

    def _anew(self, arrival: Arrival, set_by_s: float) -> Decoded:
        return self._decoder.decode(
            arrival.topic,
            arrival.payload,
            retained=arrival.retained,
            arrived=arrival.arrived + timedelta(seconds=set_by_s),
            mono=arrival.mono,
        )

    def _compare_clocks(self, arrivals: Sequence[Arrival], decoded: Sequence[Decoded]) -> float:
        """Let the field's time hear what was said just now; by how much our clock was set by it."""
        if self._field_time is None or not arrivals:
            return 0.0
        stamps = []
        for arrival, one in zip(arrivals, decoded, strict=True):
            if arrival.retained:
                continue
            if isinstance(one, Fact) and one.body.at is not None:
                stamps.append(Stamped(f"{one.kind}/{one.source}", one.body.at, arrival.arrived))
            elif isinstance(one, Refusal) and one.at is not None and one.source:
                stamps.append(Stamped(one.source, one.at, arrival.arrived))
        return self._field_time.hear(stamps)

    def acknowledge(self, arrivals: Sequence[Arrival]) -> None:
        """Tell the broker that these are dealt with: the facts on disk, the rest set aside."""
        self._line.ack([arrival.token for arrival in arrivals])

    def refused_counts(self) -> dict[str, int]:
        """Refused messages by reason since this was last asked."""
        counts = dict(self._since_last)
        self._since_last.clear()
        return counts

    def set_aside(self) -> list[SetAside]:
        """The last refused messages, newest last."""
        return list(self._set_aside)

    def _one(self, arrival: Arrival) -> Decoded:
        source = self._decoder.source_of(arrival.topic)
        if not self._pace.allows(source or UNKNOWN, arrival.mono):
            reason = RefusalReason.TOO_FAST
            return Refusal(reason=reason, topic=printable(arrival.topic, 256), source=source)
        return self._decoder.decode(
            arrival.topic,
            arrival.payload,
            retained=arrival.retained,
            arrived=arrival.arrived,
            mono=arrival.mono,
        )

    def _refuse(self, refusal: Refusal, arrival: Arrival) -> None:
        source = refusal.source or UNKNOWN
        if _is_ahead(refusal):
            self._ahead.pop(arrival.topic, None)
            self._ahead[arrival.topic] = arrival
        self._since_last[refusal.reason.value] += 1
        self.refused_by_reason.add(refusal.reason.value)
        self.refused_by_source.add(source)
        self._set_aside.append(
            SetAside(
                at=arrival.arrived,
                reason=refusal.reason,
                topic=refusal.topic,
                source=source,
                where=refusal.where,
                detail=refusal.detail,
                head=printable(arrival.payload[:_HEAD_BYTES].decode("utf-8", "replace"), 200),
            )
        )
        if (source, refusal.reason) not in self._logged:
            # Sources are known devices or `unknown`, so this set is bounded by the site file.
            self._logged.add((source, refusal.reason))
            log.warning(
                "%s refused: %s %s %s (counted from now on, logged once)",
                source,
                refusal.reason.value,
                refusal.where,
                refusal.detail,
            )


def _is_ahead(one: Decoded) -> bool:
    return isinstance(one, Refusal) and one.reason is RefusalReason.STAMP_AHEAD
