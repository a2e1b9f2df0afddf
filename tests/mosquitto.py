"""A real Mosquitto on a free loopback port, with the limits that the project ships."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.waiting import wait_until
from wire.address import BrokerAddress

PROGRAM = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
LIMITS = Path(__file__).parent.parent / "deploy" / "mosquitto" / "limits.conf"


def free_port() -> int:
    """A loopback port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        assert isinstance(port, int)
        return port


class Mosquitto:
    """One broker process that can be killed and started again on the same port.

    `people` are names and passwords; without any, everybody may come in. With `persistent` the
    broker's sessions and retained messages outlive a `stop`, as they do on a real site.
    """

    def __init__(
        self,
        folder: Path,
        *,
        people: Mapping[str, str] | None = None,
        persistent: bool = False,
        extra: str = "",
    ) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        lines = [
            LIMITS.read_text("utf-8"),
            # Started as root it would become another user, who cannot read the test's folder.
            "user root",
            f"listener {self.port} 127.0.0.1",
            f"allow_anonymous {'false' if people else 'true'}",
            f"persistence {'true' if persistent else 'false'}",
            f"persistence_location {folder}/",
            extra,
        ]
        if people:
            passwords = folder / "passwords"
            passwords.write_text("".join(f"{name}:{word}\n" for name, word in people.items()))
            hashing = [shutil.which("mosquitto_passwd") or "mosquitto_passwd", "-U", str(passwords)]
            subprocess.run(hashing, check=True, timeout=60)
            lines.append(f"password_file {passwords}")
        self._configuration = folder / "mosquitto.conf"
        self._configuration.write_text("\n".join(lines) + "\n", "utf-8")

    def address(self, username: str | None = None, password: str | None = None) -> BrokerAddress:
        """Where to connect, as somebody or as nobody."""
        return BrokerAddress(host="127.0.0.1", port=self.port, username=username, password=password)

    def start(self) -> None:
        """Start the process and wait until it answers."""
        assert PROGRAM is not None
        with (self._folder / "mosquitto.log").open("ab") as out:
            self._process = subprocess.Popen(
                [PROGRAM, "-c", str(self._configuration)], stdout=out, stderr=out
            )
        wait_until(self._answers, within_s=30)

    def stop(self) -> None:
        """End it in good order: it writes its sessions where it is persistent."""
        self._end(kill=False)

    def kill(self) -> None:
        """End it at once."""
        self._end(kill=True)

    def _end(self, *, kill: bool) -> None:
        if self._process is None:
            return
        if kill:
            self._process.kill()
        else:
            self._process.terminate()
        self._process.wait(30)
        self._process = None

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError((self._folder / "mosquitto.log").read_text("utf-8"))
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def running_mosquitto(
    folder: Path,
    *,
    people: Mapping[str, str] | None = None,
    persistent: bool = False,
    extra: str = "",
) -> Iterator[Mosquitto]:
    """A started Mosquitto that is ended afterwards; skips the test where there is none."""
    if PROGRAM is None:
        pytest.skip("the mosquitto program is not installed")
    broker = Mosquitto(folder, people=people, persistent=persistent, extra=extra)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()
