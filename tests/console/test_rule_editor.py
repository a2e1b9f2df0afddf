"""An integrator empties a rule's field in a real Chromium: the site's default holds, and is shown."""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import Browser, expect

from config.editing import SiteEditor
from config.rules import Rule
from config.site_file import inspect_site
from model.clock import SystemClock
from tests.console.look import IN_CHROMIUM, open_page, sign_in
from tests.console.server import served
from tests.console.stage import staged
from tests.console.stage_site import SMALL_SITE
from tests.waiting import wait_until

pytestmark = IN_CHROMIUM


def rule_of(path: Path, name: str) -> Rule:
    site, _ = inspect_site(path)
    return next(rule for rule in site.rules if rule.id == name)


def test_where_nothing_is_said_the_default_is_shown_and_holds(
    browser: Browser, tmp_path: Path
) -> None:
    path = tmp_path / "site.yaml"
    shutil.copy(SMALL_SITE, path)
    with staged(tmp_path / "store", SystemClock(), editor=SiteEditor(path)) as stage:
        stage.enrol("integrator")
        with served(stage) as server:
            page = open_page(browser, server.url, language="en", theme="light")
            sign_in(page, "integrator")
            page.goto(f"{server.url}/#/admin/rules")
            margin = page.get_by_test_id("rule-clear-below")
            expect(margin).to_have_attribute("placeholder", "default 0.5")
            chosen = page.get_by_test_id("rule-choose").input_value()
            margin.fill("1.25")
            page.get_by_test_id("rule-save").click()
            wait_until(lambda: rule_of(path, chosen).clear_below == 1.25, within_s=60)
            expect(page.get_by_test_id("rule-save")).to_be_enabled()
            margin.fill("")
            page.get_by_test_id("rule-save").click()
            wait_until(lambda: rule_of(path, chosen).clear_below == 0.5, within_s=60)
            page.context.close()
