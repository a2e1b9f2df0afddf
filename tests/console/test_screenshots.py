"""Pictures of every page, for eyes: `make screenshots` puts them into build/screenshots."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from config.editing import SiteEditor
from console.app import STATIC
from model.clock import SystemClock
from tests.console import scenes
from tests.console.look import (
    NARROW,
    THREE_SCREENS,
    WALL,
    WIDE,
    chromium,
    chromium_path,
    open_page,
    sign_in,
    sign_wall_in,
)
from tests.console.server import Served, served
from tests.console.stage import PASSWORD, Stage, staged
from tests.console.stage_site import SMALL_SITE
from tests.waiting import wait_until

FOLDER = Path(__file__).parents[2] / "build" / "screenshots"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not os.environ.get("YINDING_SCREENSHOTS"), reason="pictures are made by make screenshots"
    ),
    pytest.mark.skipif(chromium_path() is None, reason="there is no Chromium on this machine"),
    pytest.mark.skipif(not (STATIC / "index.html").is_file(), reason="the page is not built"),
]

Scene = Callable[[Stage], object]
SCENES: dict[str, tuple[Scene, Scene]] = {
    "calm": (scenes.calm, scenes.breathe_calm),
    "red": (scenes.red, scenes.breathe_red),
    "dark": (scenes.dark, scenes.breathe_dark),
}
"""How each scene is set, and what the field goes on saying while it lasts."""
BREATH_S = 2.0
LOOKS = (("zh", "dark"), ("en", "light"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with chromium() as made:
        yield made


@contextmanager
def evening(folder: Path, scene: str) -> Iterator[tuple[Stage, Served]]:
    """A scene behind a real socket, with a field that goes on breathing."""
    begin, breathe = SCENES[scene]
    over = threading.Event()
    site = folder / "site.yaml"
    shutil.copy(SMALL_SITE, site)
    with staged(folder / "store", SystemClock(), editor=SiteEditor(site)) as stage:
        stage.enrol("operator", "viewer")

        def go_on() -> None:
            while not over.wait(BREATH_S):
                breathe(stage)

        with served(stage) as server:
            wait_until(stage.app.state.context.live._ready.is_set, within_s=60)
            begin(stage)
            field = threading.Thread(target=go_on, name="breathing field")
            field.start()
            try:
                yield stage, server
            finally:
                over.set()
                field.join()


def shoot(page: Page, name: str, *, whole: bool = True) -> None:
    page.screenshot(path=FOLDER / f"{name}.png", full_page=whole)
    page.context.close()


@pytest.mark.parametrize("scene", SCENES)
def test_the_desk_wide_and_narrow_in_both_languages(
    browser: Browser, tmp_path: Path, scene: str
) -> None:
    with evening(tmp_path, scene) as (_, server):
        for language, theme in LOOKS:
            for size_name, size in (("wide", WIDE), ("narrow", NARROW)):
                page = open_page(browser, server.url, language=language, theme=theme, size=size)
                sign_in(page)
                page.get_by_test_id("chart").locator("canvas, [role=status]").first.wait_for()
                shoot(page, f"desk-{scene}-{size_name}-{language}")


@pytest.mark.parametrize("scene", SCENES)
def test_the_wall_on_one_screen_and_on_three(browser: Browser, tmp_path: Path, scene: str) -> None:
    views = (
        ("", "one-zh", WALL),
        ("?language=en&theme=light", "one-en", WALL),
        ("", "three-zh", THREE_SCREENS),
    )
    extra = (
        ("?show=map", "map-zh", WALL),
        ("?show=people", "people-zh", WALL),
        ("?show=warnings&language=en", "warnings-en", WALL),
    )
    with evening(tmp_path, scene) as (_, server):
        for query, name, size in views + (extra if scene == "red" else ()):
            page = open_page(browser, f"{server.url}/wall{query}", size=size)
            sign_wall_in(page)
            shoot(page, f"wall-{scene}-{name}")


@pytest.mark.parametrize("scene", SCENES)
def test_the_visitors_board(browser: Browser, tmp_path: Path, scene: str) -> None:
    with evening(tmp_path, scene) as (_, server):
        for size_name, size in (("wide", WIDE), ("narrow", NARROW)):
            page = open_page(browser, f"{server.url}/public", size=size)
            shoot(page, f"board-{scene}-{size_name}")


def test_what_is_seen_when_the_line_is_cut(browser: Browser, tmp_path: Path) -> None:
    with evening(tmp_path, "red") as (_, server):
        desk = open_page(browser, server.url)
        sign_in(desk)
        wall = open_page(browser, f"{server.url}/wall", size=WALL)
        sign_wall_in(wall)
        server.cut()
        for page, name in ((desk, "desk-disconnected-wide-zh"), (wall, "wall-disconnected-one-zh")):
            page.get_by_test_id("behind").wait_for(timeout=60_000)
            shoot(page, name)
        server.mend()


def test_the_door(browser: Browser, tmp_path: Path) -> None:
    with evening(tmp_path, "calm") as (stage, server):
        for language, theme in LOOKS:
            page = open_page(browser, server.url, language=language, theme=theme)
            page.get_by_test_id("person").wait_for()
            shoot(page, f"sign-in-{language}")
        once = stage.accounts.create_one_time_password("commander")
        page = open_page(browser, server.url, size=NARROW)
        page.get_by_test_id("person").fill("commander")
        page.get_by_test_id("password").fill(once)
        page.get_by_test_id("submit").click()
        page.get_by_test_id("new-password").wait_for()
        shoot(page, "set-password-zh")


PAGES = {
    "zone": ("operator", "/#/zone/bridge", "zone-page"),
    "camera": ("operator", "/#/camera/bridge-north", "camera-page"),
    "broadcast": ("commander", "/#/broadcast", "broadcast-page"),
    "dispatch": ("operator", "/#/dispatch/report-0001", "dispatch-page"),
    "admin-zones": ("integrator", "/#/admin/zones", "admin-page"),
    "admin-cameras": ("integrator", "/#/admin/cameras?camera=gulou", "admin-page"),
    "admin-rules": ("integrator", "/#/admin/rules", "admin-page"),
    "admin-people": ("admin", "/#/admin/people", "admin-page"),
    "admin-duty": ("commander", "/#/admin/duty", "admin-page"),
}


def report_a_problem(page: Page, url: str) -> None:
    """Somebody on ice, so that lists and phones have something to show."""
    form = {"id": "report-0001", "kind": "ice", "grade": "sudden", "zone": "qianhai"}
    sent = page.request.post(
        f"{url}/api/v1/dispatches", data=form | {"place": [-30, -27], "text": "冰面有人"}
    )
    assert sent.ok, sent.text()


def test_every_other_page_wide_and_narrow_in_both_languages(
    browser: Browser, tmp_path: Path
) -> None:
    with evening(tmp_path, "red") as (stage, server):
        stage.enrol("commander", "integrator", "admin", "responder")
        for language, theme in LOOKS:
            for name, (person, path, shown) in PAGES.items():
                page = open_page(browser, server.url, language=language, theme=theme)
                sign_in(page, person)
                if name == "dispatch":
                    report_a_problem(page, server.url)
                page.goto(f"{server.url}{path}")
                page.get_by_test_id(shown).wait_for()
                page.wait_for_load_state("networkidle")
                page.screenshot(path=FOLDER / f"{name}-wide-{language}.png", full_page=True)
                page.set_viewport_size(NARROW)  # type: ignore[arg-type]  # a plain dict of the two sizes
                shoot(page, f"{name}-narrow-{language}")


def test_the_phone_and_a_look_back(browser: Browser, tmp_path: Path) -> None:
    with evening(tmp_path, "red") as (stage, server):
        stage.enrol("responder")
        for language, theme in LOOKS:
            phone = open_page(
                browser, f"{server.url}/phone", language=language, theme=theme, size=NARROW
            )
            phone.get_by_test_id("person").fill("responder")
            phone.get_by_test_id("password").fill(PASSWORD)
            phone.get_by_test_id("submit").click()
            phone.locator("[data-testid=phone][data-reached=true]").wait_for()
            report_a_problem(phone, server.url)
            phone.get_by_test_id("my-dispatch").first.wait_for()
            for tab in ("mine", "report", "look"):
                phone.get_by_test_id(f"tab-{tab}").click()
                phone.screenshot(path=FOLDER / f"phone-{tab}-{language}.png", full_page=True)
            phone.context.close()
            desk = open_page(browser, server.url, language=language, theme=theme)
            sign_in(desk)
            desk.get_by_test_id("look-back").click()
            desk.locator("[data-testid=past][data-step=ready]").wait_for()
            shoot(desk, f"past-wide-{language}")
