"""How long to wait before the next attempt: doubling, capped, and jittered against lock-step."""

from __future__ import annotations

import random


class Backoff:
    """The waits between attempts at one thing; `reset` after a success.

    Each wait is drawn between half and the whole of a delay that doubles from `first_s` to
    `cap_s`, so that a thousand devices do not come back at the same instant.
    """

    def __init__(
        self, *, first_s: float = 0.2, cap_s: float = 10.0, rng: random.Random | None = None
    ) -> None:
        self._first_s = first_s
        self._cap_s = cap_s
        self._delay_s = first_s
        self._rng = rng or random.Random()

    def next_s(self) -> float:
        """The wait before the next attempt, seconds."""
        delay_s = self._delay_s
        self._delay_s = min(self._cap_s, delay_s * 2)
        return delay_s * self._rng.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Start again from the shortest wait."""
        self._delay_s = self._first_s
