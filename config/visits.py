"""When visitors come, how long they stay, and what is known of the days: for capacity, forecast and reports."""

from __future__ import annotations

import datetime as dt
from datetime import time
from typing import Annotated, Self

from pydantic import Field, model_validator

from config.strict import DeviceId, Strict, Words

MINUTES_A_DAY = 24 * 60


class Event(Strict):
    """Something announced that draws or keeps away visitors, such as a lantern evening.

    `more_visitors` is the operator's own guess of what it adds, as a share of a usual day (0.5 for half as many
    again, -0.3 for a third fewer); it counts until the record knows such days.
    """

    id: DeviceId
    name: Words
    first: dt.date
    last: dt.date | None = None
    more_visitors: Annotated[float, Field(ge=-1, le=20)] = 0.0

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last is not None and self.last < self.first:
            raise ValueError("`last` must not lie before `first`")
        return self

    def covers(self, day: dt.date) -> bool:
        """Whether the event is on that day."""
        return self.first <= day <= (self.last or self.first)


class Visits(Strict):
    """Opening hours, mean stay, the calendar of public holidays and announced events.

    An open site that never closes has `opens` and `closes` at the same time, as is the default. `holidays` is a
    country, or country and region, of the `holidays` package, such as `CN` or `AU-VIC`. `weather_file` is a CSV of
    `date,rain_mm,temperature_c`, past days and those forecast, kept up to date by whoever has the weather.
    """

    opens: time = time(0, 0)
    closes: time = time(0, 0)
    mean_stay_min: Annotated[float, Field(ge=1, le=MINUTES_A_DAY)] = 120.0
    holidays: Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")] | None = None
    events: Annotated[list[Event], Field(max_length=2000)] = []
    weather_file: str | None = None

    @property
    def open_min(self) -> float:
        """Minutes that the site is open a day."""
        opens, closes = (each.hour * 60 + each.minute for each in (self.opens, self.closes))
        return float((closes - opens) % MINUTES_A_DAY or MINUTES_A_DAY)


class Reports(Strict):
    """Where reports go and when the service writes them by itself; days and weeks of the site's own time.

    The daily notice is written every day at `at` for the day before, the weekly summary on Mondays, the monthly
    analysis on the first. `folder` is relative to the site file; without `at`, only the command writes them.
    """

    folder: str = "reports"
    at: time | None = None
