"""Workers share the cameras; what a lost one had is read by the others in time, and by one at a time."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from service.site import LoadedSite, open_site
from tests.end_to_end.house import SITE, Air, living, make_site
from tests.end_to_end.long_line import long_line
from tests.end_to_end.street import CameraThread, street_of
from tests.mosquitto import running_mosquitto
from tests.waiting import wait_until

# Alone, since it holds the product to its own times.
pytestmark = [
    pytest.mark.broker,
    pytest.mark.slow,
    pytest.mark.alone,
    pytest.mark.timeout(240),
]
NAMES = ("a", "b", "c", "d")
MOVED_WITHIN_S = 15.0
"""From a worker's loss until each of its cameras is read by another; no camera is read by two for longer."""

TAKES_TURNS_WITHIN_S = 4.0
"""Readings of two workers that follow one another so closely, at one a second, are of both at once."""

_SAID = re.compile(
    r"(\d+): Received PUBLISH from worker-(\w+) \(.*'yinding/v1/s/camera/(\w)/density'"
)


class Said(NamedTuple):
    """One reading as the broker took it in."""

    at_s: int
    worker: str
    camera: str


class Street:
    """How often each camera is read at once, as the cameras themselves see it."""

    def __init__(self, cameras: CameraThread) -> None:
        self._cameras = cameras
        self._since_s: dict[str, float] = {}
        self.longest_twice_s = 0.0

    def is_read_once(self) -> bool:
        """Whether each camera has one reader; takes down how long one had several."""
        readers = {name: self._cameras.server.readers(name) for name in NAMES}
        now_s = time.monotonic()
        for name, number in readers.items():
            if number < 2:
                self._since_s.pop(name, None)
            else:
                twice_s = now_s - self._since_s.setdefault(name, now_s)
                self.longest_twice_s = max(self.longest_twice_s, twice_s)
        return set(readers.values()) == {1}

    def wait_until(self, condition: Callable[[], object], *, within_s: float) -> None:
        """Wait with an eye on the cameras."""
        wait_until(lambda: (self.is_read_once(), condition())[1], within_s=within_s)


@contextmanager
def worker(loaded: LoadedSite, node: str) -> Iterator[subprocess.Popen[bytes]]:
    """`yinding worker` as a process of its own."""
    with (loaded.folder / f"{node}.log").open("ab") as out:
        child = subprocess.Popen(
            [sys.executable, "-m", "service.cli", "worker", str(loaded.path), "--node", node],
            stdout=out,
            stderr=out,
        )
        try:
            yield child
        finally:
            child.kill()
            child.wait(10)


def share(air: Air, node: str) -> set[str]:
    """The cameras that a worker is to analyse, by the last that it was told."""
    return set((air.last(f"/worker/{node}/cameras") or {"cameras": []})["cameras"])


def is_shared(air: Air) -> bool:
    """Whether each of two workers has its half."""
    return {len(share(air, "one")), len(share(air, "two"))} == {2}


def all_live_since(air: Air, moment: datetime) -> bool:
    """Whether each camera was read from a picture taken after that moment."""
    last = {name: air.last(f"/camera/{name}/density") for name in NAMES}
    return all(
        each is not None and each["sight"] == "live" and datetime.fromisoformat(each["at"]) > moment
        for each in last.values()
    )


def said(folder: Path) -> list[Said]:
    """All readings in their order, and whose each was, by the broker's log."""
    log = (folder / "mosquitto.log").read_text("utf-8", "replace")
    return [Said(int(at_s), who, camera) for at_s, who, camera in _SAID.findall(log)]


def longest_by_two_s(readings: list[Said]) -> float:
    """The longest time in which a camera's readings came from two workers in turn."""
    longest_s = 0.0
    for name in NAMES:
        began_s: int | None = None
        last_s = 0
        of_camera = [each for each in readings if each.camera == name]
        for before, after in pairwise(of_camera):
            if before.worker == after.worker:
                continue
            if began_s is None or before.at_s - last_s > TAKES_TURNS_WITHIN_S:
                began_s = before.at_s
            last_s = after.at_s
            longest_s = max(longest_s, last_s - began_s)
    return longest_s


def test_a_dead_workers_cameras_move_to_the_others_and_come_back_with_it(tmp_path: Path) -> None:
    with (
        running_mosquitto(tmp_path, extra="log_type all") as broker,
        street_of(*NAMES) as cameras,
    ):
        loaded = make_site(tmp_path, port=broker.port, cameras=cameras.listed(tmp_path))
        street = Street(cameras)
        with (
            living(loaded, broker.address()) as (_, _, air),
            worker(loaded, "one"),
            worker(loaded, "two") as two,
        ):
            begun = datetime.now(UTC)
            street.wait_until(lambda: is_shared(air), within_s=90)
            street.wait_until(lambda: all_live_since(air, begun), within_s=60)
            two.kill()
            killed = datetime.now(UTC)
            street.wait_until(lambda: all_live_since(air, killed), within_s=MOVED_WITHIN_S)
            wait_until(lambda: share(air, "one") == set(NAMES) and share(air, "two") == set())
            assert {each.worker for each in said(tmp_path)[-len(NAMES) :]} == {"one"}
            with worker(loaded, "two"):
                street.wait_until(lambda: is_shared(air), within_s=90)
                returned = datetime.now(UTC)
                street.wait_until(lambda: all_live_since(air, returned), within_s=60)
                street.wait_until(street.is_read_once, within_s=MOVED_WITHIN_S)
                assert share(air, "one").isdisjoint(share(air, "two"))
            epochs = [each["epoch"] for each in air.heard("/worker/one/cameras")]
            assert epochs == sorted(set(epochs))
        assert {each.worker for each in said(tmp_path)} == {"one", "two"}
        assert longest_by_two_s(said(tmp_path)) <= MOVED_WITHIN_S
        assert street.longest_twice_s <= MOVED_WITHIN_S


def test_a_worker_cut_off_from_the_broker_lets_its_cameras_go_as_others_read_them(
    tmp_path: Path,
) -> None:
    with (
        running_mosquitto(tmp_path, extra="log_type all") as broker,
        long_line(broker.port) as line,
        street_of(*NAMES) as cameras,
    ):
        loaded = make_site(tmp_path, port=broker.port, cameras=cameras.listed(tmp_path))
        far = tmp_path / "far.yaml"
        far.write_text(SITE.format(port=line.port, cameras=cameras.listed(tmp_path)), "utf-8")
        street = Street(cameras)
        with (
            living(loaded, broker.address()) as (_, _, air),
            worker(loaded, "one"),
            worker(open_site(far, secrets_needed=False), "two"),
        ):
            street.wait_until(lambda: is_shared(air), within_s=90)
            shared = datetime.now(UTC)
            street.wait_until(lambda: all_live_since(air, shared), within_s=60)
            street.wait_until(street.is_read_once, within_s=MOVED_WITHIN_S)
            line.cut()
            cut = datetime.now(UTC)
            street.wait_until(lambda: all_live_since(air, cut), within_s=MOVED_WITHIN_S)
            street.wait_until(street.is_read_once, within_s=2 * MOVED_WITHIN_S)
            line.mend()
            street.wait_until(lambda: is_shared(air), within_s=60)
            mended = datetime.now(UTC)
            street.wait_until(lambda: all_live_since(air, mended), within_s=60)
            street.wait_until(street.is_read_once, within_s=MOVED_WITHIN_S)
        assert longest_by_two_s(said(tmp_path)) <= MOVED_WITHIN_S
        assert street.longest_twice_s <= MOVED_WITHIN_S
