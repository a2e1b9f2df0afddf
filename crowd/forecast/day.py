"""The day as the room is told of it: visitors expected, the peak and how high, and how good it was before."""

from __future__ import annotations

import datetime as dt
from typing import Final

import msgspec
import numpy as np

from crowd.forecast.evaluation import evaluate
from crowd.forecast.forecaster import DayForecast, Forecaster
from crowd.forecast.history import HOURS, History
from crowd.forecast.record import PRESENT, VISITORS
from crowd.forecast.surroundings import Surroundings
from model.outlook import DayError, DayOutlook, ForecastError
from model.text import Bilingual

ERROR_HOURS: Final = (8, 10, 12, 14)
ERROR_DAYS: Final = 28
_WEEK: Final = 7
_PEAK_SHARE: Final = 0.9
"""Hours with at least this share of the fullest one's people belong to the peak."""


def foretell(history: History, around: Surroundings, day: dt.date, hour: int) -> DayOutlook:
    """What is expected of a day at `hour`:00, from the site's own record."""
    told = Forecaster(surroundings=around).predict(history, day, hour)
    visitors, present = told[VISITORS], told[PRESENT]
    outlook = DayOutlook(
        day=day,
        hour=hour,
        holiday=around.holiday(day),
        moved_working_day=around.is_moved_working_day(day),
        events=tuple(Bilingual(zh=e.name.zh, en=e.name.en) for e in around.on(day)),
        history_days=_days_known(history, day),
        notes=tuple(dict.fromkeys((*visitors.notes, *present.notes))),
    )
    return _with_peak(_with_visitors(outlook, visitors, history), present)


def _days_known(history: History, day: dt.date) -> int:
    """Days before this one with anything counted."""
    seen = history.counts[:, : max(0, history.index(day))]
    return int(np.isfinite(seen).all(2).any(0).sum())


def _with_visitors(outlook: DayOutlook, told: DayForecast, history: History) -> DayOutlook:
    if told.total is None:
        return outlook
    column, row = history.index(outlook.day), history.sites.index(VISITORS)
    counted = history.counts[row, column] if 0 <= column < history.days else ()
    return msgspec.structs.replace(
        outlook,
        visitors=round(told.total, 1),
        low=round(told.low or 0.0, 1),
        high=round(told.high or told.total, 1),
        counted=tuple(
            round(float(each), 1) if np.isfinite(each) else None for each in counted[: outlook.hour]
        ),
        expected=tuple(round(each, 1) for each in told.profile),
    )


def _with_peak(outlook: DayOutlook, told: DayForecast) -> DayOutlook:
    """The peak is of people present at once, which is what fills a place; not of those who enter."""
    if told.total is None or told.peak_hour is None or not told.profile:
        return outlook
    top = max(told.profile)
    begin = end = told.profile.index(top)
    while begin > 0 and told.profile[begin - 1] >= _PEAK_SHARE * top:
        begin -= 1
    while end < HOURS - 1 and told.profile[end + 1] >= _PEAK_SHARE * top:
        end += 1
    over = end < outlook.hour
    share_low = 1.0 if over else (told.low or 0.0) / max(told.total, 1e-9)
    share_high = 1.0 if over else (told.high or told.total) / max(told.total, 1e-9)
    return msgspec.structs.replace(
        outlook,
        present=tuple(round(each, 1) for each in told.profile),
        peak_from=begin,
        peak_to=end + 1,
        peak_people=round(top, 1),
        peak_low=round(top * share_low, 1),
        peak_high=round(top * share_high, 1),
    )


def look_back(
    history: History, around: Surroundings, today: dt.date
) -> tuple[tuple[ForecastError, ...], tuple[DayError, ...]]:
    """How good the forecasts of the last weeks would have been, each from what was known on its morning."""
    first = today - dt.timedelta(days=ERROR_DAYS)
    past = _visitors_only(history, history.index(today))
    if past.days <= _WEEK:
        return (), ()
    errors, days = [], []
    for hour in ERROR_HOURS:
        seen: list[DayForecast] = []
        score = evaluate(
            past, first, hour, forecaster=Forecaster(surroundings=around), watch=seen.append
        )[VISITORS]
        errors.append(
            ForecastError(
                hour=hour,
                days=score.days,
                wape=score.wape,
                wape_last_week=score.wape_last_week,
                peak_hit_1h=score.peak_hit_1h,
                coverage_80=score.coverage_80,
            )
        )
        days += [error for told in seen if (error := _day_error(told, past)) is not None]
    return tuple(errors), tuple(sorted(days, key=lambda each: (each.day, each.hour)))


def errors_at(
    history: History, around: Surroundings, first: dt.date, last: dt.date, hour: int
) -> tuple[DayError, ...]:
    """The forecasts of some past days as they would have been at an hour, beside what came."""
    past = _visitors_only(history, history.days)
    told = Forecaster(surroundings=around).walk(past, first, last, hour)
    return tuple(error for each in told if (error := _day_error(each, past)) is not None)


def _visitors_only(history: History, days: int) -> History:
    return msgspec.structs.replace(
        history,
        sites=(VISITORS,),
        reported=history.reported[:1, :days],
        counts=history.counts[:1, :days],
    )


def _day_error(told: DayForecast, past: History) -> DayError | None:
    came = float(past.reported[0, past.index(told.day)].sum())
    if told.total is None or not np.isfinite(came):
        return None
    return DayError(
        day=told.day,
        hour=told.hour,
        forecast=round(told.total, 1),
        low=round(told.low or 0.0, 1),
        high=round(told.high or told.total, 1),
        came=round(came, 1),
    )
