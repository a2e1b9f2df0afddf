"""A site's history on its way between the embedded store and its time-series server."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from model.clock import Clock
from service.exits import WrongUseError
from service.looking import write_into
from service.series_line import series_server
from service.site import LoadedSite
from store.embedded import Store, StoreReader
from store.moving import DAY, Moved, Progress, days, move_day, wait_until_there
from store.moving_back import move_day_back
from store.series_server import SeriesServer

FILE_NAME = "moved.json"
LATE = timedelta(days=1)
"""Readings up to a day old are still taken in: a day is done when none can come any more."""

Say = Callable[[datetime, int], None]


def move(
    loaded: LoadedSite,
    clock: Clock,
    *,
    back: bool,
    since: datetime | None,
    until: datetime | None,
    say: Say,
) -> Moved:
    """Move a span of readings; without `since`, from where the last move of this way came to."""
    readings, server = loaded.site.store.readings, series_server(loaded)
    if readings is None or server is None:
        raise WrongUseError(f"{loaded.path}: store.readings: names no server to move history to")
    can_be_asked = readings.kind == "victoriametrics"
    try:
        if back and not can_be_asked:
            raise WrongUseError(
                f"{loaded.path}: store.readings: an InfluxDB is only written to here; "
                "history comes back from a VictoriaMetrics"
            )
        now = clock.now()
        place = loaded.data_folder / FILE_NAME
        way = f"{'from' if back else 'to'} {readings.url}"
        kept = loaded.site.store.keep_summaries_days if back else loaded.site.store.keep_days
        start = now - timedelta(days=kept + 1) if since is None else since
        came = Progress.read(place, way)
        if since is None and came is not None and came.start <= start + DAY:
            start = max(start, came.done)
        moving = _Moving(loaded.site.site.id, server, clock, counted=can_be_asked, say=say)
        goal = now if until is None else min(until, now)

        def done(upto: datetime) -> None:
            begin = start if came is None or came.done < start else min(came.start, start)
            sure = min(upto, now - LATE)
            if sure > start:
                Progress(way=way, start=begin, done=sure).write(place)

        if back:
            with write_into(loaded) as written:
                return moving.back(written, start, goal, done)
        with StoreReader.look(loaded.data_folder) as store:
            return moving.there(store, start, goal, done)
    finally:
        server.close()


class _Moving:
    """One move, day by day."""

    def __init__(
        self, site: str, server: SeriesServer, clock: Clock, *, counted: bool, say: Say
    ) -> None:
        self._site = site
        self._server = server
        self._clock = clock
        self._counted = counted
        self._say = say

    def there(
        self,
        store: StoreReader,
        start: datetime,
        goal: datetime,
        done: Callable[[datetime], None],
    ) -> Moved:
        seen: set[int] = set()
        moved = 0
        for begin, end in days(start, goal):
            who, sent, counts = move_day(store, self._server, site=self._site, start=begin, end=end)
            if self._counted:
                wait_until_there(
                    self._server,
                    counts,
                    start=begin,
                    end=end,
                    monotonic=self._clock.monotonic,
                    wait=time.sleep,
                )
            seen |= who
            moved += sent
            done(end)
            self._say(begin, moved)
        return Moved(sources=len(seen), readings=moved, counted=self._counted)

    def back(
        self, store: Store, start: datetime, goal: datetime, done: Callable[[datetime], None]
    ) -> Moved:
        seen = set()
        moved = 0
        for begin, end in days(start, goal):
            who, came = move_day_back(self._server, store, site=self._site, start=begin, end=end)
            seen |= who
            moved += came
            done(end)
            self._say(begin, moved)
        return Moved(sources=len(seen), readings=moved, counted=True)
