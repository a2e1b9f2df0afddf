"""What is expected, on the wall and on a zone's page, in a real Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser, expect

from model.clock import SystemClock
from model.outlook import DayOutlook, Outlook
from tests.console import scenes
from tests.console.look import (
    IN_CHROMIUM,
    WALL,
    errors_of,
    kept_out,
    open_page,
    sign_in,
    sign_wall_in,
)
from tests.console.server import Served, served
from tests.console.stage import CALM, FULL, Stage, foretelling, staged
from tests.waiting import wait_until

pytestmark = IN_CHROMIUM


@pytest.fixture
def known(tmp_path: Path) -> Iterator[tuple[Stage, Served]]:
    """A site with three weeks behind it and a foreteller at work."""
    with staged(tmp_path / "store", SystemClock()) as stage:
        stage.enrol("operator", "viewer")
        stage.remember_days(FULL, 21)
        with foretelling(stage), served(stage) as server:
            scenes.calm(stage)
            wait_until(lambda: (seen := stage.foreteller.outlook()) and seen.today, within_s=120)
            stage.breathe(CALM)
            wait_until(lambda: stage.foreteller.capacity().site.people is not None)
            stage.foreteller.renew()
            yield stage, server


def test_the_wall_shows_the_days_forecast_and_when_the_peak_is(
    browser: Browser, known: tuple[Stage, Served]
) -> None:
    stage, server = known
    page = open_page(browser, f"{server.url}/wall", size=WALL)
    errors = errors_of(page)
    sign_wall_in(page)
    outlook = stage.foreteller.outlook()
    assert outlook is not None
    assert outlook.today is not None
    assert outlook.today.peak_from is not None
    expect(page.get_by_test_id("wall-peak")).to_contain_text(f"{outlook.today.peak_from}–")
    assert page.evaluate("document.documentElement.scrollHeight") <= WALL["height"]
    assert kept_out(page) == []
    assert errors == []
    page.context.close()


def test_a_zones_page_tells_its_next_hour_and_the_day_with_past_errors(
    browser: Browser, known: tuple[Stage, Served]
) -> None:
    _, server = known
    page = open_page(browser, server.url, language="en", theme="light")
    errors = errors_of(page)
    sign_in(page)
    page.goto(f"{server.url}/#/zone/bridge")
    rows = page.get_by_test_id("zone-forecast").locator("tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("15 min")
    expect(page.get_by_test_id("outlook-today")).to_contain_text("visitors")
    expect(page.get_by_test_id("outlook-tomorrow")).to_contain_text("Peak")
    expect(page.get_by_test_id("outlook-errors").locator("tbody tr")).to_have_count(4)
    assert kept_out(page) == []
    assert errors == []
    page.context.close()


def test_the_feasts_of_a_day_are_told_in_the_language_of_the_page(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    now = stage.clock.now()
    swapped = "Day off (substituted from 10/10/2026)"
    days = [
        DayOutlook(day=now.date(), hour=8, holiday=holiday)
        for holiday in ("Mid-Autumn Festival; National Day (observed)", f"{swapped}; Cup Day")
    ]
    told = Outlook(at=now, today=days[0], tomorrow=days[1], zones={})
    scenes.calm(stage)
    page = open_page(browser, server.url)
    page.route(
        re.compile("/api/v1/forecast"),
        lambda asked: asked.fulfill(
            body=msgspec.json.encode(told), content_type="application/json"
        ),
    )
    sign_in(page)
    page.goto(f"{server.url}/#/zone/bridge")
    today, tomorrow = page.get_by_test_id("outlook-today"), page.get_by_test_id("outlook-tomorrow")
    expect(today).to_contain_text("中秋节 · 国庆节（补假）")
    expect(tomorrow).to_contain_text("调休放假（2026-10-10 上班） · Cup Day")
    page.get_by_test_id("switch-language").click()
    expect(today).to_contain_text("Mid-Autumn Festival · National Day (observed)")
    expect(tomorrow).to_contain_text("day off, worked on 2026-10-10 · Cup Day")
    page.context.close()


def test_without_history_no_number_is_told(browser: Browser, tmp_path: Path) -> None:
    with staged(tmp_path / "store", SystemClock()) as stage:
        stage.enrol("operator")
        with foretelling(stage), served(stage) as server:
            scenes.calm(stage)
            wait_until(lambda: (seen := stage.foreteller.outlook()) and seen.today, within_s=120)
            page = open_page(browser, server.url, language="en")
            sign_in(page)
            page.goto(f"{server.url}/#/zone/bridge")
            today = page.get_by_test_id("outlook-today")
            expect(today).to_contain_text("No number")
            expect(today).to_contain_text("No day to learn from yet")
            page.context.close()


def test_the_scale_of_the_map_is_true_at_every_zoom(
    browser: Browser, known: tuple[Stage, Served]
) -> None:
    _, server = known
    page = open_page(browser, server.url, language="en")
    sign_in(page)

    def metres_per_pixel() -> float:
        scale = page.get_by_test_id("scale")
        box = scale.bounding_box()
        assert box is not None
        return float(scale.inner_text().split()[0]) / box["width"]

    def drawn() -> float:
        """By the drawing itself: its frame in metres over its width on the screen."""
        return float(
            page.evaluate(
                "(() => { const plan = document.querySelector('[data-testid=plan] .map svg');"
                "return plan.viewBox.baseVal.width / plan.getBoundingClientRect().width })()"
            )
        )

    for _ in range(3):
        assert metres_per_pixel() == pytest.approx(drawn(), rel=0.03)
        page.get_by_role("button", name="Zoom in").click()
    page.context.close()
