"""A VictoriaMetrics for one benchmark: a child process on loopback with its data in a folder."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path

import urllib3

from service.exits import OutsideError

STARTED_WITHIN_S = 60.0
PROGRAM = "victoria-metrics"


class VictoriaServer:
    """One server that can be killed and started again on its data."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._http = urllib3.PoolManager(retries=False, timeout=60)
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def is_installed() -> bool:
        return shutil.which(PROGRAM) is not None

    def start(self) -> None:
        """Begin, and wait until it answers."""
        self._process = subprocess.Popen(
            [
                shutil.which(PROGRAM) or PROGRAM,
                f"-storageDataPath={self._folder}",
                f"-httpListenAddr=127.0.0.1:{self._port}",
                "-retentionPeriod=100y",
                "-dedup.minScrapeInterval=1ms",
                "-loggerLevel=ERROR",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end_s = time.monotonic() + STARTED_WITHIN_S
        while not self._answers("/health"):
            if time.monotonic() > end_s or self._process.poll() is not None:
                raise OutsideError("victoria-metrics does not start")
            time.sleep(0.05)

    def _answers(self, path: str) -> bool:
        try:
            return self._http.request("GET", self.url + path).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def flush(self) -> None:
        """Make what it took visible, and its files whole."""
        if not self._answers("/internal/force_flush"):
            raise OutsideError("victoria-metrics does not flush")

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """End it in order: everything is on disk afterwards."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
