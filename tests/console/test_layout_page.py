"""Nothing runs off the side, nothing is cut, and the bar is one line, in a real Chromium."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.console import scenes
from tests.console.look import IN_CHROMIUM, NARROW, WIDE, open_page, sign_in
from tests.console.pages import PAGES, living_scene, report_a_problem
from tests.console.server import Served
from tests.console.stage import Stage, small_site

pytestmark = IN_CHROMIUM

CUT = """
() => [...document.querySelectorAll('body *')]
  .filter((one) => getComputedStyle(one).textOverflow === 'ellipsis' && one.scrollWidth > one.clientWidth)
  .map((one) => one.textContent)
"""
UNDER_THE_VEIL = """
() => [...document.querySelectorAll('article.blind .frame > .quiet')].map((one) => one.textContent)
"""
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
