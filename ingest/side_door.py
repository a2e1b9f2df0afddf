"""The side door: facts that come from elsewhere than the broker join its stream in one queue.

They are messages like any other, decoded, paced, stored and judged as if their device had sent
them; there is only nobody to acknowledge them to.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from ingest.intake import Line
from model.clock import Clock
from wire.inbox import AckToken, Delivery

WAITING_MOST = 10_000
_NOBODY = AckToken(0, 0, 0)


class SideDoor:
    """A line with a second entrance: what was handed in by `put` is taken before the broker's."""

    def __init__(self, line: Line, clock: Clock) -> None:
        self._line = line
        self._clock = clock
        self._waiting: deque[Delivery] = deque()

    def put(self, topic: str, payload: bytes) -> bool:
        """Hand a message in, from any thread; False when too many wait already."""
        if len(self._waiting) >= WAITING_MOST:
            return False
        self._waiting.append(
            Delivery(
                topic=topic,
                payload=payload,
                retained=False,
                token=_NOBODY,
                arrived=self._clock.now(),
                mono=self._clock.monotonic(),
            )
        )
        return True

    def take(self, max_n: int, timeout_s: float) -> list[Delivery]:
        """Up to `max_n` messages; what came by the side door first."""
        aside: list[Delivery] = []
        while self._waiting and len(aside) < max_n:
            aside.append(self._waiting.popleft())
        if len(aside) == max_n:
            return aside
        return aside + self._line.take(max_n - len(aside), 0.0 if aside else timeout_s)

    def ack(self, tokens: Iterable[AckToken]) -> None:
        """Acknowledge the broker's; the side door's have nobody to thank."""
        self._line.ack(token for token in tokens if token.qos)
