"""What is known of days ahead: China's feasts with their moved working days, events, the weather."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from config.visits import Event
from crowd.forecast.forecaster import Forecaster, Note
from crowd.forecast.history import HistoryError
from crowd.forecast.surroundings import (
    Surroundings,
    UnknownCalendarError,
    Weather,
    read_weather,
)
from tests.crowd.forecast_streets import day, history, street

CHINA = Surroundings(calendar="CN")


def _event(first: dt.date, more: float = 0.0, last: dt.date | None = None) -> Event:
    return Event.model_validate(
        {
            "id": "lanterns",
            "name": {"zh": "灯会", "en": "Lanterns"},
            "first": first,
            "last": last,
            "more_visitors": more,
        }
    )


@pytest.mark.parametrize(
    ("date", "free", "moved"),
    [
        ("2025-01-26", False, True),  # a Sunday worked for the Spring Festival
        ("2025-01-29", True, False),
        ("2025-10-01", True, False),
        ("2025-10-11", False, True),  # a Saturday worked for the National Day
        ("2026-02-14", False, True),
        ("2026-02-17", True, False),
        ("2026-03-07", True, False),  # a plain Saturday
        ("2026-03-10", False, False),
    ],
)
def test_chinas_calendar_with_its_moved_working_days(date: str, free: bool, moved: bool) -> None:
    at = dt.date.fromisoformat(date)
    assert CHINA.is_free(at) is free
    assert CHINA.is_moved_working_day(at) is moved


def test_a_long_feast_has_its_eve_and_its_end() -> None:
    signs = CHINA.signs(dt.date(2025, 9, 30), 9)  # 1 to 8 October were free
    free, _moved, long, eve, end = signs.T
    assert eve.tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert (long[1:] == 1).all()
    assert end.tolist() == [0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert free[1] == 1


def test_without_a_calendar_the_weekend_is_free_and_nothing_is_said_of_days() -> None:
    plain = Surroundings()
    assert plain.is_free(dt.date(2026, 3, 7))
    assert plain.signs(dt.date(2026, 3, 7), 5).shape == (5, 0)
    assert plain.holiday(dt.date(2026, 10, 1)) is None


def test_an_unknown_country_is_said_so() -> None:
    with pytest.raises(UnknownCalendarError, match="XQ"):
        Surroundings(calendar="XQ")


def test_a_first_event_counts_as_the_operator_says_and_widens() -> None:
    record = history(street(200))
    plain = Forecaster().predict(record, day(190), 10)["a"]
    around = Surroundings(events=[_event(day(190), 0.5)])
    told = Forecaster(surroundings=around).predict(record, day(190), 10)["a"]
    assert Note.NEW_EVENT in told.notes
    assert plain.total is not None
    assert told.total is not None
    assert told.total > 1.25 * plain.total
    assert (told.high or 0) - (told.low or 0) > (plain.high or 0) - (plain.low or 0)


def test_many_events_before_are_learned_whatever_the_operator_says() -> None:
    counts = street(300)
    nights = [60, 81, 102, 123, 144, 165, 186, 207, 228, 249, 270]
    for night in nights:
        counts[night, 12:] *= 2
    events = [_event(day(night)) for night in [*nights, 291]]
    told = Forecaster(surroundings=Surroundings(events=events))
    with_events = told.predict(history(counts), day(291), 8)["a"]
    without = Forecaster().predict(history(counts), day(291), 8)["a"]
    assert Note.NEW_EVENT not in with_events.notes
    assert (with_events.total or 0) > 1.2 * (without.total or 0)


def test_rain_that_keeps_people_away_is_learned() -> None:
    counts = street(300)
    random = np.random.default_rng(3)
    wet = random.random(300) < 0.25
    counts[wet, 12:] *= 0.5
    weather = {
        day(number): Weather(rain_mm=20.0 if wet[number] else 0.0, temperature_c=15.0)
        for number in range(300)
    }
    number = next(n for n in range(280, 300) if wet[n])
    dry = Forecaster().predict(history(counts), day(number), 8)["a"]
    told = Forecaster(surroundings=Surroundings(weather=weather))
    assert (told.predict(history(counts), day(number), 8)["a"].total or 0) < 0.9 * (dry.total or 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("day,rain\n", ":1: expected date,rain_mm,temperature_c"),
        ("date,rain_mm,temperature_c\n2026-10-01,much,18\n", ":2: expected a row"),
        ("date,rain_mm,temperature_c\n2026-10-01,-1,18\n", ":2: rain 0 to 2000"),
        ("date,rain_mm,temperature_c\n2026-10-01,1,18\n2026-10-01,1,18\n", ":3: a second row"),
    ],
)
def test_a_weather_file_that_cannot_be_meant_is_refused(
    tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "weather.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(HistoryError, match="weather") as caught:
        read_weather(file)
    assert said in str(caught.value)


def test_a_weather_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "weather.csv"
    file.write_text("date,rain_mm,temperature_c\n2026-10-01,2.5,18\n", encoding="utf-8")
    assert read_weather(file) == {dt.date(2026, 10, 1): Weather(rain_mm=2.5, temperature_c=18.0)}
