"""The camera bench: what one camera costs us and what it costs the peers, same streams, same run."""

from __future__ import annotations

import platform
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cv2
import psutil

from service.bench_cameras_ours import measure
from service.bench_cameras_peers import measure_ffmpeg, measure_opencv
from service.bench_cameras_streams import FPS, KEY_EVERY_S, KINDS, USERNAME, Size, make_loops, serve
from service.exits import OutsideError
from simulators.rtsp.loop import Loop

Result = dict[str, Any]
PEERS = {"sub": 16, "main": 4}
PATIENCE_S = 240.0
DONE_SHARE = 0.85
_SPAWN = get_context("spawn")


def bench_cameras(
    *, count: int, size: Size, seconds: float, every_s: float, say: Callable[[str], None]
) -> Result:
    """Measure everything in turn, one thing at a time; OutsideError where something did not run."""
    say("rendering the streams, unless they are kept from an earlier run")
    paths = make_loops(size)
    with _served(paths, count) as urls:
        say(f"{count} cameras, {size} streams: the network alone")
        floor = _in_a_process(measure, urls, "network", every_s, seconds)
        say("with key pictures decoded")
        decoded = _in_a_process(measure, urls, "decode", every_s, seconds)
        say("with people counted")
        counted = _in_a_process(measure, urls, "count", every_s, seconds)
        few = urls[: PEERS[size]]
        say(f"the peers, {len(few)} cameras each: ffmpeg")
        peers: Result = {"ffmpeg": measure_ffmpeg(few, seconds)}
        say("OpenCV")
        peers["opencv"] = _in_a_process(measure_opencv, few, seconds)
    return {
        "ours": counted,
        "ours_without_counting": decoded,
        "floor": floor,
        "peers": peers,
        "ratio": {
            name: {
                "counting": round(peer["ms_per_camera_s"] / counted["ms_per_camera_s"], 2),
                "without_counting": round(peer["ms_per_camera_s"] / decoded["ms_per_camera_s"], 2),
            }
            for name, peer in peers.items()
        },
        "short": _short(counted, decoded, peers, every_s),
        "streams": _streams(size, paths, every_s),
        "machine": machine(),
    }


def _short(counted: Result, decoded: Result, peers: Result, every_s: float) -> list[str]:
    """Who did less than asked, so that a cost is not believed that comes from work left undone."""
    asked = [
        ("ours: readings", counted["readings_per_s"], 1 / every_s),
        ("ours without counting: readings", decoded["readings_per_s"], 1 / every_s),
        ("ffmpeg: pictures", peers["ffmpeg"]["pictures_per_s"], 5.0),
        ("opencv: pictures", peers["opencv"]["pictures_per_s"], float(FPS)),
    ]
    return [
        f"{name} came at {came:.2f} a second instead of {wanted:.2f}"
        for name, came, wanted in asked
        if came < DONE_SHARE * wanted
    ]


@contextmanager
def _served(paths: list[Path], count: int) -> Iterator[list[str]]:
    """The cameras' addresses while a process of its own serves them."""
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
        yield [
            f"rtsp://{USERNAME}:{password}@127.0.0.1:{port}/camera-{number}"
            for number in range(count)
        ]
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
