"""The consoles of the console's benchmark, in a process of their own: the service's processor alone is measured.

`python -m service.bench_console_watchers ADDRESS CONSOLES SECONDS`, with the session's cookie on
standard input, says on standard output that all are connected, and then how old readings were when they arrived and how many bytes came.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import datetime

import msgspec
import websockets

from model.clock import SystemClock


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """What the consoles got: ages of readings at their message's arrival, bytes altogether."""

    ages_s: tuple[float, ...]
    received: int


async def _watch(
    address: str, cookie: str, ages_s: list[float], seconds: float, all_here: asyncio.Barrier
) -> int:
    """One console: how old readings are when their message is here; returns bytes received."""
    received = 0
    clock = SystemClock()
    async with websockets.connect(
        f"ws://{address}/api/v1/live", additional_headers={"Cookie": cookie}, max_size=None
    ) as socket:
        await socket.recv()
        if await all_here.wait() == 0:
            sys.stdout.buffer.write(b"here\n")
            sys.stdout.buffer.flush()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            message = await socket.recv()
            received += len(message)
            said = msgspec.json.decode(message)
            cameras = said.get("set", {}).get("cameras", {}) if said["type"] == "changes" else {}
            if cameras:
                at = msgspec.convert(next(iter(cameras.values()))["at"], datetime)
                ages_s.append((clock.now() - at).total_seconds())
    return received


async def _watch_all(address: str, cookie: str, consoles: int, seconds: float) -> Watched:
    ages: list[float] = []
    here = asyncio.Barrier(consoles)
    took = await asyncio.gather(
        *(_watch(address, cookie, ages, seconds, here) for _ in range(consoles))
    )
    return Watched(ages_s=tuple(sorted(ages)), received=sum(took))


@asynccontextmanager
async def connected(
    address: str, cookie: str, consoles: int, seconds: float
) -> AsyncIterator[Awaitable[Watched]]:
    """Consoles in a child process, all of them connected; what is awaited is what they got."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        __name__,
        address,
        str(consoles),
        str(seconds),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdin is not None  # noqa: S101 - both are pipes by the words above
    assert child.stdout is not None  # noqa: S101 - the same
    child.stdin.write(cookie.encode())
    child.stdin.close()
    try:
        if await child.stdout.readline() != b"here\n":
            raise RuntimeError("the consoles of the benchmark did not connect")
        yield _result(child.stdout)
    finally:
        if child.returncode is None:
            child.terminate()
        await child.wait()


async def _result(said: asyncio.StreamReader) -> Watched:
    return msgspec.json.decode(await said.read(), type=Watched)


def main() -> None:
    """The child process: watch, then say what was got."""
    address, consoles, seconds = sys.argv[1:]
    done = asyncio.run(_watch_all(address, sys.stdin.read(), int(consoles), float(seconds)))
    sys.stdout.buffer.write(msgspec.json.encode(done))


if __name__ == "__main__":
    main()
