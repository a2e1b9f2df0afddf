"""Reports as files: one HTML and one PDF a language, and the figures as JSON for other programs."""

from __future__ import annotations

import datetime as dt
import logging
import os
from pathlib import Path

import msgspec

from config.schema import SiteFile
from console.reports.figures import Period, Report
from console.reports.pages import LANGUAGES, page_of
from console.reports.paper import pdf_of
from console.reports.screen import html_of
from crowd.forecast.history import HistoryError
from crowd.forecast.surroundings import Surroundings, read_weather
from service.foretelling import announced
from service.reporting import Reporter
from store.embedded import StoreReader

log = logging.getLogger(__name__)


def reporter_of(site: SiteFile, folder: Path, store: StoreReader) -> Reporter:
    """A site's reporter; weather that cannot be read is left out, and said so in the log."""
    visits = site.visits
    weather = {}
    if visits.weather_file is not None:
        try:
            weather = read_weather(folder / visits.weather_file)
        except HistoryError as error:
            log.warning("the report goes on without the weather: %s", error)
    events = (*visits.events, *announced(store))
    around = Surroundings(calendar=visits.holidays, events=events, weather=weather)
    return Reporter(site, store, around)


def file_name(period: Period, first: dt.date) -> str:
    """What a report's files are called before their endings."""
    return f"{period}-{first.isoformat()}"


def write_report(report: Report, folder: Path) -> list[Path]:
    """Write all files of a report; each appears whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    name = file_name(report.period, report.first)
    written = [_write(folder / f"{name}.json", msgspec.json.encode(report))]
    for language in LANGUAGES:
        page = page_of(report, language)
        written.append(_write(folder / f"{name}.{language}.html", html_of(page).encode()))
        written.append(_write(folder / f"{name}.{language}.pdf", pdf_of(page)))
    return written


def _write(path: Path, content: bytes) -> Path:
    half = path.with_name(f".{path.name}.{os.getpid()}")
    half.write_bytes(content)
    half.replace(path)
    return path
