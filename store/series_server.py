"""A time-series server: takes readings in line protocol; VictoriaMetrics also tells history.

Every wait has a deadline. What the server refuses for good is told apart from its being away.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import urllib3
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException

from store.columns import LAYOUTS, quantity_of
from store.errors import StoreError
from store.history import POINTS_AT_MOST, Curve, Point
from store.line_protocol import measurement
from store.packing import Rows
from store.stamps import from_ms, to_ms

WRITE_WITHIN_S = 10.0
ASK_WITHIN_S = 10.0
_REFUSED = frozenset({400, 413, 422})
"""The server will never take these lines; any other failure may pass."""


class SeriesServerAwayError(StoreError):
    """The time-series server does not answer, or not as it should."""


class LinesRefusedError(StoreError):
    """The time-series server will not take these lines."""


class ServerAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a time-series server is, with its secret: never log it."""

    url: str
    read_url: str
    database: str
    organization: str
    token: str = ""
    forgets_when_killed: bool = False
    """VictoriaMetrics keeps accepted rows in memory for some seconds."""


class ServerRun(msgspec.Struct, frozen=True, kw_only=True):
    """A server's own word on its run: when it began, and how many values it took since."""

    started: str = ""
    taken: int | None = None

    def goes_on_from(self, before: ServerRun, *, at_least: int) -> bool:
        """Whether it is the run of before, with what it was given since."""
        if self.taken is None or before.taken is None:
            return True
        # Two starts within a second look alike, but the later one has taken less.
        return self.started == before.started and self.taken >= before.taken + at_least


