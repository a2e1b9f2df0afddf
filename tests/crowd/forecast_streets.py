"""Made-up streets for forecasting: weekdays, seasons, busy and quiet days, and the files they are written to."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np

from crowd.forecast.history import Floats, History, from_counts

FIRST = dt.date(2021, 1, 4)  # a Monday
_HOURS = np.arange(24)


def street(days: int, *, seed: int = 1, level: float = 900.0) -> Floats:
    """Hourly counts, days × 24: a hump at 13:00 (weekends 16:00); whole days are up to 40 % busier or quieter."""
    random = np.random.default_rng(seed)
    counts = np.empty((days, 24))
    for day in range(days):
        weekend = day % 7 >= 5
        middle, height = (16, 1.4) if weekend else (13, 1.0)
        season = 1 + 0.2 * np.sin(2 * np.pi * day / 365)
        mood = np.exp(random.normal(0, 0.2))
        shape = np.exp(-(((_HOURS - middle) / 4.0) ** 2)) + 0.02
        noise = np.exp(random.normal(0, 0.03, 24))
        counts[day] = np.round(level * height * season * mood * shape * noise)
    return counts


def history(*sites: Floats) -> History:
    """A record of streets that begin on the same day, called a, b, c…"""
    return from_counts([chr(97 + n) for n in range(len(sites))], FIRST, np.stack(sites))


def write(path: Path, record: History) -> Path:
    """The record as the file that `yinding evaluate forecast` reads; unknown hours have no row."""
    lines = ["site,date,hour,count"]
    for site, days in zip(record.sites, record.reported, strict=True):
        for number, hours in enumerate(days):
            date = record.first_day + dt.timedelta(days=number)
            lines += [
                f"{site},{date},{hour},{int(count)}"
                for hour, count in enumerate(hours)
                if np.isfinite(count)
            ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def day(number: int) -> dt.date:
    """The calendar day of a column."""
    return FIRST + dt.timedelta(days=number)
