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
LINE_BYTES_MOST = 4096


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


async def until_input_ends(on_line: Callable[[str], None] | None = None) -> None:
    """Pass on the lines of standard input until it ends: whoever started us with a pipe is gone."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LINE_BYTES_MOST)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        if on_line is not None:
            on_line(line.decode("utf-8", "replace"))


async def _commands(on_line: Callable[[str], None]) -> None:
    """Obey standard input for as long as there is one; without it, wait for ever."""
    with contextlib.suppress(OSError, ValueError):
        await until_input_ends(on_line)
    await asyncio.get_running_loop().create_future()


async def until_stopped(
    work: Coroutine[None, None, None],
    *,
    tied: bool,
    on_line: Callable[[str], None] | None = None,
) -> None:
    """Run `work` until it ends, a signal asks to stop, or (tied) standard input ends.

    `on_line` is told what comes in there.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    working = asyncio.ensure_future(work)
    endings: list[asyncio.Future[Any]] = [working, asyncio.ensure_future(stop.wait())]
    if tied:
        endings.append(asyncio.ensure_future(until_input_ends(on_line)))
    elif on_line is not None:
        endings.append(asyncio.ensure_future(_commands(on_line)))
    try:
        await asyncio.wait(endings, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working
    finally:
        for each in endings:
            each.cancel()
        await asyncio.gather(*endings, return_exceptions=True)