class SeriesServer:
    """One server: `write` lines; `series` and `curves` as the embedded store tells them."""

    def __init__(self, address: ServerAddress, *, site: str) -> None:
        self._address = address
        self._site = site
        self._client = InfluxDBClient(
            url=address.url,
            token=address.token,
            org=address.organization,
            timeout=int(WRITE_WITHIN_S * 1000),
            enable_gzip=True,
        )
        self._writer = self._client.write_api(write_options=SYNCHRONOUS)
        headers = {"Authorization": f"Bearer {address.token}"} if address.token else {}
        self._http = urllib3.PoolManager(
            headers=headers, timeout=urllib3.Timeout(ASK_WITHIN_S), retries=False
        )

    def close(self) -> None:
        """Close all connections."""
        self._client.close()  # type: ignore[no-untyped-call]
        self._http.clear()

    def write(self, lines: Sequence[str]) -> None:
        """Send lines with times in milliseconds; they are accepted when this returns."""
        try:
            self._writer.write(
                bucket=self._address.database,
                record="\n".join(lines).encode(),
                write_precision="ms",  # type: ignore[arg-type]
            )
        except ApiException as error:
            if error.status in _REFUSED:
                raise LinesRefusedError(f"{self._address.url}: {error.status}") from error
            raise SeriesServerAwayError(f"{self._address.url}: {error.status}") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise SeriesServerAwayError(f"{self._address.url}: {error}") from error

    def run(self) -> ServerRun:
        """Which run of a server that forgets this is, and how much it took in it."""
        if not self._address.forgets_when_killed:
            return ServerRun()
        started, taken = "", 0
        for line in self._get(self._address.url, "/metrics", {}).decode().splitlines():
            name, _, value = line.rpartition(" ")
            if name.startswith("process_start_time_seconds"):
                started = value
            elif name.startswith("vm_rows_inserted_total"):
                taken += int(float(value))
        return ServerRun(started=started, taken=taken)

    def series(
        self,
        kind: str,
        name: str,
        quantity: str,
        start: datetime,
        end: datetime,
        *,
        step_s: float | None = None,
    ) -> list[Point]:
        """One quantity over time, oldest first; with `step_s`, down-sampled by the server."""
        curve = self.curves(kind, quantity, start, end, step_s=step_s, names=(name,)).get(name)
        if curve is None:
            return []
        columns = (curve.at_ms, curve.mean, curve.low, curve.high, curve.n)
        told = zip(*(column[:POINTS_AT_MOST].tolist() for column in columns), strict=True)
        return [
            Point(at=from_ms(int(at_ms)), mean=mean, low=low, high=high, n=int(n))
            for at_ms, mean, low, high, n in told
        ]

    def curves(
        self,
        kind: str,
        quantity: str,
        start: datetime,
        end: datetime,
        *,
        step_s: float | None = None,
        names: Iterable[str] | None = None,
    ) -> dict[str, Curve]:
        """The same quantity of many sources of a kind (by default all)."""
        metric = self._metric(kind, quantity, None if names is None else tuple(names))
        if step_s is None:
            return self._raw(metric, start, end)
        return self._stepped(metric, start, end, round(step_s * 1000))

    def _metric(self, kind: str, quantity: str, names: tuple[str, ...] | None) -> str:
        place, _ = quantity_of(kind, quantity)
        field = list(LAYOUTS[kind].quantities)[place]
        wanted = [f"site={json.dumps(self._site)}"]
        if kind == "sensor":
            wanted.append(f"quantity={json.dumps(quantity, ensure_ascii=False)}")
        if names is not None:
            wanted.append(f"id=~{json.dumps('|'.join(names))}")
        return f"{measurement(kind)}_{field}{{{','.join(wanted)}}}"

    def _raw(self, metric: str, start: datetime, end: datetime) -> dict[str, Curve]:
        body = self._get(
            self._address.read_url,
            "/api/v1/export",
            {"match[]": metric, "start": _seconds(to_ms(start)), "end": _seconds(to_ms(end) - 1)},
        )
        found = {}
        for line in body.splitlines():
            told = json.loads(line)
            order = np.argsort(np.array(told["timestamps"]), kind="stable")
            at_ms = np.array(told["timestamps"], np.float64)[order]
            values = np.array(told["values"], np.float64)[order]
            found[told["metric"]["id"]] = Curve(
                at_ms=at_ms, n=np.ones(len(at_ms)), mean=values, low=values, high=values
            )
        return found

    def _stepped(
        self, metric: str, start: datetime, end: datetime, step_ms: int
    ) -> dict[str, Curve]:
        """Whole steps, asked at the last millisecond of each: the server's windows end there."""
        first, last = to_ms(start), to_ms(end) - 1
        begin = first // step_ms * step_ms
        parts: dict[str, dict[str, list[list[Any]]]] = {}
        for at_start, at_end, window in _windows(first, last, begin, step_ms):
            for id_, what, values in self._asked(metric, at_start, at_end, step_ms, window):
                parts.setdefault(id_, {}).setdefault(what, []).extend(values)
        return {id_: _curve(told, step_ms) for id_, told in parts.items()}

    def _asked(
        self, metric: str, at_start: int, at_end: int, step_ms: int, window: int
    ) -> Iterator[tuple[str, str, list[list[Any]]]]:
        queries = ",".join(
            f'label_set({what}_over_time({metric}[{window}ms]),"what","{what}")'
            for what in ("avg", "min", "max", "count")
        )
        body = self._get(
            self._address.read_url,
            "/api/v1/query_range",
            {
                "query": f"union({queries})",
                "start": _seconds(at_start),
                "end": _seconds(at_end),
                "step": f"{step_ms}ms",
                "nocache": "1",
                "latency_offset": "1ms",
            },
        )
        for each in json.loads(body)["data"]["result"]:
            yield each["metric"]["id"], each["metric"]["what"], each["values"]

    def ask(self, path: str, fields: dict[str, str]) -> bytes:
        """One question to a server that can be read."""
        return self._get(self._address.read_url, path, fields)

    def _get(self, base: str, path: str, fields: dict[str, str]) -> bytes:
        try:
            answer = self._http.request("GET", base.rstrip("/") + path, fields=fields)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise SeriesServerAwayError(f"{base}: {error}") from error
        if answer.status != 200:
            raise SeriesServerAwayError(f"{base}: {answer.status} {answer.data[:200]!r}")
        return answer.data


def _windows(first: int, last: int, begin: int, step_ms: int) -> Iterator[tuple[int, int, int]]:
    """Moments to ask at, and the window before each; steps that the span cuts are asked alone."""
    if last < first:
        return
    if first > begin:
        end = min(begin + step_ms - 1, last)
        yield end, end, end - first + 1
        begin += step_ms
    whole = (last + 1 - begin) // step_ms
    if whole > 0:
        yield begin + step_ms - 1, begin + whole * step_ms - 1, step_ms
        begin += whole * step_ms
    if begin <= last:
        yield last, last, last - begin + 1


def _curve(told: dict[str, list[list[Any]]], step_ms: int) -> Curve:
    columns: dict[str, Rows] = {}
    for what, values in told.items():
        columns[what] = np.array([[float(at), float(value)] for at, value in values])
    at_ms = np.round(columns["count"][:, 0] * 1000) // step_ms * step_ms
    numbers = {what: column[:, 1] for what, column in columns.items()}
    return Curve(
        at_ms=at_ms,
        n=numbers["count"],
        mean=numbers["avg"],
        low=numbers["min"],
        high=numbers["max"],
    )


def _seconds(ms: int) -> str:
    return f"{ms // 1000}.{ms % 1000:03d}"
