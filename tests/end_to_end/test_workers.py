"""Workers share the cameras; what a dead one had goes to the others, and back when it returns."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.site import LoadedSite
from tests.end_to_end.house import Air, living, make_site
from tests.end_to_end.street import street_of
from tests.mosquitto import running_mosquitto
from tests.waiting import wait_until

pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(240)]
NAMES = ("a", "b", "c", "d")


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


def all_live_since(air: Air, moment: datetime) -> bool:
    """Whether each camera was read from a picture taken after that moment."""
    last = {name: air.last(f"/camera/{name}/density") for name in NAMES}
    return all(
        each is not None and each["sight"] == "live" and datetime.fromisoformat(each["at"]) > moment
        for each in last.values()
    )


def test_a_dead_workers_cameras_move_to_the_others_and_come_back_with_it(tmp_path: Path) -> None:
    with running_mosquitto(tmp_path) as broker, street_of(*NAMES) as street:
        loaded = make_site(tmp_path, port=broker.port, cameras=street.listed(tmp_path))
        with (
            living(loaded, broker.address()) as (_, _, air),
            worker(loaded, "one"),
            worker(loaded, "two") as two,
        ):
            begun = datetime.now(UTC)
            wait_until(lambda: {len(share(air, "one")), len(share(air, "two"))} == {2}, within_s=90)
            wait_until(lambda: all_live_since(air, begun), within_s=60)
            two.kill()
            killed = datetime.now(UTC)
            wait_until(lambda: share(air, "one") == set(NAMES), within_s=60)
            wait_until(lambda: share(air, "two") == set(), within_s=60)
            wait_until(lambda: all_live_since(air, killed), within_s=60)
            with worker(loaded, "two"):
                wait_until(
                    lambda: {len(share(air, "one")), len(share(air, "two"))} == {2}, within_s=90
                )
                returned = datetime.now(UTC)
                wait_until(lambda: all_live_since(air, returned), within_s=60)
                assert share(air, "one").isdisjoint(share(air, "two"))
            epochs = [each["epoch"] for each in air.heard("/worker/one/cameras")]
            assert epochs == sorted(set(epochs))
