"""A number that is not of this moment is grey and says so wherever it stands, by one rule."""

from __future__ import annotations

import re
from datetime import timedelta

from playwright.sync_api import Browser, Locator, expect

from tests.console import scenes
from tests.console.look import IN_CHROMIUM, WALL, open_page, sign_in, sign_wall_in
from tests.console.server import Served
from tests.console.stage import CALM, Stage

pytestmark = IN_CHROMIUM

QUIET = re.compile(r"\bquiet\b")
OLD = re.compile(r"\bold\b")


def grow_old(stage: Stage) -> None:
    """Every zone was last judged half a minute ago."""
    then = stage.clock.now() - timedelta(seconds=30)
    stage.commit(zones=tuple(stage.zone(zone, count, at=then) for zone, count in CALM.items()))


def expect_old_then_fresh(stage: Stage, marks: list[tuple[Locator, re.Pattern[str]]]) -> None:
    for number, grey in marks:
        expect(number).to_have_class(grey)
    for number, grey in marks:
        stage.breathe(CALM)
        expect(number).not_to_have_class(grey)


def test_the_total_and_the_names_on_the_map(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    scenes.calm(stage)
    grow_old(stage)
    page = open_page(browser, server.url)
    sign_in(page)
    total = page.get_by_test_id("site-total").locator("strong")
    name = page.locator("[data-testid^=plan-zone-] .count").first
    expect_old_then_fresh(stage, [(total, QUIET), (name, OLD)])
    page.context.close()


def test_the_numbers_of_a_zones_page(browser: Browser, evening: tuple[Stage, Served]) -> None:
    stage, server = evening
    scenes.calm(stage)
    grow_old(stage)
    page = open_page(browser, server.url)
    sign_in(page)
    page.goto(f"{server.url}/#/zone/bridge")
    facts = page.get_by_test_id("zone-now").locator("dd")
    numbers = [page.get_by_test_id("zone-occupancy"), facts.nth(0), facts.nth(1)]
    expect_old_then_fresh(stage, [(number, QUIET) for number in numbers])
    page.context.close()


def test_the_total_and_the_names_on_the_wall(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    scenes.calm(stage)
    grow_old(stage)
    page = open_page(browser, f"{server.url}/wall", size=WALL)
    sign_wall_in(page)
    name = page.locator("[data-testid^=wall-plan-] .number").first
    expect_old_then_fresh(stage, [(page.get_by_test_id("wall-people"), QUIET), (name, OLD)])
    page.context.close()
