"""How long a camera is waited for, and how long between attempts to get it back."""

from __future__ import annotations

import random
from dataclasses import dataclass

from model.picture import SourceState

REFUSED_TIMES = 4.0
GIVEN_OVER_AT_ONCE = frozenset({SourceState.UNSUPPORTED_CODEC})


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds until a silent camera counts as stalled, and between attempts to get it back.

    Where key pictures are further apart than rare_keys_s, all pictures are decoded. Pictures that come
    later than late_s after they were taken show what is past: a new connection has none of them waiting.
    That is more than a camera's clock may be wrong by and still be believed.

    After the n-th failure in a row the wait is drawn between half and the whole of first_s · 2ⁿ, at
    most cap_s: cameras behind one switch do not return in step. One that knows no such stream is asked
    less often. Failures are in a row until a camera has given pictures for steady_s. After a wrong
    password the first wait is refused_first_s already and each is four times the one before, up to
    refused_cap_s: cameras lock an account for half an hour after five to seven wrong ones, and not for
    us alone.

    What our reader does not know (`unsupported_codec`), or finds garbled `garbled_most` times in a
    row, FFmpeg's tries once; where that gives pictures it stays for foreign_s.
    """

    silent_s: float = 5.0
    no_picture_s: float = 12.0
    rare_keys_s: float = 4.0
    late_s: float = 15.0
    first_s: float = 0.5
    cap_s: float = 8.0
    steady_s: float = 30.0
    not_found_cap_s: float = 30.0
    refused_first_s: float = 30.0
    refused_cap_s: float = 900.0
    garbled_most: int = 3
    foreign_s: float = 3600.0

    def wait_s(self, failures: int, state: SourceState, rng: random.Random) -> float:
        """How long to wait before the next attempt, after so many failures before this one.

        After a wrong password they are the wrong passwords before it.
        """
        if state is SourceState.WRONG_PASSWORD:
            most_s = min(
                self.refused_first_s * REFUSED_TIMES ** min(failures, 8), self.refused_cap_s
            )
        else:
            cap_s = self.not_found_cap_s if state is SourceState.NOT_FOUND else self.cap_s
            most_s = min(self.first_s * 2.0 ** min(failures, 16), cap_s)
        return most_s * rng.uniform(0.5, 1.0)

    def silence_s(self, every_s: float) -> float:
        """How long nothing may come from a camera that is read at this interval."""
        return max(self.silent_s, 1.5 * every_s)

    def gives_over(self, state: SourceState, garbled: int) -> bool:
        """Whether another reader should try, after a failure and so many garbled in a row."""
        return state in GIVEN_OVER_AT_ONCE or garbled >= self.garbled_most
