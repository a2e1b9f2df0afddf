"""Pictures of every page, for eyes: `make screenshots` puts them into build/screenshots."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.console.look import (
    IN_CHROMIUM,
    NARROW,
    THREE_SCREENS,
    WALL,
    WIDE,
    open_page,
    sign_in,
    sign_phone_in,
    sign_wall_in,
    wait_for_stills,
)
from tests.console.pages import PAGES, SCENES, living_scene, report_a_problem

FOLDER = Path(__file__).parents[2] / "build" / "screenshots"
"""Playwright makes it with the first picture."""

pytestmark = [
    pytest.mark.timeout(900),
    *IN_CHROMIUM,
    pytest.mark.skipif(
        not os.environ.get("YINDING_SCREENSHOTS"), reason="pictures are made by make screenshots"
    ),
]

LOOKS = (("zh", "dark"), ("en", "light"))


def picture(page: Page, name: str) -> None:
    """The whole page, once every camera that works shows what it sees."""
    wait_for_stills(page)
    page.screenshot(path=FOLDER / f"{name}.png", full_page=True)


def shoot(page: Page, name: str) -> None:
    picture(page, name)
    page.context.close()


@pytest.mark.parametrize("scene", SCENES)
def test_the_desk_wide_and_narrow_in_both_languages(
    browser: Browser, tmp_path: Path, scene: str
) -> None:
    with living_scene(tmp_path, scene) as (_, server):
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
    with living_scene(tmp_path, scene) as (_, server):
        for query, name, size in views + (extra if scene == "red" else ()):
            page = open_page(browser, f"{server.url}/wall{query}", size=size)
            sign_wall_in(page)
            shoot(page, f"wall-{scene}-{name}")


@pytest.mark.parametrize("scene", SCENES)
def test_the_visitors_board(browser: Browser, tmp_path: Path, scene: str) -> None:
    with living_scene(tmp_path, scene) as (_, server):
        for size_name, size in (("wide", WIDE), ("narrow", NARROW)):
            page = open_page(browser, f"{server.url}/public", size=size)
            shoot(page, f"board-{scene}-{size_name}")


def test_what_is_seen_when_the_line_is_cut(browser: Browser, tmp_path: Path) -> None:
    with living_scene(tmp_path, "red") as (_, server):
        desk = open_page(browser, server.url)
        sign_in(desk)
        wall = open_page(browser, f"{server.url}/wall", size=WALL)
        sign_wall_in(wall)
        wait_for_stills(desk)
        server.cut()
        for page, name in ((desk, "desk-disconnected-wide-zh"), (wall, "wall-disconnected-one-zh")):
            page.get_by_test_id("behind").wait_for(timeout=60_000)
            shoot(page, name)
        server.mend()


def test_the_door(browser: Browser, tmp_path: Path) -> None:
    with living_scene(tmp_path, "calm") as (stage, server):
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


def test_every_other_page_wide_and_narrow_in_both_languages(
    browser: Browser, tmp_path: Path
) -> None:
    with living_scene(tmp_path, "red") as (stage, server):
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
                picture(page, f"{name}-wide-{language}")
                page.set_viewport_size(NARROW)  # type: ignore[arg-type]  # a plain dict of the two sizes
                shoot(page, f"{name}-narrow-{language}")


def test_the_phone_and_a_look_back(browser: Browser, tmp_path: Path) -> None:
    with living_scene(tmp_path, "red") as (stage, server):
        stage.enrol("responder")
        for language, theme in LOOKS:
            phone = open_page(
                browser, f"{server.url}/phone", language=language, theme=theme, size=NARROW
            )
            sign_phone_in(phone)
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
            desk.screenshot(path=FOLDER / f"past-wide-{language}.png", full_page=True)
            desk.context.close()
