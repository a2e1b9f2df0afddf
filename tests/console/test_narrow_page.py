"""On a phone's width everything that is to be pressed or read is there, in a real Chromium."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.console.look import IN_CHROMIUM, NARROW, open_page, sign_in
from tests.console.pages import living_scene, report_a_problem
from tests.console.stage import small_site

pytestmark = IN_CHROMIUM

LEAST_GAP_PX = 3
TOUCHING = """
(least) => [...document.querySelectorAll('[data-testid=dispatch] > *')]
  .map((one) => one.getBoundingClientRect())
  .flatMap((a, at, all) => all.slice(at + 1).filter((b) =>
    Math.max(a.left - b.right, b.left - a.right, a.top - b.bottom, b.top - a.bottom) < least)).length
"""
"""Pairs of words in the list of problems that lie nearer to each other than that."""


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_narrow_is_whole(browser: Browser, tmp_path: Path, language: str) -> None:
    roles = ["operator", "commander", "integrator", "admin"]
    everyone = small_site(people=[{"id": "operator", "name": "李明", "roles": roles}])
    with living_scene(tmp_path, "calm", everyone=everyone) as (_, server):
        page = open_page(browser, server.url, language=language, size=NARROW)
        sign_in(page)
        report_a_problem(page, server.url)

        page.goto(f"{server.url}/#/admin/people")
        giving = page.locator("[data-testid^=once-]").first
        giving.wait_for()
        box = giving.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= NARROW["width"]
        cut = "(one) => one.closest('.scroll').scrollWidth - one.closest('.scroll').clientWidth"
        assert giving.evaluate(cut) <= 0

        page.goto(f"{server.url}/#/admin/duty")
        deadlines = page.get_by_test_id("deadlines")
        expect(deadlines.locator("legend")).to_contain_text(
            {"en": "minutes", "zh": "分钟"}[language]
        )
        for label in deadlines.locator("label").all():
            expect(label).to_contain_text({"en": "min", "zh": "分"}[language])

        page.goto(f"{server.url}/#/dispatch")
        page.get_by_test_id("dispatch").first.wait_for()
        assert page.evaluate(TOUCHING, LEAST_GAP_PX) == 0
        page.context.close()
