"""How far forecasts were from what came: the figures of `yinding evaluate forecast`, by the contract's names."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np

from crowd.forecast.forecaster import DayForecast, Forecaster, Note
from crowd.forecast.history import Floats, History

ALL: Final = "all"
_WEEK: Final = 7
_PEAK_SLACK_HOURS: Final = 1


class ForecastScore(msgspec.Struct, frozen=True, kw_only=True):
    """One site's figures over the scored days, or the plain mean over sites; fractions 0 to 1.

    `skipped` counts the days from the first asked to the record's last that could not be scored. The figures
    are null where no day was scored. `notes` says how many scored days were forecast with less than usual, and
    why days were skipped.
    """

    days: int
    skipped: int
    wape: float | None
    wape_last_week: float | None
    peak_hit_1h: float | None
    peak_hit_1h_last_week: float | None
    coverage_80: float | None
    notes: tuple[str, ...] = ()


class _Tally(msgspec.Struct, kw_only=True):
    days: int = 0
    skipped: Counter[str] = msgspec.field(default_factory=Counter)
    notes: Counter[Note] = msgspec.field(default_factory=Counter)
    truth: float = 0.0
    error: float = 0.0
    error_last_week: float = 0.0
    peaks: int = 0
    peaks_last_week: int = 0
    covered: int = 0

    def add(self, found: DayForecast, counts: Floats, last_week: Floats) -> None:
        """Score one day: its 24 counts and those of the weekday last week."""
        total, before = float(counts.sum()), float(last_week.sum())
        # With nothing to learn from, the weekday last week is all there is.
        guess = before if found.total is None else found.total
        low, high = found.low or 0.0, found.high or 0.0
        peak = int(last_week.argmax()) if found.peak_hour is None else found.peak_hour
        self.days += 1
        self.truth += total
        self.error += abs(guess - total)
        self.error_last_week += abs(before - total)
        self.peaks += _near(peak, counts)
        self.peaks_last_week += _near(int(last_week.argmax()), counts)
        self.covered += low <= total <= high
        self.notes.update(found.notes)

    def score(self) -> ForecastScore:
        """The figures of what was added."""
        said = [f"{number} days skipped: {why}" for why, number in sorted(self.skipped.items())]
        said += [
            f"{number} days forecast with {note}" for note, number in sorted(self.notes.items())
        ]
        days = self.days
        return ForecastScore(
            days=days,
            skipped=self.skipped.total(),
            wape=self.error / self.truth if days else None,
            wape_last_week=self.error_last_week / self.truth if days else None,
            peak_hit_1h=self.peaks / days if days else None,
            peak_hit_1h_last_week=self.peaks_last_week / days if days else None,
            coverage_80=self.covered / days if days else None,
            notes=tuple(said),
        )


def _near(hour: int, counts: Floats) -> bool:
    return abs(hour - int(counts.argmax())) <= _PEAK_SLACK_HOURS


def evaluate(
    history: History,
    first: dt.date,
    hour: int,
    *,
    forecaster: Forecaster | None = None,
    watch: Callable[[DayForecast], None] = lambda _: None,
) -> dict[str, ForecastScore]:
    """Forecast every day from `first` on at `hour`:00 from what was known then, and compare with what came."""
    forecaster = forecaster or Forecaster()
    last = history.first_day + dt.timedelta(days=history.days - 1)
    tallies = {site: _Tally() for site in history.sites}
    place = {site: number for number, site in enumerate(history.sites)}
    for found in forecaster.walk(history, first, last, hour):
        watch(found)
        reported = history.reported[place[found.site]]
        column = history.index(found.day)
        why = _unscored(reported, column)
        if why:
            tallies[found.site].skipped[why] += 1
        else:
            tallies[found.site].add(found, reported[column], reported[column - _WEEK])
    scores = {site: tally.score() for site, tally in tallies.items()}
    return {**scores, ALL: _mean(list(scores.values()))}


def _unscored(reported: Floats, column: int) -> str | None:
    """Why a day cannot be scored: it, or its weekday last week, lacks rows or holds nothing but zeros."""
    for back, name in ((0, "the day"), (_WEEK, "last week")):
        if column < back:
            return f"{name} lies before the record"
        counts = reported[column - back]
        if not np.isfinite(counts).all():
            return f"{name} lacks rows"
        if counts.sum() == 0:
            return f"{name} is all zero"
    return None


def _mean(scores: list[ForecastScore]) -> ForecastScore:
    def mean(name: str) -> float | None:
        known = [value for score in scores if (value := getattr(score, name)) is not None]
        return float(np.mean(known)) if known else None

    return ForecastScore(
        days=sum(score.days for score in scores),
        skipped=sum(score.skipped for score in scores),
        wape=mean("wape"),
        wape_last_week=mean("wape_last_week"),
        peak_hit_1h=mean("peak_hit_1h"),
        peak_hit_1h_last_week=mean("peak_hit_1h_last_week"),
        coverage_80=mean("coverage_80"),
    )
