"""The peers of the camera bench: an ffmpeg process per camera, and OpenCV's VideoCapture."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from multiprocessing.connection import Connection
from typing import NoReturn

import cv2
import psutil

from service.exits import OutsideError

START_S = 6.0
OPEN_WITHIN_S = 60.0
RAW_PICTURE_BYTES = 640 * 360 * 3 // 2


def ffmpeg_command(url: str) -> list[str]:
    """The command of one camera: 5 pictures a second, 640×360, raw, as network recorders run it."""
    return [
        "ffmpeg", "-nostdin", "-v", "error", "-threads", "1", "-rtsp_transport", "tcp", "-i", url, "-an",
        "-vf", "fps=5,scale=640:360", "-pix_fmt", "yuv420p", "-f", "rawvideo", "pipe:1",
    ]  # fmt: skip


def measure_ffmpeg(urls: list[str], seconds: float) -> dict[str, float | str]:
    """Cost of one ffmpeg process per camera; OutsideError where ffmpeg is missing or fails."""
    if shutil.which("ffmpeg") is None:
        raise OutsideError("ffmpeg is not installed; the peer cannot be measured")
    children = [
        subprocess.Popen(ffmpeg_command(url), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for url in urls
    ]
    try:
        time.sleep(START_S)
        processes = [psutil.Process(child.pid) for child in children]
        started_s, before = time.monotonic(), [_cpu_s(process) for process in processes]
        written = sum(_written(process) for process in processes)
        time.sleep(seconds)
        took_s = time.monotonic() - started_s
        used_s = sum(_cpu_s(process) for process in processes) - sum(before)
        written = sum(_written(process) for process in processes) - written
        memory = sum(process.memory_info().rss for process in processes)
        if any(child.poll() is not None for child in children):
            raise OutsideError("an ffmpeg process ended early")
    except psutil.NoSuchProcess as error:
        raise OutsideError(f"an ffmpeg process ended early: {error}") from error
    finally:
        for child in children:
            child.kill()
        for child in children:
            child.wait()
    cost_ms = 1000 * used_s / took_s / len(urls)
    return {
        "cameras": len(urls),
        "ms_per_camera_s": round(cost_ms, 3),
        "cameras_per_core": round(1000 / cost_ms, 1),
        "mb_per_camera": round(memory / len(urls) / 1e6, 1),
        "pictures_per_s": round(written / RAW_PICTURE_BYTES / took_s / len(urls), 2),
        "command": " ".join(ffmpeg_command("URL")),
    }


def _written(process: psutil.Process) -> int:
    return int(process.io_counters().write_chars)


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def measure_opencv(urls: list[str], seconds: float, parent: Connection) -> None:
    """A process's whole life: a thread per camera reads every picture; sends one result, or an error."""
    frames = [0] * len(urls)
    stop = threading.Event()

    def read(index: int, url: str) -> None:
        capture = cv2.VideoCapture(url)
        while not stop.is_set() and capture.read()[0]:
            frames[index] += 1
        capture.release()

    threads = [threading.Thread(target=read, args=pair, daemon=True) for pair in enumerate(urls)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + OPEN_WITHIN_S
    while not all(count > 25 for count in frames) and time.monotonic() < deadline:
        time.sleep(0.1)
    if not all(frames):
        parent.send({"error": "OpenCV did not open every camera in time"})
        _leave(parent)
    process = psutil.Process()
    started_s, before, seen = time.monotonic(), _cpu_s(process), sum(frames)
    time.sleep(seconds)
    took_s, used_s = time.monotonic() - started_s, _cpu_s(process) - before
    cost_ms = 1000 * used_s / took_s / len(urls)
    parent.send(
        {
            "cameras": len(urls),
            "ms_per_camera_s": round(cost_ms, 3),
            "cameras_per_core": round(1000 / cost_ms, 1),
            "pictures_per_s": round((sum(frames) - seen) / took_s / len(urls), 2),
        }
    )
    stop.set()
    for thread in threads:
        thread.join(5)
    _leave(parent)


def _leave(parent: Connection) -> NoReturn:
    """End at once: threads inside OpenCV cannot be stopped, and an orderly exit would wait or abort."""
    parent.close()
    os._exit(0)
