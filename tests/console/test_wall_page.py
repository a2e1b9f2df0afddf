"""The screens on the wall in a real Chromium: read from eight metres, with nothing to press."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from itertools import cycle

import pytest
from playwright.sync_api import Browser, Page, expect

from model.cases import CaseState, Change, Reason
from model.level import Level
from tests.console import scenes
from tests.console.look import (
    IN_CHROMIUM,
    WALL,
    errors_of,
    kept_out,
    open_page,
    sign_wall_in,
)
from tests.console.server import Served
from tests.console.stage import CALM, Stage
from tests.waiting import wait_until

READABLE_PX = 30
"""Text on a wall of 1080 lines: about 20 mm on a 55-inch screen, 8 minutes of arc at 8 m."""
WARNINGS_IN_SIGHT = """
() => [...document.querySelectorAll('[data-testid=wall-warning]')]
  .filter((one) => {
    const [box, frame] = [one.getBoundingClientRect(), one.closest('section').getBoundingClientRect()];
    return getComputedStyle(one).visibility === 'visible' && box.left < frame.right && box.bottom <= frame.bottom + 1;
  })
  .map((one) => one.dataset.case)
"""
TOO_LOW = f"""
() => [...document.querySelectorAll('body .wall *')]
  .filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
  .filter((one) => !one.closest('.hidden-visually, svg'))
  .filter((one) => parseFloat(getComputedStyle(one).fontSize) < {READABLE_PX})
  .map((one) => one.textContent)
"""
MARKS_UNDER_NAMES = """
() => [...document.querySelectorAll('[data-lane]')].flatMap((lane) => {
  const mark = lane.getBoundingClientRect();
  return [...document.querySelectorAll('[data-testid^=wall-plan-]')]
    .map((name) => [name.dataset.testid, name.getBoundingClientRect()])
    .filter(([, box]) => Math.min(box.right, mark.right) > Math.max(box.left, mark.left))
    .filter(([, box]) => Math.min(box.bottom, mark.bottom) > Math.max(box.top, mark.top))
    .map(([name]) => [lane.dataset.lane, name]);
})
"""
"""Bollard marks of the wall's map with the names that lie over them."""
FAULTS_OUT_OF_SIGHT = """
() => [...document.querySelectorAll('[data-testid=wall-fault], [data-testid=wall-faults-more]')]
  .filter((one) => {
    const box = one.getBoundingClientRect();
    return box.right > innerWidth || box.bottom > innerHeight || one.scrollWidth > one.clientWidth;
  })
  .map((one) => one.textContent)
"""

pytestmark = IN_CHROMIUM


def the_wall(browser: Browser, address: str, *, size: dict[str, int] = WALL) -> Page:
    """A screen that signed itself in."""
    page = open_page(browser, address, size=size)
    sign_wall_in(page)
    return page


