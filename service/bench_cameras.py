"""The camera bench: what one camera costs us and what it costs the peers, same streams, same run."""

from __future__ import annotations

import platform
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cv2
import psutil

from service.bench_cameras_floor import measure_floor
from service.bench_cameras_house import Street
from service.bench_cameras_ours import measure_ours, troubles
from service.bench_cameras_peers import measure_ffmpeg, measure_opencv
from service.bench_cameras_streams import (
    FPS,
    KEY_EVERY_S,
    KINDS,
    USERNAME,
    Size,
    cache_folder,
    make_loops,
    serve,
)
from service.exits import OutsideError
from simulators.rtsp.loop import Loop

Result = dict[str, Any]
PEERS = {"sub": 16, "main": 4}
TABLE = (10, 50, 100, 200, 382)
ROW_S = 15.0
FLOOR_MOST = 100
PATIENCE_S = 400.0
DONE_SHARE = 0.85
_SPAWN = get_context("spawn")


class Cameras:
    """The simulated cameras in a process of their own."""

    def __init__(self, pipe: Connection, street: Street) -> None:
        self._pipe, self.street = pipe, street

    def some(self, count: int) -> Street:
        """The first so many of them."""
        urls = dict(list(self.street.urls.items())[:count])
        return Street(urls=urls, username=self.street.username, password=self.street.password)

    def addresses(self, count: int) -> list[str]:
        """Their addresses with the password in them."""
        who = f"rtsp://{self.street.username}:{self.street.password}@"
        return [url.replace("rtsp://", who) for url in self.some(count).urls.values()]

    def command(self, words: tuple[str, ...]) -> None:
        """Break or mend something; returns when it is done."""
        self._pipe.send(words)
        if not self._pipe.poll(PATIENCE_S):
            raise OutsideError("the simulated cameras do not obey")
        self._pipe.recv()


def bench_cameras(
    *, count: int, size: Size, seconds: float, every_s: float, say: Callable[[str], None]
) -> Result:
    """Measure everything in turn, one thing at a time; OutsideError where something did not run."""
    say("rendering the streams, unless they are kept from an earlier run")
    paths = make_loops(size)
    home = cache_folder() / "house"
    with _served(paths, count) as cameras:
        floor: Result = {}
        for depth in ("network", "decoding"):
            few = cameras.addresses(min(count, FLOOR_MOST))
            say(f"{len(few)} cameras, {size} streams: the floor, {depth}")
            floor[depth] = _in_a_process(measure_floor, few, depth, every_s, min(seconds, ROW_S))
        table = []
        for some in (each for each in TABLE if each < count):
            say(f"the whole service on {some} cameras")
            street = cameras.some(some)
            table.append(
                measure_ours(street, every_s=every_s, seconds=min(seconds, ROW_S), home=home)
            )
        say(f"the whole service on {count} cameras for {seconds:.0f} s, then with troubles")
        hurt = partial(troubles, command=cameras.command, seconds=min(seconds, ROW_S))
        last = measure_ours(
            cameras.street, every_s=every_s, seconds=seconds, home=home,
            then=lambda house: {"troubles": hurt(house)},
        )  # fmt: skip
        trouble = last.pop("troubles")
        few = cameras.addresses(PEERS[size])
        say(f"the peers, {len(few)} cameras each: ffmpeg")
        peers: Result = {"ffmpeg": measure_ffmpeg(few, min(seconds, ROW_S))}
        say("OpenCV")
        peers["opencv"] = _in_a_process(measure_opencv, few, min(seconds, ROW_S))
    return {
        "ours": last,
        "peers": peers,
        "floor": floor,
        "ratio": {
            name: round(peer["ms_per_camera_s"] / _whole_ms(last, every_s), 2)
            for name, peer in peers.items()
        },
        "table": [*table, last],
        "troubles": trouble,
        "short": _short(last, peers, every_s),
        "streams": _streams(size, paths, every_s),
        "store": _store(home),
        "machine": machine(),
    }


