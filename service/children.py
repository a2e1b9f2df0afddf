"""Child processes that the service keeps alive: camera workers on this machine.

A child is tied to us by its standard input: when we end, however we end, it reads the end of it
and ends too, so that no orphan goes on analysing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

log = logging.getLogger(__name__)

FIRST_WAIT_S = 0.5
WAIT_MOST_S = 10.0
HEALTHY_S = 30.0
GOODBYE_S = 5.0


async def keep_running(
    name: str, arguments: Sequence[str], *, monotonic: Callable[[], float]
) -> None:
    """Run `yinding` with these arguments again and again, until cancelled.

    A child that ends is started again after a wait that doubles up to ten seconds, jittered, and
    is forgotten once the child has lived for half a minute.
    """
    wait_s = FIRST_WAIT_S
    while True:
        began_s = monotonic()
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "service.cli", *arguments, stdin=asyncio.subprocess.PIPE
        )
        try:
            code = await child.wait()
        finally:
            await _end(child)
        if monotonic() - began_s > HEALTHY_S:
            wait_s = FIRST_WAIT_S
        log.error("%s ended with code %d; starting it again in %.1f s", name, code, wait_s)
        await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))
        wait_s = min(wait_s * 2, WAIT_MOST_S)


async def _end(child: asyncio.subprocess.Process) -> None:
    if child.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        child.terminate()
    try:
        await asyncio.wait_for(child.wait(), GOODBYE_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()


async def until_parent_ends() -> None:
    """Wait until standard input ends: whoever started us with a pipe is gone."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(1024):
        pass


async def until_stopped(work: Coroutine[None, None, None], *, tied: bool) -> None:
    """Run `work` until it ends, a signal asks to stop, or (tied) standard input ends."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    working = asyncio.ensure_future(work)
    endings: list[asyncio.Future[Any]] = [working, asyncio.ensure_future(stop.wait())]
    if tied:
        endings.append(asyncio.ensure_future(until_parent_ends()))
    try:
        await asyncio.wait(endings, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working
    finally:
        for each in endings:
            each.cancel()
        await asyncio.gather(*endings, return_exceptions=True)