def test_the_wall_shows_red_and_has_nothing_to_press(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    scenes.red(stage)
    page = open_page(browser, f"{server.url}/wall", size=WALL)
    errors = errors_of(page)
    sign_wall_in(page, "operator")
    expect(page.get_by_test_id("wall-warning").first).to_contain_text("银锭桥")
    expect(page.get_by_test_id("wall-plan-bridge")).to_have_attribute("data-level", "red")
    assert page.locator("button, a, input, select, [tabindex]").count() == 0
    assert page.evaluate(TOO_LOW) == []
    assert page.evaluate("document.documentElement.scrollHeight") <= WALL["height"]
    assert kept_out(page) == []
    assert errors == []
    page.context.close()


def all_are_shown_in_turn(
    page: Page,
    stage: Stage,
    *,
    always: frozenset[str] = frozenset(),
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Every open warning stands in sight of the wall at some time, and these all the time."""
    expect(page.get_by_test_id("wall-more")).to_contain_text("more, in turn")
    seen: set[str] = set()

    def everything_was_seen() -> bool:
        meanwhile()
        shown = page.evaluate(WARNINGS_IN_SIGHT)
        assert always <= set(shown)
        seen.update(shown)
        return len(seen) == len(stage.cases)

    wait_until(everything_was_seen, within_s=90)


@pytest.mark.parametrize("query", ["?language=en", "?show=warnings&language=en"])
def test_no_warning_is_unseen_on_the_wall_and_the_worst_stays(
    browser: Browser, evening: tuple[Stage, Served], query: str
) -> None:
    stage, server = evening
    scenes.calm(stage)
    page = the_wall(browser, f"{server.url}/wall{query}")
    worst = stage.open_case("bridge", Level.RED)
    for zone in ("yandai", "lotus", "qianhai", "houhai", "gulou"):
        stage.open_case(zone, Level.BLUE)
        stage.open_case(zone, Level.YELLOW, hazard="capacity")
    all_are_shown_in_turn(page, stage, always=frozenset({worst}))
    assert page.evaluate(TOO_LOW) == []
    page.context.close()


def test_a_wall_with_room_for_one_or_two_warnings_turns_through_all_of_them(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    """Where the worst and a long one do not fit, and the worst and a short one do, it must not waver."""
    stage, server = evening
    scenes.calm(stage)
    size = {"width": 700, "height": 300}
    page = the_wall(browser, f"{server.url}/wall?show=warnings&language=en", size=size)
    stage.open_case("bridge", Level.RED)
    first, *_ = [stage.open_case(zone, Level.BLUE) for zone in ("yandai", "lotus", "qianhai")]
    all_are_shown_in_turn(page, stage)
    states = cycle((CaseState.ACKNOWLEDGED, CaseState.OPEN))
    last_s = time.monotonic()

    def somebody_works() -> None:
        """Oftener than the wall turns."""
        nonlocal last_s
        if time.monotonic() > last_s + 2:
            last_s = time.monotonic()
            stage.step_case(first, Change.ACKNOWLEDGED, Reason.PERSON, state=next(states))

    all_are_shown_in_turn(page, stage, meanwhile=somebody_works)
    page.context.close()


def test_faulty_devices_are_named_by_kind_and_name_and_who_is_left_over_is_counted(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    scenes.calm(stage)
    page = the_wall(browser, f"{server.url}/wall?language=en")
    faults, more = page.get_by_test_id("wall-fault"), page.get_by_test_id("wall-faults-more")
    expect(page.get_by_test_id("wall-faults")).to_have_count(0)
    for device in ("bridge-north", "bridge-1"):
        stage.open_case(device, Level.BLUE, hazard="silent", subject_kind="device")
    stage.open_case("east-1", Level.ORANGE, hazard="silent", subject_kind="device")
    expect(faults).to_have_text(
        [
            "Bollard East entrance",
            "Camera Yinding Bridge, north side",
            "Terminal Yinding Bridge, screen",
        ]
    )
    expect(more).to_have_count(0)
    others = [one.id for one in stage.site.cameras if one.id != "bridge-north"]
    for device in others:
        stage.open_case(device, Level.BLUE, hazard="silent", subject_kind="device")
    expect(page.get_by_test_id("wall-faults")).to_contain_text(f"{3 + len(others)}")
    expect(faults.first).to_have_text("Bollard East entrance")
    expect(more).to_have_text(f"and {3 + len(others) - faults.count()} more")
    assert 2 <= faults.count() <= 6
    assert page.evaluate(FAULTS_OUT_OF_SIGHT) == []
    assert page.evaluate(TOO_LOW) == []
    assert page.evaluate("document.documentElement.scrollHeight") <= WALL["height"]
    page.context.close()


@pytest.mark.parametrize("query", ["?language=en", "?language=zh", "?show=map&language=en"])
def test_no_name_on_the_walls_map_lies_over_a_bollard(
    browser: Browser, evening: tuple[Stage, Served], query: str
) -> None:
    stage, server = evening
    scenes.red(stage)
    page = the_wall(browser, f"{server.url}/wall{query}")
    expect(page.locator("[data-lane]")).to_have_count(len(stage.site.bollards))
    expect(page.get_by_test_id("wall-plan-bridge")).to_contain_text("158")
    wait_until(lambda: page.evaluate(MARKS_UNDER_NAMES) == [], within_s=20)
    page.context.close()


def test_the_zones_to_watch_are_put_in_order_anew_with_every_judgement(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    """By level, then the unseen, then the fullest: never by their place in the site file."""
    stage, server = evening
    stage.breathe({**CALM, "lotus": 133})
    page = the_wall(browser, f"{server.url}/wall?show=warnings&language=en")
    names = {zone.id: zone.name.en for zone in stage.site.zones}

    def expect_order(*zones: str) -> None:
        shown = page.get_by_test_id("wall-zone").locator(".name")
        expect(shown).to_have_text([names[zone] for zone in zones])

    expect_order("lotus", "yandai", "houhai", "bridge", "qianhai")
    stage.commit(zones=(stage.zone("gulou", 31, level=Level.ORANGE), stage.zone("qianhai", None)))
    expect_order("gulou", "qianhai", "lotus", "yandai", "houhai")
    stage.commit(
        zones=(
            stage.zone("gulou", 31, level=Level.YELLOW),
            stage.zone("houhai", 96, level=Level.RED),
        )
    )
    expect_order("houhai", "gulou", "qianhai", "lotus", "yandai")
    page.context.close()


def test_a_wall_whose_start_fails_tries_again_by_itself(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    scenes.red(stage)
    page = the_wall(browser, f"{server.url}/wall?language=en")
    site = re.compile("/api/v1/site$")
    page.route(site, lambda asked: asked.fulfill(status=503, json={"code": "not_ready"}))
    page.reload()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)
    with page.expect_response(site):
        """It is asked for once more, and refused once more."""
    expect(page.get_by_role("alert")).to_be_visible()
    page.unroute(site)
    expect(page.get_by_test_id("wall-warning").first).to_contain_text("Yinding Bridge")
    page.context.close()


def test_a_wall_that_lost_its_line_turns_grey_with_its_age_and_says_the_loss_once(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    scenes.red(stage)
    page = the_wall(browser, f"{server.url}/wall?language=en")
    header = page.get_by_role("banner")
    expect(header).to_have_css("filter", "none")
    server.cut()
    expect(page.get_by_test_id("behind")).to_contain_text("behind")
    expect(header).to_have_css("filter", "grayscale(1)")
    expect(header).to_have_css("background-image", re.compile("repeating-linear-gradient"))
    expect(page.get_by_test_id("wall-worst")).to_contain_text(re.compile(r"as of \d+ s ago"))
    assert page.locator("body").inner_text().count("Connection lost") == 1
    assert page.evaluate(TOO_LOW) == []
    server.mend()
    expect(header).to_have_css("filter", "none")
    expect(page.get_by_test_id("wall-worst")).not_to_contain_text("ago")
    page.context.close()
