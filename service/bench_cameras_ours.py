"""What the camera bench measures of us: the whole service at a number of cameras, and its troubles."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from service.bench_cameras_house import House, Street, running_house
from simulators.rtsp.feed import Fault

Result = dict[str, Any]
SETTLE_S = 5.0
GONE_S = 10.0
DOWN_S = 2.0
KILLED_SHARE = 0.3


def measure_ours(
    street: Street, *, every_s: float, seconds: float, home: Path, then: Callable[[House], Result] | None = None
) -> Result:  # fmt: skip
    """The service on these cameras: what its workers cost, how fresh its readings are.

    Network, decoding, scaling, inference and publishing are all in; the service and its broker are
    told beside it. `then` may go on with the same service; what it finds is added.
    """
    with running_house(street, every_s=every_s, home=home) as house:
        started_s = house.until_all_read()
        time.sleep(SETTLE_S)
        found = _figures(house, seconds) | {"started_s": round(started_s, 1)}
        if then is not None:
            found |= then(house)
    return found | {"readings_stored": house.stored}


def _figures(house: House, seconds: float) -> Result:
    workers, rest, count = house.workers(), house.rest(), len(house.cameras)
    house.heard.restart()
    began_s, before, beside = time.monotonic(), _cpu_s(workers), _cpu_s(rest)
    time.sleep(seconds)
    took_s = time.monotonic() - began_s
    used_s, beside_s = _cpu_s(workers) - before, _cpu_s(rest) - beside
    heard, cost_ms = house.heard, 1000 * used_s / took_s / count
    memory = sum(each.memory_full_info().uss for each in workers)
    return {
        "cameras": count,
        "workers": len(workers),
        "ms_per_camera_s": round(cost_ms, 3),
        "cameras_per_core": round(1000 / cost_ms, 1),
        "ms_per_reading": round(1000 * used_s / max(sum(heard.readings.values()), 1), 2),
        "frame_age_max_s": round(heard.oldest_s(house.cameras), 2),
        "frame_age_usual_s": round(heard.usual_age_s(house.cameras), 2),
        "readings_per_s_min": round(min(heard.readings.values()) / took_s, 3),
        "readings_per_s": round(sum(heard.readings.values()) / took_s / count, 3),
        "blind": heard.blind,
        "mb_per_camera": round(memory / count / 1e6, 2),
        "service_ms_per_camera_s": round(1000 * beside_s / took_s / count, 3),
        "seconds": round(took_s, 1),
    }


def _cpu_s(processes: list[psutil.Process]) -> float:
    times = [each.cpu_times() for each in processes]
    return sum(each.user + each.system for each in times)


def troubles(house: House, *, command: Callable[[tuple[str, ...]], None], seconds: float) -> Result:
    """Three in ten cameras die: what the rest notice. All lose power at once: when all are back."""
    dead = house.cameras[: round(KILLED_SHARE * len(house.cameras))]
    rest = house.cameras[len(dead) :]
    before_s = house.heard.usual_age_s(rest)
    for camera in dead:
        command(("fault", camera, Fault.DROP.value))
    time.sleep(GONE_S)
    house.heard.restart()
    time.sleep(seconds)
    after_s = house.heard.usual_age_s(rest)
    oldest_s = house.heard.oldest_s(rest)
    for camera in dead:
        command(("fault", camera, Fault.NONE.value))
    healed_s = house.until_all_read(since=datetime.now(UTC))
    command(("reboot", str(DOWN_S)))
    back_at = datetime.now(UTC)
    back_s = house.until_all_read(since=back_at)
    return {
        "killed": len(dead),
        "rest_age_before_s": round(before_s, 2),
        "rest_age_after_s": round(after_s, 2),
        "rest_age_max_s": round(oldest_s, 2),
        "rest_age_change": round(after_s / before_s - 1, 3) if before_s else None,
        "killed_back_s": round(healed_s, 1),
        "all_back_after_reboot_s": round(back_s, 1),
    }
