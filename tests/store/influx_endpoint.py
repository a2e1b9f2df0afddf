"""An endpoint of InfluxDB's v2 writes on loopback: reads every line strictly and keeps it."""

from __future__ import annotations

import gzip
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

_KEY = r"(?:[^,= \\]|\\.)+"
_LINE = re.compile(
    rf"(?P<measurement>{_KEY})(?P<tags>(?:,{_KEY}={_KEY})*) "
    rf"(?P<fields>{_KEY}=-?[0-9.e+-]+(?:,{_KEY}=-?[0-9.e+-]+)*) (?P<at_ms>-?\d+)"
)


class InfluxEndpoint(ThreadingHTTPServer):
    """What arrived: lines in order, and how each request was addressed."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lines: list[str] = []
        self.asked: set[tuple[str, str, str]] = set()
        self.answer = 204
        self.refuses = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: InfluxEndpoint

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        address = urlsplit(self.path)
        asked = parse_qs(address.query)
        self.server.asked.add(
            (
                address.path,
                asked["bucket"][0] + "/" + asked["precision"][0],
                self.headers["Authorization"],
            )
        )
        lines = body.decode().splitlines()
        good = all(_LINE.fullmatch(line) for line in lines)
        refused = self.server.refuses and any(self.server.refuses in line for line in lines)
        answer = 400 if refused or not good else self.server.answer
        if answer == 204:
            self.server.lines.extend(lines)
        self.send_response(answer)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
        """Say nothing."""


@contextmanager
def influx_endpoint() -> Iterator[InfluxEndpoint]:
    with InfluxEndpoint() as server:
        serving = threading.Thread(target=server.serve_forever, name="influx")
        serving.start()
        try:
            yield server
        finally:
            server.shutdown()
            serving.join()
