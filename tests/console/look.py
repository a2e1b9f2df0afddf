"""A real Chromium on the staged console."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

import console
from console.app import STATIC
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
    "--no-proxy-server",
    "--host-resolver-rules=MAP console.test 127.0.0.1",
]
WIDE = {"width": 1600, "height": 1000}
NARROW = {"width": 390, "height": 844}
WALL = {"width": 1920, "height": 1080}
THREE_SCREENS = {"width": 3840, "height": 1080}
NO_STILL: dict[str, str] = json.loads(
    (Path(console.__file__).parent / "catalogue" / "words.json").read_text(encoding="utf-8")
)["camera.no_still"]
AXE = Path(console.__file__).parent / "web" / "node_modules" / "axe-core" / "axe.min.js"


def chromium_path() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


IN_CHROMIUM = [
    pytest.mark.browser,
    pytest.mark.timeout(400),
    pytest.mark.skipif(chromium_path() is None, reason="there is no Chromium on this machine"),
    pytest.mark.skipif(not (STATIC / "index.html").is_file(), reason="the page is not built"),
]
"""What every test of the built pages needs."""


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=QUIET)
        try:
            yield browser
        finally:
            browser.close()


def over_plain_http(url: str) -> str:
    """The address as a machine elsewhere on the site's network has it: no secure context to a browser."""
    return url.replace("127.0.0.1", "console.test")


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


def _pass_the_door(page: Page, person: str, inside: str) -> None:
    page.get_by_test_id("person").fill(person)
    page.get_by_test_id("password").fill(PASSWORD)
    page.get_by_test_id("submit").click()
    page.locator(inside).wait_for()


def sign_in(page: Page, person: str = "operator") -> None:
    _pass_the_door(page, person, "[data-testid=desk][data-link=live]")


def sign_phone_in(page: Page, person: str = "responder") -> None:
    _pass_the_door(page, person, "[data-testid=phone][data-reached=true]")


def sign_wall_in(page: Page, person: str = "viewer") -> None:
    _pass_the_door(page, person, "[data-testid=wall][data-link=live]")
    if page.locator("[data-testid^=wall-day]").count():
        page.locator("[data-testid=wall-day-ready], [data-testid=wall-day-empty]").wait_for()


def wait_for_stills(page: Page) -> None:
    """Every camera that works shows a picture; a tile asks for its own once it is in sight."""
    for camera in page.locator("[data-testid^=camera-][data-sight=live]").all():
        camera.scroll_into_view_if_needed()
        camera.locator("img").first.wait_for()
    for words in NO_STILL.values():
        expect(page.get_by_text(words)).to_have_count(0)
    page.evaluate("scrollTo(0, 0)")


def errors_of(page: Page) -> list[str]:
    """What the page complains of from now on."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda said: found.append(said.text) if said.type == "error" else None)
    return found


def lose_answers(page: Page, path: str, times: int) -> None:
    """The service does what it is asked there; its next answers come too late, or are lost."""
    lost = list(range(times))

    def pass_on(route: Route) -> None:
        if route.request.method != "POST" or not lost:
            route.continue_()
            return
        assert route.fetch().ok
        if lost.pop() % 2:
            route.fulfill(status=504, json={"code": "no_answer_in_time"})
        else:
            route.abort()

    page.route(path, pass_on)


def kept_out(page: Page) -> list[str]:
    """What axe finds on the page, of any weight: each keeps somebody out."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("async () => (await axe.run({ resultTypes: ['violations'] })).violations")
    return [
        f"{one['impact']} {one['id']}: {[node['target'] for node in one['nodes']][:3]}"
        for one in found
    ]
