"""Sending readings on to a time-series server: in order, again after a loss, bounded on disk.

The journal is the outbox. Rows are sent in the order of their commits, and let go only when the
server surely has them: VictoriaMetrics forgets up to eight seconds of accepted rows when it is
killed, so that rows count as confirmed `CONFIRM_AFTER_S` later, if the server is still in the same
run. Otherwise all since the last confirmed row are sent again; the same row twice is one row.
"""

from __future__ import annotations

import logging
import random
import threading
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Protocol

import msgspec

from store.embedded import Store
from store.errors import StoreError
from store.history import Source
from store.line_protocol import lines, tags
from store.open_rows import Journalled, Row
from store.series_server import LinesRefusedError, SeriesServerAwayError, ServerRun

log = logging.getLogger(__name__)

FILE_NAME: Final = "shipped.json"
CONFIRM_AFTER_S: Final = 15.0
LOOK_EVERY_S: Final = 1.0
WEIGH_EVERY_S: Final = 60.0
WAIT_AT_MOST_S: Final = 15.0
COMMITS_AT_ONCE: Final = 50


class Server(Protocol):
    """Where the readings go."""

    def write(self, lines: list[str], /) -> None: ...

    def run(self) -> ServerRun: ...


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for the server: readings not yet taken, the age of the oldest, what was let go."""

    away: bool
    commits: int
    oldest_ms: int | None
    sent: int
    refused: int
    dropped: int


class Shipper:
    """Sends the journal of one store to one server; `step` is called on a thread of its own."""

    def __init__(
        self,
        store: Store,
        server: Server,
        *,
        site: str,
        monotonic: Callable[[], float],
        spool_bytes: int,
    ) -> None:
        self._store = store
        self._server = server
        self._site = site
        self._monotonic = monotonic
        self._spool_bytes = spool_bytes
        self._file = store.path.with_name(FILE_NAME)
        self._confirmed = _read(self._file)
        self._at = self._confirmed
        self._flying: deque[tuple[float, int]] = deque()
        self._run: ServerRun | None = None
        self._given = 0
        self._sources: dict[int, Source] = {}
        self._away = False
        self._sent = self._refused = self._dropped = 0
        self._look_s = self._weigh_s = float("-inf")
        self._floor = 0
        store.journal_kept_after(lambda: max(self._confirmed, self._floor))

    def waiting(self) -> Waiting:
        """How far behind the server is."""
        commits, oldest = self._store.journal_after(self._at)
        return Waiting(
            away=self._away,
            commits=commits,
            oldest_ms=oldest,
            sent=self._sent,
            refused=self._refused,
            dropped=self._dropped,
        )

    def run(self, stop: threading.Event) -> None:
        """Send until told to stop; waits longer, up to `WAIT_AT_MOST_S`, while the server is away."""
        wait_s = LOOK_EVERY_S
        while not stop.is_set():
            try:
                busy = self.step()
            except StoreError as error:
                if not self._away:
                    log.warning("the time-series server is away, readings wait on disk: %s", error)
                self._away = True
                wait_s = min(wait_s * 2, WAIT_AT_MOST_S)
                stop.wait(wait_s * random.uniform(0.7, 1.0))
                continue
            wait_s = LOOK_EVERY_S
            if not busy:
                stop.wait(LOOK_EVERY_S)

    def step(self) -> bool:
        """Send some commits and confirm old ones; False when nothing waits."""
        now_s = self._monotonic()
        try:
            if now_s >= self._look_s:
                self._look(now_s)
            busy = self._send(now_s)
        except SeriesServerAwayError:
            # Whatever made it stop answering may have made it forget.
            self._go_back()
            self._bound(now_s)
            raise
        if self._away:
            log.info("the time-series server is there again")
            self._away = False
        return busy

    def _look(self, now_s: float) -> None:
        """See that it is still the same run, and count as confirmed what it took long enough ago."""
        run, given = self._server.run(), self._given
        self._given = 0
        if self._run is not None and not run.goes_on_from(self._run, at_least=given):
            log.warning("the time-series server was started anew: sending its last rows again")
            self._go_back()
        self._run = run
        confirmed = self._confirmed
        while self._flying and self._flying[0][0] <= now_s - CONFIRM_AFTER_S:
            confirmed = self._flying.popleft()[1]
        if confirmed != self._confirmed:
            self._confirmed = confirmed
            _write(self._file, confirmed)
        self._look_s = now_s + LOOK_EVERY_S

    def _go_back(self) -> None:
        self._flying.clear()
        self._at = self._confirmed
        self._look_s = float("-inf")

    def _send(self, now_s: float) -> bool:
        commits = self._store.journal(self._at, at_most=COMMITS_AT_ONCE)
        if not commits:
            return False
        self._skip_to(commits[0][0])
        rows = [row for _, brought in commits for row in brought]
        self._write(rows)
        self._sent += len(rows)
        self._at = commits[-1][0]
        self._flying.append((now_s, self._at))
        return len(commits) == COMMITS_AT_ONCE

    def _skip_to(self, first: int) -> None:
        """The bound let go what should have come first; history still has it in the store."""
        if first > self._at + 1 and self._floor > self._at:
            self._dropped += min(first - 1, self._floor) - self._at

    def _write(self, rows: list[Journalled]) -> None:
        try:
            lines_given = self._lines(rows)
            self._server.write(lines_given)
            self._given += len(lines_given)
        except LinesRefusedError:
            if len(rows) == 1:
                self._refused += 1
                log.warning("the time-series server refuses a reading: %s", rows)
                return
            half = len(rows) // 2
            self._write(rows[:half])
            self._write(rows[half:])

    def _lines(self, rows: Iterable[Journalled]) -> list[str]:
        by_source: dict[int, list[Row]] = {}
        for number, row in rows:
            by_source.setdefault(number, []).append(row)
        if not by_source.keys() <= self._sources.keys():
            self._sources = {each.number: each for each in self._store.sources()}
        found: list[str] = []
        for number, held in by_source.items():
            source = self._sources[number]
            found.extend(lines(tags(self._site, source), source.kind, held))
        return found

    def _bound(self, now_s: float) -> None:
        """Let the oldest go where more waits than may; they are dropped here, not in the store."""
        if now_s < self._weigh_s:
            return
        self._weigh_s = now_s + WEIGH_EVERY_S
        self._floor = max(self._floor, self._store.journal_floor(self._spool_bytes))


def _read(path: Path) -> int:
    try:
        return int(msgspec.json.decode(path.read_bytes())["serial"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _write(path: Path, serial: int) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(msgspec.json.encode({"serial": serial}))
    part.replace(path)
