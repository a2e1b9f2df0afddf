"""A camera's page in a real Chromium: the past has no picture, and the present has its own again."""

from __future__ import annotations

from datetime import timedelta

from playwright.sync_api import Browser, WebSocket, expect

from tests.console import scenes
from tests.console.look import IN_CHROMIUM, open_page, sign_in
from tests.console.server import Served
from tests.console.stage import Stage
from tests.waiting import wait_until

pytestmark = IN_CHROMIUM

PAST = "[data-testid=past][data-step=ready]"


def test_a_page_that_was_opened_in_the_past_has_its_picture_back_in_the_present(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    scenes.calm(stage)
    page = open_page(browser, server.url, language="en")
    sign_in(page, "viewer")
    then = f"?at={stage.clock.now() - timedelta(minutes=10):%Y-%m-%dT%H:%M:%SZ}"
    page.goto(f"{server.url}/#/{then}")
    page.locator(PAST).wait_for()
    page.goto(f"{server.url}/#/camera/bridge-north{then}")
    camera = page.get_by_test_id("camera-page")
    expect(camera).to_contain_text("Pictures of the past are not kept")
    page.get_by_test_id("past-now").click()
    expect(camera.locator("img")).to_be_visible()
    expect(camera).not_to_contain_text("does not see pictures")
    page.context.close()


def test_a_page_that_looked_back_asks_for_the_film_again(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    scenes.calm(stage)
    page = open_page(browser, server.url, language="en")
    sign_in(page, "viewer")
    lines: list[WebSocket] = []
    page.on("websocket", lambda line: lines.append(line))  # noqa: PLW0108 - Playwright takes no built-in

    def films() -> int:
        # Playwright hears of lines only while it is asked something.
        assert page.title()
        return sum("/cameras/bridge-north/live" in line.url for line in lines)

    page.goto(f"{server.url}/#/camera/bridge-north")
    wait_until(films)
    then = stage.clock.now() - timedelta(minutes=10)
    page.goto(f"{server.url}/#/camera/bridge-north?at={then:%Y-%m-%dT%H:%M:%SZ}")
    page.locator(PAST).wait_for()
    seen = films()
    page.get_by_test_id("past-now").click()
    wait_until(lambda: films() > seen)
    page.context.close()
