"""An integrator calibrates a camera in a real Chromium: what its marks tell, and where it stands."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from config.editing import SiteEditor
from config.schema import Camera
from config.site_file import inspect_site
from model.clock import SystemClock
from tests.console.look import IN_CHROMIUM, open_page, sign_in
from tests.console.server import served
from tests.console.stage import staged
from tests.console.stage_site import CALM, COUNTED_BY, SMALL_SITE
from tests.waiting import wait_until

pytestmark = IN_CHROMIUM


def gulou(path: Path) -> Camera:
    site, _ = inspect_site(path)
    return next(one for one in site.cameras if one.id == "gulou")


@contextmanager
def editing(browser: Browser, tmp_path: Path) -> Iterator[tuple[Page, Path]]:
    """The editor of one camera, open at an integrator's, on a site file of its own."""
    path = tmp_path / "site.yaml"
    shutil.copy(SMALL_SITE, path)
    with staged(tmp_path / "store", SystemClock(), editor=SiteEditor(path)) as stage:
        stage.enrol("integrator")
        stage.breathe(CALM)
        with served(stage) as server:
            page = open_page(browser, server.url, language="en", theme="light")
            sign_in(page, "integrator")
            page.goto(f"{server.url}/#/admin/cameras?camera=gulou")
            yield page, path
            page.context.close()


def test_what_is_wrong_with_marks_is_told_and_half_a_place_is_none(
    browser: Browser, tmp_path: Path
) -> None:
    with editing(browser, tmp_path) as (page, path):
        told, refused = page.get_by_test_id("ground-told"), page.get_by_test_id("try-refused")
        worst, undecided = page.get_by_test_id("worst-mark"), page.get_by_test_id("marks-undecided")
        east = page.get_by_test_id("east-0")
        was = east.input_value()
        east.fill("100.5")
        expect(told).to_contain_text("one mark contradicts the others and was left out")
        expect(told).to_contain_text("Point 1")
        expect(page.locator("tr", has=east)).to_contain_text("does not fit, left out")
        second = page.get_by_test_id("east-1")
        was_second = second.input_value()
        east.fill("98.5")
        second.fill("96.5")
        expect(told).to_contain_text("no upright camera explains the marks")
        expect(undecided).to_contain_text("The marks do not agree")
        expect(worst).to_have_count(0)
        off = page.locator("tr", has=second).locator("td").nth(3)
        expect(off).to_have_text(re.compile(r"\d\.\d px"))
        page.locator("circle.point.far").first.wait_for()
        second.fill(was_second)
        expect(undecided).to_have_count(0)
        east.fill("100001")
        expect(refused).to_be_visible()
        expect(told).to_have_count(0)
        east.fill(was)
        expect(refused).to_have_count(0)

        page.get_by_test_id("by-people").click()
        page.get_by_test_id("at-north").fill("24")
        page.get_by_test_id("bearing").fill("90")
        page.get_by_test_id("camera-save").click()
        wait_until(lambda: gulou(path).bearing_deg == 90, within_s=60)
        assert gulou(path).at is None
        expect(page.get_by_test_id("at-north")).to_have_value("24")
        page.get_by_test_id("at-east").fill("90")
        expect(page.get_by_test_id("camera-save")).to_be_enabled()
        page.get_by_test_id("camera-save").click()
        wait_until(lambda: gulou(path).at == (90, 24), within_s=60)


def test_heads_marked_in_a_picture_are_kept_with_what_counted_it(
    browser: Browser, tmp_path: Path
) -> None:
    """Of another network's count they would teach this one nonsense."""
    with editing(browser, tmp_path) as (page, path):
        page.get_by_test_id("mark-heads").click()
        picture = page.get_by_test_id("calibration")
        picture.click(position={"x": 60, "y": 60})
        picture.click(position={"x": 120, "y": 80})
        page.get_by_test_id("keep-marks").click()
        page.get_by_test_id("camera-save").click()
        wait_until(lambda: gulou(path).marked, within_s=60)
        (kept,) = gulou(path).marked
        assert (kept.heads, kept.model) == (2, COUNTED_BY)
        assert kept.counted > 0
