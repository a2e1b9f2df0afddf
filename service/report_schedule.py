"""Reports that the service writes by itself: yesterday's every day, the week's on Monday, the month's on the first.

What is there already is not written again, so that a restart repeats nothing and a missed hour is made up for.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from config.schema import SiteFile
from console.reports.figures import Period
from model.clock import Clock
from service.report_files import file_name, reporter_of, write_report
from service.reporting import span_of
from store.embedded import StoreReader

log = logging.getLogger(__name__)

CHECK_EVERY_S: Final = 60.0


def due(now: datetime, at: dt.time) -> Iterator[tuple[Period, dt.date]]:
    """The reports that should exist by now, in the site's own time: a period and a day in it."""
    today = now.date() if now.time() >= at else now.date() - timedelta(days=1)
    yesterday = today - timedelta(days=1)
    yield Period.DAILY, yesterday
    yield Period.WEEKLY, span_of(Period.WEEKLY, today)[0] - timedelta(days=1)
    yield Period.MONTHLY, span_of(Period.MONTHLY, today)[0] - timedelta(days=1)


class ReportSchedule:
    """Writes what is due; without an hour in the site file it has nothing to do."""

    def __init__(self, site: SiteFile, folder: Path, store: StoreReader, clock: Clock) -> None:
        self._site = site
        self._folder = folder
        self._store = store
        self._clock = clock

    async def run(self) -> None:
        """Look every minute, until cancelled."""
        while True:
            work = asyncio.ensure_future(asyncio.to_thread(self.write_due))
            try:
                await asyncio.shield(work)
            except asyncio.CancelledError:
                # The store is closed after us: no thread may still read from it then.
                await asyncio.wait({work})
                raise
            except Exception:
                # Warnings do not hang on a report: it is tried again.
                log.exception("a report could not be written")
            await asyncio.sleep(CHECK_EVERY_S)

    def write_due(self) -> list[Path]:
        """Write the reports that are due and not there yet."""
        at = self._site.reports.at
        if at is None:
            return []
        now = self._clock.now().astimezone(ZoneInfo(self._site.site.timezone))
        folder = self._folder / self._site.reports.folder
        written: list[Path] = []
        for period, day in due(now, at):
            if (folder / f"{file_name(period, span_of(period, day)[0])}.json").exists():
                continue
            reporter = reporter_of(self._site, self._folder, self._store)
            written += write_report(reporter.report(period, day, now), folder)
            log.info("wrote the %s report of %s", period, day)
        return written
