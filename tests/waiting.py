"""Waiting for something that other threads or processes bring about, with a deadline."""

from __future__ import annotations

import asyncio
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


async def eventually(condition: Callable[[], object], *, within_s: float = 30.0) -> float:
    """Wait in the loop until the condition holds; the seconds that it took."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > within_s:
            raise AssertionError(f"did not come about within {within_s} s")
        await asyncio.sleep(_LOOK_EVERY_S)
    return time.monotonic() - started
