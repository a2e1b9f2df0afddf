"""A real Chromium on the staged console."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.console.stage import PASSWORD

# A machine that is busy with other work is slow, not broken.
expect.set_options(timeout=60_000)

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE = {"width": 1600, "height": 1000}
NARROW = {"width": 390, "height": 844}
WALL = {"width": 1920, "height": 1080}
THREE_SCREENS = {"width": 3840, "height": 1080}


def chromium_path() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=QUIET)
        try:
            yield browser
        finally:
            browser.close()


def open_page(
    browser: Browser,
    url: str,
    *,
    language: str = "zh",
    theme: str = "dark",
    size: dict[str, int] | None = None,
) -> Page:
    """A fresh browser profile at the sign-in page."""
    context = browser.new_context(viewport=size or WIDE)  # type: ignore[arg-type]  # a plain dict of the two sizes
    context.add_init_script(
        f"localStorage.setItem('language', '{language}'); localStorage.setItem('theme', '{theme}')"
    )
    context.set_default_timeout(90_000)
    page = context.new_page()
    page.goto(url)
    return page


def sign_in(page: Page, person: str = "operator") -> None:
    page.get_by_test_id("person").fill(person)
    page.get_by_test_id("password").fill(PASSWORD)
    page.get_by_test_id("submit").click()
    page.locator("[data-testid=desk][data-link=live]").wait_for()


def sign_wall_in(page: Page, person: str = "viewer") -> None:
    page.get_by_test_id("person").fill(person)
    page.get_by_test_id("password").fill(PASSWORD)
    page.get_by_test_id("submit").click()
    page.locator("[data-testid=wall][data-link=live]").wait_for()
    if page.locator("[data-testid^=wall-day]").count():
        page.locator("[data-testid=wall-day-ready], [data-testid=wall-day-empty]").wait_for()
