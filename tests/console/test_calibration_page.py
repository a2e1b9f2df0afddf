"""The page's camera editor in a real Chromium: people are marked, tried and saved, and nothing is lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from config.editing import Change, SiteEditor
from config.grounds import Ground
from config.site_file import load_site
from console.app import STATIC
from model.clock import SystemClock
from simulators.marked_views import hung_camera, mark_people
from tests.console.look import chromium, chromium_path, open_page, sign_in
from tests.console.server import Served, served
from tests.console.stage import staged
from tests.console.stage_site import SMALL_SITE

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="there is no Chromium on this machine"),
    pytest.mark.skipif(not (STATIC / "index.html").is_file(), reason="the page is not built"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


def people_ground() -> Ground:
    rng = np.random.default_rng(5)
    marks = mark_people(hung_camera(rng), 12, rng)
    assert marks is not None
    return marks


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[tuple[Served, Path]]:
    """A stage whose camera gulou is calibrated by twelve people in the file."""
    path = tmp_path / "site.yaml"
    shutil.copy(SMALL_SITE, path)
    editor = SiteEditor(path)
    camera = next(one for one in load_site(path).cameras if one.id == "gulou")
    told = camera.model_dump(mode="json", exclude_defaults=True)
    told["ground"] = people_ground().model_dump(mode="json", exclude_none=True)
    editor.change(
        Change(kind="cameras", id="gulou", value=told), version=editor.version(), preview=False
    )
    with staged(tmp_path / "store", SystemClock(), editor=editor) as stage:
        stage.enrol("integrator")
        with served(stage) as server:
            yield server, path


def camera_page(browser: Browser, server: Served, camera: str) -> Page:
    page = open_page(browser, server.url)
    sign_in(page, "integrator")
    page.goto(f"{server.url}/#/admin/cameras?camera={camera}")
    return page


def ground_of(path: Path, camera: str) -> Ground | None:
    return next(one.ground for one in load_site(path).cameras if one.id == camera)


def test_people_of_the_file_are_drawn_tried_and_kept(
    browser: Browser, desk: tuple[Served, Path]
) -> None:
    server, path = desk
    before = ground_of(path, "gulou")
    page = camera_page(browser, server, "gulou")
    expect(page.get_by_test_id("top-11")).to_be_visible()
    expect(page.get_by_test_id("people-told")).to_contain_text("±")
    assert page.locator("[data-testid=calibration] path.grid").count() > 5
    # Looking at the points, of which there are none, loses no people.
    page.get_by_test_id("by-points").click()
    page.get_by_test_id("camera-en").fill("Drum Tower, west")
    page.get_by_test_id("camera-save").click()
    expect(page.get_by_test_id("outcome")).to_have_attribute("data-saved", "true")
    assert ground_of(path, "gulou") == before


def test_people_are_marked_dragged_and_saved(browser: Browser, desk: tuple[Served, Path]) -> None:
    server, path = desk
    page = camera_page(browser, server, "bridge-north")
    frame = page.get_by_test_id("calibration")
    page.get_by_test_id("by-people").click()
    box = frame.bounding_box()
    assert box is not None
    for across in (0.2, 0.4, 0.6, 0.8):
        frame.click(position={"x": box["width"] * across, "y": box["height"] * 0.7})
    expect(page.get_by_test_id("people-told")).to_have_attribute(
        "data-problem", "marked_people_are_all_at_one_distance"
    )
    top = page.get_by_test_id("top-1").bounding_box()
    assert top is not None
    page.mouse.move(top["x"] + top["width"] / 2, top["y"] + top["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.3, steps=4)
    page.mouse.up()
    page.get_by_test_id("camera-save").click()
    expect(page.get_by_test_id("outcome")).to_have_attribute("data-saved", "true")
    saved = ground_of(path, "bridge-north")
    assert saved is not None
    assert saved.people is not None
    marks = saved.people.marks
    assert len(marks) == 4
    assert marks[1].head_px[1] == pytest.approx(0.3 * saved.height_px, abs=3)
    assert marks[0].head_px[1] > 0.5 * saved.height_px
