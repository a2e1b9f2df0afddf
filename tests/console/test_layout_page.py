"""Nothing runs off the side, nothing is cut, and the bar is one line, in a real Chromium."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.console import scenes
from tests.console.look import IN_CHROMIUM, NARROW, WIDE, open_page, sign_in
from tests.console.pages import PAGES, living_scene, report_a_problem
from tests.console.server import Served
from tests.console.stage import Stage, small_site
from tests.waiting import wait_until

pytestmark = IN_CHROMIUM

CUT = """
() => [...document.querySelectorAll('body *')]
  .filter((one) => getComputedStyle(one).textOverflow === 'ellipsis' && one.scrollWidth > one.clientWidth)
  .map((one) => one.textContent)
"""
UNDER_THE_VEIL = """
() => [...document.querySelectorAll('article.blind .frame > .quiet')].map((one) => one.textContent)
"""
NAMES = """
() => [...document.querySelectorAll('[data-testid^=plan-zone-]')].map((name) => {
  const id = name.dataset.testid.slice('plan-zone-'.length);
  const [of, at] = [document.querySelector(`[data-outline=${id}]`), name.getBoundingClientRect()];
  const zone = of.getBoundingClientRect();
  const gap = (a, b) => Math.max(a[0] - b[1], b[0] - a[1], 0);
  const others = [...document.querySelectorAll('[data-testid^=plan-zone-]')].filter((one) => one !== name);
  return {
    id,
    text: name.innerText.trim(),
    away: Math.max(gap([at.left, at.right], [zone.left, zone.right]), gap([at.top, at.bottom], [zone.top, zone.bottom])),
    inside: of.isPointInFill(new DOMPoint(at.x + at.width / 2, at.y + at.height / 2).matrixTransform(of.getScreenCTM().inverse())),
    covered: others.filter((other) => {
      const box = other.getBoundingClientRect();
      return gap([at.left, at.right], [box.left, box.right]) + gap([at.top, at.bottom], [box.top, box.bottom]) === 0;
    }).length,
  };
})
"""
"""How each zone's name on the map lies to its zone and to other names, in pixels of the screen."""
TOUCHING_PX = 8
BENT = [[20, -110], [160, -110], [160, -20], [130, -20], [130, -80], [20, -80]]
"""A zone around a corner, whose middle lies outside of it."""
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_bar_is_one_line_also_when_zones_are_blind(
    browser: Browser, evening: tuple[Stage, Served], language: str
) -> None:
    stage, server = evening
    scenes.dark(stage)
    page = open_page(browser, server.url, language=language, theme="light", size=WIDE)
    sign_in(page)
    expect(page.get_by_test_id("site-total")).to_contain_text("2")
    bar = page.get_by_test_id("bar").bounding_box()
    out = page.get_by_test_id("sign-out").bounding_box()
    home = page.get_by_test_id("go-desk").bounding_box()
    assert bar is not None
    assert out is not None
    assert home is not None
    middle = [box["y"] + box["height"] / 2 for box in (out, home)]
    assert middle == pytest.approx([middle[0]] * 2, abs=3)
    assert out["x"] + out["width"] <= WIDE["width"]
    assert page.evaluate(CUT) == []
    assert page.evaluate(UNDER_THE_VEIL) == []
    page.context.close()


def test_on_a_phone_no_page_runs_off_the_side(browser: Browser, tmp_path: Path) -> None:
    roles = ["operator", "commander", "integrator", "admin"]
    everyone = small_site(people=[{"id": "operator", "name": "李明", "roles": roles}])
    with living_scene(tmp_path, "red", everyone=everyone) as (_, server):
        page = open_page(browser, server.url, language="en", theme="light", size=NARROW)
        sign_in(page)
        report_a_problem(page, server.url)
        wider = {}
        for name, (_person, path, shown) in PAGES.items():
            page.goto(f"{server.url}{path}")
            page.get_by_test_id(shown).wait_for()
            page.wait_for_load_state("networkidle")
            wider[name] = page.evaluate(WIDER)
        assert {name: px for name, px in wider.items() if px > 0} == {}
        page.context.close()


AGES = "() => [...document.querySelectorAll('time.age')].map((one) => one.textContent.trim())"
BARE = re.compile(r"(just now|刚刚|\d+ ?(s|min|h|d|秒|分钟|小时|天) ?(ago|前))( ?(stale|过时))?")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_age_stands_alone_without_what_was_done_then(
    browser: Browser, tmp_path: Path, language: str
) -> None:
    with living_scene(tmp_path, "red") as (_, server):
        page = open_page(browser, server.url, language=language, size=WIDE)
        sign_in(page)
        for path, shown in (("/#/", "zones"), ("/#/zone/bridge", "zone-page")):
            page.goto(f"{server.url}{path}")
            page.get_by_test_id(shown).locator("time.age").first.wait_for()
            ages = page.evaluate(AGES)
            assert len(ages) > 2
            assert [one for one in ages if BARE.fullmatch(one)] == []
        expect(page.get_by_test_id("site-total").locator("time.age")).to_be_visible()
        page.context.close()


def names_on(page: Page) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in page.evaluate(NAMES)}


def misplaced(page: Page) -> list[dict[str, Any]]:
    """Names that do not touch their zone, or cover another."""
    names = names_on(page).values()
    return [one for one in names if one["away"] > TOUCHING_PX or one["covered"]]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_zones_name_stands_at_its_zone_however_narrow_the_map(
    browser: Browser, tmp_path: Path, language: str
) -> None:
    with living_scene(tmp_path, "red") as (_, server):
        page = open_page(browser, server.url, language=language, size=NARROW)
        sign_in(page)
        for width in (390, 700, 1000, 1600):
            page.set_viewport_size({"width": width, "height": 844})
            expect(page.get_by_test_id("plan-zone-bridge")).to_contain_text("158")
            wait_until(lambda: misplaced(page) == [], within_s=20)
            assert len(names_on(page)) == 6, width
            for zone, level in (("houhai", ("Blue", "蓝色")), ("yandai", ("Yellow", "黄色"))):
                name = page.get_by_test_id(f"plan-zone-{zone}")
                said = name.locator("span:not(.hidden-visually)").all_inner_texts()
                own = name.locator(".name").count()
                assert own or any(word in level for word in said), (width, said)
        page.context.close()


def test_a_zone_around_a_corner_is_named_inside_of_it_and_one_out_of_sight_nowhere(
    browser: Browser, tmp_path: Path
) -> None:
    zones = small_site().model_dump(mode="json", exclude_unset=True)["zones"]
    lotus = next(zone for zone in zones if zone["id"] == "lotus")
    lotus["outline"] = BENT
    with living_scene(tmp_path, "calm", everyone=small_site(zones=zones)) as (_, server):
        page = open_page(browser, server.url, language="en", size=WIDE)
        sign_in(page)
        expect(page.get_by_test_id("plan-zone-lotus")).to_contain_text("Lotus Market")
        assert names_on(page)["lotus"]["inside"]
        for _ in range(5):
            page.get_by_role("button", name="Zoom in").click()
        expect(page.get_by_test_id("plan-zone-gulou")).to_have_count(0)
        page.context.close()