def _whole_ms(ours: Result, every_s: float) -> float:
    """Our cost of a camera-second with every reading made that was asked for, also where some were not."""
    return max(float(ours["ms_per_camera_s"]), float(ours["ms_per_reading"]) / every_s)


def _short(ours: Result, peers: Result, every_s: float) -> list[str]:
    """Who did less than asked, so that a cost is not believed that comes from work left undone."""
    asked = [
        ("ours: readings", ours["readings_per_s"], 1 / every_s),
        ("ffmpeg: pictures", peers["ffmpeg"]["pictures_per_s"], 5.0),
        ("opencv: pictures", peers["opencv"]["pictures_per_s"], float(FPS)),
    ]
    return [
        f"{name} came at {came:.2f} a second instead of {wanted:.2f}"
        for name, came, wanted in asked
        if came < DONE_SHARE * wanted
    ]


def _store(home: Path) -> Result:
    """Where the store lay: the mount that holds it and its kind."""
    mounts = [
        each for each in psutil.disk_partitions(all=True) if home.is_relative_to(each.mountpoint)
    ]
    found = max(mounts, key=lambda each: len(each.mountpoint))
    return {"mount": found.mountpoint, "filesystem": found.fstype, "on_disk": found.fstype not in {"tmpfs", "ramfs"}}  # fmt: skip


@contextmanager
def _served(paths: list[Path], count: int) -> Iterator[Cameras]:
    """The cameras while a process of its own serves them."""
    password = secrets.token_urlsafe(12)
    ours, theirs = _SPAWN.Pipe()
    process = _SPAWN.Process(
        target=serve, args=(paths, count, password, theirs), name="cameras", daemon=True
    )
    process.start()
    theirs.close()
    try:
        if not ours.poll(PATIENCE_S):
            raise OutsideError("the simulated cameras did not start")
        port = ours.recv()
        names = [f"camera-{number}" for number in range(count)]
        urls = {name: f"rtsp://127.0.0.1:{port}/{name}" for name in names}
        yield Cameras(ours, Street(urls=urls, username=USERNAME, password=password))
    except EOFError as error:
        raise OutsideError("the simulated cameras ended at the start") from error
    finally:
        ours.close()
        process.join(5)
        if process.is_alive():
            process.kill()


def _in_a_process(target: Callable[..., None], *arguments: object) -> Result:
    """Run one measurement alone in a fresh process, so that its costs are only its own."""
    ours, theirs = _SPAWN.Pipe(duplex=False)
    process = _SPAWN.Process(target=target, args=(*arguments, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        return _received(ours)
    finally:
        process.join(5)
        if process.is_alive():
            process.kill()


def _received(pipe: Connection) -> Result:
    if not pipe.poll(PATIENCE_S):
        raise OutsideError("a measurement did not end")
    try:
        result: Result = pipe.recv()
    except EOFError as error:
        raise OutsideError("a measurement ended without a result") from error
    if "error" in result:
        raise OutsideError(str(result["error"]))
    return result


def _streams(size: Size, paths: list[Path], every_s: float) -> Result:
    loops = [Loop.load(path) for path in paths]
    return {
        "size": size,
        "width": KINDS[size].width,
        "height": KINDS[size].height,
        "fps": FPS,
        "key_every_s": KEY_EVERY_S,
        "reading_every_s": every_s,
        "different": len(loops),
        "mbit_s": [round(loop.bit_rate / 1e6, 3) for loop in loops],
        "people": [round(sum(loop.truth or [0]) / len(loop.units), 1) for loop in loops],
    }


def machine() -> Result:
    """What this ran on."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = info.read_text(encoding="utf-8").splitlines()
        name = next(
            (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
            name,
        )
    return {
        "processor": name,
        "cores": psutil.cpu_count(),
        "load": round(psutil.getloadavg()[0], 2),
        "python": platform.python_version(),
        "opencv": cv2.__version__,
    }
