"""An integrator gives a zone its hour of nobody and its stay in a real Chromium, and takes them back."""

from __future__ import annotations

import shutil
from datetime import time
from pathlib import Path

from playwright.sync_api import Browser, expect

from config.editing import SiteEditor
from config.schema import Zone
from config.site_file import inspect_site
from model.clock import SystemClock
from tests.console.look import IN_CHROMIUM, NARROW, kept_out, open_page, sign_in
from tests.console.server import served
from tests.console.stage import staged
from tests.console.stage_site import SMALL_SITE
from tests.waiting import wait_until

pytestmark = IN_CHROMIUM


def zone_of(path: Path, name: str) -> Zone:
    site, _ = inspect_site(path)
    return next(zone for zone in site.zones if zone.id == name)


def test_the_hour_of_nobody_and_the_stay_are_set_and_taken_back(
    browser: Browser, tmp_path: Path
) -> None:
    path = tmp_path / "site.yaml"
    shutil.copy(SMALL_SITE, path)
    before = zone_of(path, "houhai")
    assert (before.empty_at, before.mean_stay_min) == (None, None)
    with staged(tmp_path / "store", SystemClock(), editor=SiteEditor(path)) as stage:
        stage.enrol("integrator")
        with served(stage) as server:
            page = open_page(browser, server.url, language="en", theme="light")
            sign_in(page, "integrator")
            page.goto(f"{server.url}/#/admin/zones")
            page.get_by_test_id("zone-choose").select_option("houhai")
            expect(page.get_by_test_id("zone-empty-at")).to_have_value("")
            page.get_by_test_id("zone-empty-at").fill("05:30")
            page.get_by_test_id("zone-stay").fill("45")
            assert kept_out(page) == []
            page.get_by_test_id("zone-save").click()
            wait_until(lambda: zone_of(path, "houhai").empty_at == time(5, 30), within_s=60)
            assert zone_of(path, "houhai").mean_stay_min == 45
            assert "empty_at: 05:30\n" in path.read_text(encoding="utf-8")

            page.get_by_test_id("zone-empty-at").fill("")
            page.get_by_test_id("zone-stay").fill("")
            expect(page.get_by_test_id("zone-save")).to_be_enabled()
            page.get_by_test_id("zone-save").click()
            wait_until(lambda: zone_of(path, "houhai").empty_at is None, within_s=60)
            assert zone_of(path, "houhai") == before
            page.context.close()


def test_on_a_phone_the_names_in_the_plan_can_be_read(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    shutil.copy(SMALL_SITE, path)
    with staged(tmp_path / "store", SystemClock(), editor=SiteEditor(path)) as stage:
        stage.enrol("integrator")
        with served(stage) as server:
            page = open_page(browser, server.url, size=NARROW)
            sign_in(page, "integrator")
            page.goto(f"{server.url}/#/admin/zones")
            name = page.locator("[data-testid=zone-drawing] text").first
            name.wait_for()
            height_px = name.evaluate("(one) => one.getBoundingClientRect().height")
            assert height_px >= 11
            page.context.close()
