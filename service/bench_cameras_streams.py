"""The streams of the camera bench: eight rendered clips a size, served by a process of their own."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

from model.clock import SystemClock
from simulators.cameras import feeds_of
from simulators.rtsp.feed import Fault
from simulators.rtsp.loop import Loop, LoopError, scene_loop
from simulators.rtsp.server import CameraServer
from simulators.scenes.crowd import CrowdPlan
from simulators.scenes.place import Place, Setting
from simulators.scenes.scene import Scene
from simulators.scenes.viewpoint import Viewpoint

Size = Literal["sub", "main"]
LOOPS = 8
FPS = 25
KEY_EVERY_S = 2.0
RECIPE = 2
USERNAME = "bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamKind:
    """What a camera's sub or main stream looks like."""

    width: int
    height: int
    bit_rate: int
    period_s: float


KINDS: dict[Size, StreamKind] = {
    "sub": StreamKind(width=640, height=360, bit_rate=700_000, period_s=8.0),
    "main": StreamKind(width=1920, height=1080, bit_rate=4_000_000, period_s=4.0),
}


def cache_folder() -> Path:
    """Where rendered clips are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "yinding" / "bench"


def _path(size: Size, number: int) -> Path:
    return cache_folder() / f"{size}-{number}-{RECIPE}.loop"


def _make(size: Size, number: int) -> Path:
    """Render one clip unless it is kept from an earlier run."""
    path = _path(size, number)
    try:
        Loop.load(path)
    except LoopError:
        kind = KINDS[size]
        places = list(Place)
        scene = Scene(
            Viewpoint(
                width=kind.width,
                height=kind.height,
                mast_m=4.0 + number % 3,
                pitch_deg=24 + 2 * number,
            ),
            Setting(
                place=places[number % len(places)], seed=number, half_width_m=6.0, night=number == 5
            ),
            CrowdPlan(people=10 + 12 * number, seed=number, period_s=kind.period_s),
            detail=2 if size == "sub" else 1,
        )
        scene_loop(scene, fps=FPS, bit_rate=kind.bit_rate, gop_s=KEY_EVERY_S).save(path)
    return path


def make_loops(size: Size) -> list[Path]:
    """The clips' files, rendered on every core where they are missing."""
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        return list(pool.map(_make, [size] * LOOPS, range(LOOPS)))


def serve(paths: list[Path], count: int, password: str, parent: Connection) -> None:
    """A process's whole life: serve `count` cameras until the parent closes its end."""
    asyncio.run(_serve(paths, count, password, parent))


async def _serve(paths: list[Path], count: int, password: str, parent: Connection) -> None:
    loops = [Loop.load(path) for path in paths]
    stages = {f"camera-{number}": {"all": loops[number % len(loops)]} for number in range(count)}
    clock = SystemClock()
    feeds = feeds_of(stages, begin="all", clock=clock)
    async with CameraServer(feeds, username=USERNAME, password=password, clock=clock) as server:
        parent.send(server.port)
        await _obey(server, parent)


async def _obey(server: CameraServer, parent: Connection) -> None:
    """Break and mend what the parent says, until it closes its end."""
    while True:
        try:
            words = await asyncio.to_thread(parent.recv)
        except EOFError:
            return
        if words[0] == "reboot":
            await server.reboot(down_s=float(words[1]))
        else:
            server.set_fault(words[1], Fault(words[2]))
        parent.send("done")
