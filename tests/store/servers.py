"""A real VictoriaMetrics on loopback, started and killed as the tests need it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import urllib3

from store.series_server import SeriesServer, ServerAddress

START_WITHIN_S = 60.0
PROGRAM = shutil.which("victoria-metrics")


class VictoriaMetrics:
    """One server with its data in a folder; killed, it forgets what it had not written yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self._http = urllib3.PoolManager(retries=False, timeout=10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        assert PROGRAM is not None
        self._process = subprocess.Popen(
            [
                PROGRAM,
                f"-storageDataPath={self._folder}",
                f"-httpListenAddr=127.0.0.1:{self.port}",
                "-retentionPeriod=100y",
                "-dedup.minScrapeInterval=1ms",
                "-loggerLevel=ERROR",
                "-memory.allowedBytes=128MB",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end_s = time.monotonic() + START_WITHIN_S
        while not self._is_up():
            assert self._process.poll() is None, "VictoriaMetrics ended"
            assert time.monotonic() < end_s, "VictoriaMetrics did not start"

    def _is_up(self) -> bool:
        try:
            return self._http.request("GET", f"{self.url}/health").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def kill(self) -> None:
        """SIGKILL: what it only held in memory is gone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def flush(self) -> None:
        """Make what was written visible at once."""
        assert self._http.request("GET", f"{self.url}/internal/force_flush").status == 200

    def server(self, site: str) -> SeriesServer:
        address = ServerAddress(
            url=self.url,
            read_url=self.url,
            database="yinding",
            organization="yinding",
            forgets_when_killed=True,
        )
        return SeriesServer(address, site=site)


@contextmanager
def victoria_metrics(folder: Path) -> Iterator[VictoriaMetrics]:
    running = VictoriaMetrics(folder)
    running.start()
    try:
        yield running
    finally:
        running.kill()
