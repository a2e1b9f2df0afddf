"""Waiting for something that other threads or processes bring about, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable

_LOOK_EVERY_S = 0.01


def wait_until(condition: Callable[[], object], *, within_s: float = 30.0) -> None:
    """Return as soon as the condition holds; AssertionError when it does not within the time."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"did not come about within {within_s} s")
        time.sleep(_LOOK_EVERY_S)
