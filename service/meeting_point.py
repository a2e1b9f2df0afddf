"""Where a running `serve` can be met by the commands beside it on the same machine.

With an embedded broker, its port and passwords are new at every start. They lie in the data
folder, readable by their owner alone, so that workers and simulators of the same site find them.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

from service.exits import OutsideError
from service.site import LoadedSite
from wire.access import FIELD, OBSERVER, SERVICE, WORKER
from wire.address import BrokerAddress

FILE_NAME = "meeting-point.json"
LOOK_EVERY_S = 0.1


class MeetingPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A running service: its process, its console's address, and its embedded broker."""

    process: int
    console: str
    broker_port: int | None = None
    passwords: dict[str, str] = {}


def announce(folder: Path, point: MeetingPoint) -> None:
    """Leave word of a running service; replaced in one step."""
    path = folder / FILE_NAME
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(point))
    part.replace(path)


def withdraw(folder: Path) -> None:
    """The service ends; the word of one that took over stays."""
    point = find(folder)
    if point is None or point.process == os.getpid():
        (folder / FILE_NAME).unlink(missing_ok=True)


def find(folder: Path) -> MeetingPoint | None:
    """The service that runs on this folder, None where none does."""
    try:
        point = msgspec.json.decode((folder / FILE_NAME).read_bytes(), type=MeetingPoint)
        os.kill(point.process, 0)
    except (OSError, msgspec.DecodeError):
        return None
    return point


def wait_for(folder: Path, *, within_s: float) -> MeetingPoint:
    """Wait until a service runs on this folder. Raises OutsideError after `within_s`."""
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        point = find(folder)
        if point is not None:
            return point
        time.sleep(LOOK_EVERY_S)
    raise OutsideError(f"no `yinding serve` runs on {folder} after {within_s:.0f} s")


def broker_for(loaded: LoadedSite, identity: str, *, within_s: float = 30.0) -> BrokerAddress:
    """The broker's address for a worker, the simulated field or a listener.

    An external broker is taken from the site file; the embedded one from the running service.
    """
    if not loaded.site.broker.embedded:
        return loaded.broker()
    point = wait_for(loaded.data_folder, within_s=within_s)
    if point.broker_port is None or identity not in point.passwords:
        raise OutsideError(f"the service on {loaded.data_folder} has no embedded broker")
    return BrokerAddress(
        host="127.0.0.1",
        port=point.broker_port,
        username=identity,
        password=point.passwords[identity],
    )


__all__ = ["FIELD", "OBSERVER", "SERVICE", "WORKER", "MeetingPoint", "announce", "broker_for", "find", "wait_for", "withdraw"]  # fmt: skip
