"""A Mosquitto for one benchmark: a child process on loopback, with the limits that we ship."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.exits import OutsideError
from wire.address import BrokerAddress

STARTED_WITHIN_S = 10.0
LIMITS = Path(__file__).parents[1] / "deploy" / "mosquitto" / "limits.conf"


@contextmanager
def mosquitto() -> Iterator[BrokerAddress]:
    """Run a Mosquitto until the block ends. Raises OutsideError where it is not installed."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/sbin")
    if program is None:
        raise OutsideError("mosquitto is not installed: apt-get install mosquitto")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="yinding-bench-") as folder:
        configuration = Path(folder) / "mosquitto.conf"
        configuration.write_text(
            f"{LIMITS.read_text('utf-8')}\nuser root\nlistener {port} 127.0.0.1\n"
            "allow_anonymous true\n",
            "utf-8",
        )
        child = subprocess.Popen(
            [program, "-c", str(configuration)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_until_open(port)
            yield BrokerAddress(host="127.0.0.1", port=port)
        finally:
            child.terminate()
            child.wait(5)


def _wait_until_open(port: int) -> None:
    end_s = time.monotonic() + STARTED_WITHIN_S
    while time.monotonic() < end_s:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise OutsideError("mosquitto did not start")
