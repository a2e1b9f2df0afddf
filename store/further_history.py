"""History that is kept on a time-series server after the embedded store has let it go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from store.history import Point
from store.tidying import Keeping
from store.tiers import MINUTES, STEP_MS


class SeriesTeller(Protocol):
    """Who tells of one quantity over time."""

    def series(
        self,
        kind: str,
        name: str,
        quantity: str,
        start: datetime,
        end: datetime,
        /,
        *,
        step_s: float | None = None,
    ) -> list[Point]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FurtherHistory:
    """The server, and how far back the embedded store itself can answer."""

    server: SeriesTeller
    keeping: Keeping
    now: Callable[[], datetime]

    def is_asked(self, start: datetime, step_s: float | None) -> bool:
        """Whether a span begins before what is kept here at this resolution."""
        by_minutes = step_s is not None and round(step_s * 1000) % STEP_MS[MINUTES] == 0
        kept = max(self.keeping.summaries, self.keeping.readings)
        return self.now() - start > (kept if by_minutes else self.keeping.readings)
