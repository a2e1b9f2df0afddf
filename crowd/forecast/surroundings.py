"""What is known of days before they come: public holidays, moved working days, announced events, the weather.

Holidays come from the `holidays` package, which has China's moved working days (a Sunday that is worked, so that
the feast is longer) as the State Council announces them.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import holidays
import msgspec
import numpy as np

from config.visits import Event
from crowd.forecast.history import Floats, HistoryError

LONG_DAYS: Final = 3
"""From so many free days in a row on, people travel: a feast and no weekend."""

_LOOK_DAYS: Final = 12
SATURDAY: Final = 5
WEATHER_COLUMNS: Final = ("date", "rain_mm", "temperature_c")


class Weather(msgspec.Struct, frozen=True, kw_only=True):
    """One day's rain and mean temperature, measured or forecast."""

    rain_mm: float
    temperature_c: float


class UnknownCalendarError(ValueError):
    """No such country or region in the calendar of holidays."""


class Surroundings:
    """The signs of days that do not come from counting. Without any knowledge it has no signs."""

    def __init__(
        self,
        *,
        calendar: str | None = None,
        events: Sequence[Event] = (),
        weather: dict[dt.date, Weather] | None = None,
    ) -> None:
        """Raises UnknownCalendarError; `calendar` is such as `CN` or `AU-VIC`."""
        self._free = None if calendar is None else _Calendar(calendar)
        self.events = tuple(events)
        self._weather = weather or {}

    def signs(self, first: dt.date, days: int) -> Floats:
        """Days × signs; NaN where the weather of a day is not known."""
        dates = [first + dt.timedelta(days=number) for number in range(days)]
        columns: list[list[float]] = []
        if self._free is not None:
            columns += list(
                map(list, zip(*(self._free.signs(date) for date in dates), strict=True))
            )
        if self.events:
            columns.append([self.more_visitors(date) for date in dates])
            columns.append([float(bool(self.on(date))) for date in dates])
        if self._weather:
            known = [self._weather.get(date) for date in dates]
            columns.append([np.nan if day is None else np.log1p(day.rain_mm) for day in known])
            columns.append([np.nan if day is None else day.temperature_c for day in known])
        return np.array(columns, dtype=np.float64).T if columns else np.zeros((days, 0))

    def on(self, date: dt.date) -> tuple[Event, ...]:
        """The events of a day."""
        return tuple(event for event in self.events if event.covers(date))

    def more_visitors(self, date: dt.date) -> float:
        """What the operator expects the day's events to add, as a share."""
        return sum(event.more_visitors for event in self.on(date))

    def is_free(self, date: dt.date) -> bool:
        """A day on which most people do not work: by the calendar, or else the weekend."""
        return date.weekday() >= SATURDAY if self._free is None else self._free.is_free(date)

    def holiday(self, date: dt.date) -> str | None:
        """The feast's name, or none on an ordinary day."""
        return None if self._free is None else self._free.name(date)

    def is_moved_working_day(self, date: dt.date) -> bool:
        """A day of the weekend that is worked for a longer feast."""
        return self._free is not None and self._free.moved(date)


class _Calendar:
    """One country's free days."""

    def __init__(self, code: str) -> None:
        country, _, region = code.partition("-")
        try:
            self._days = holidays.country_holidays(country, subdiv=region or None, language="en_US")
        except NotImplementedError as error:
            raise UnknownCalendarError(f"no calendar of holidays for {code!r}") from error

    def name(self, date: dt.date) -> str | None:
        return self._days.get(date)

    def moved(self, date: dt.date) -> bool:
        return date.weekday() >= SATURDAY and self._days.is_working_day(date)

    def signs(self, date: dt.date) -> tuple[float, ...]:
        """Free though a weekday; worked though a weekend; in, before, at the end of a long feast."""
        free = self.is_free(date)
        length = self._stretch(date)
        long = free and length >= LONG_DAYS
        tomorrow = date + dt.timedelta(days=1)
        eve = not free and self.is_free(tomorrow) and self._stretch(tomorrow) >= LONG_DAYS
        return (
            float(free and date.weekday() < SATURDAY),
            float(self.moved(date)),
            min(length, 8) / 8 if long else 0.0,
            float(eve),
            float(long and not self.is_free(tomorrow)),
        )

    def is_free(self, date: dt.date) -> bool:
        """Neither worked nor a moved working day."""
        return not self._days.is_working_day(date)

    def _stretch(self, date: dt.date) -> int:
        """How many free days in a row this one stands in."""
        if not self.is_free(date):
            return 0
        length = 1
        for step in (-1, 1):
            for far in range(1, _LOOK_DAYS):
                if not self.is_free(date + dt.timedelta(days=step * far)):
                    break
                length += 1
        return length


def read_weather(path: Path) -> dict[dt.date, Weather]:
    """Read `date,rain_mm,temperature_c`, one row a day; HistoryError names file and line."""
    found: dict[dt.date, Weather] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            for number, row in enumerate(csv.reader(stream, strict=True), start=1):
                place = f"{path}:{number}"
                if number == 1:
                    if tuple(cell.strip().lower() for cell in row) != WEATHER_COLUMNS:
                        raise HistoryError(f"{place}: expected {','.join(WEATHER_COLUMNS)}")
                elif row:
                    date, weather = _weather(place, row)
                    if date in found:
                        raise HistoryError(f"{place}: a second row for {date}; keep one")
                    found[date] = weather
    except UnicodeDecodeError as error:
        raise HistoryError(f"{path}: not UTF-8 text; save the file as UTF-8") from error
    except csv.Error as error:
        raise HistoryError(f"{path}: not a CSV file: {error}") from error
    except OSError as error:
        raise HistoryError(f"{path}: cannot be read: {error.strerror}") from error
    return found


def _weather(place: str, row: list[str]) -> tuple[dt.date, Weather]:
    try:
        date, rain, temperature = (cell.strip() for cell in row)
        weather = Weather(rain_mm=float(rain), temperature_c=float(temperature))
        day = dt.date.fromisoformat(date)
    except ValueError:
        raise HistoryError(
            f"{place}: expected a row such as 2026-10-01,2.5,18.0 ({','.join(WEATHER_COLUMNS)})"
        ) from None
    if not (0 <= weather.rain_mm <= 2000 and -80 <= weather.temperature_c <= 60):
        raise HistoryError(f"{place}: rain 0 to 2000 mm and -80 to 60 °C; this cannot be meant")
    return day, weather
