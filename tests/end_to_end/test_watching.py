"""An operator clicks a camera of a running site: its own picture moves, with what is counted laid over it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from service.bench_console_looks import LOOK_IS_COMPLETE, LOOK_MS, TAKE_LOOKS_DOWN
from tests.console.look import IN_CHROMIUM, errors_of, open_page, sign_in
from tests.end_to_end.house import living, make_site
from tests.end_to_end.street import street_of
from tests.end_to_end.test_stories import console_of, enrol
from tests.mosquitto import running_mosquitto
from tests.waiting import wait_until

pytestmark = [pytest.mark.broker, *IN_CHROMIUM, pytest.mark.slow]
FRAMES = """
() => new Promise((told) => {
  const video = document.querySelector('[data-testid=watching] video');
  const times = [];
  const one = (_, frame) => {
    times.push(frame.mediaTime);
    if (times.length < 5) video.requestVideoFrameCallback(one);
    else told({ times, width: video.videoWidth, height: video.videoHeight });
  };
  video.requestVideoFrameCallback(one);
})
"""


def click(page: Page, camera: str) -> None:
    """Look at it until its film and what is counted are on the screen; `look` in the page knows when."""
    page.get_by_test_id(f"camera-{camera}").get_by_role("button").click()
    page.wait_for_function(LOOK_IS_COMPLETE)


def test_a_clicked_camera_of_a_running_site_is_seen_live_with_its_overlay(
    browser: Browser, tmp_path: Path
) -> None:
    with running_mosquitto(tmp_path) as broker, street_of("east", "west") as street:
        loaded = make_site(tmp_path, port=broker.port, cameras=street.listed(tmp_path))
        enrol(loaded, "operator")
        with living(loaded, broker.address(), workers=1):
            page = open_page(browser, console_of(loaded), language="en")
            errors = errors_of(page)
            sign_in(page)
            east = page.get_by_test_id("camera-east")
            expect(east).to_have_attribute("data-sight", "live", timeout=120_000)
            page.evaluate(TAKE_LOOKS_DOWN)
            assert street.server.readers("east") == 1, "nobody looks: only the analysis reads it"

            click(page, "east")
            picture_ms, with_overlay_ms = page.evaluate(LOOK_MS)
            assert 0 < picture_ms <= with_overlay_ms
            assert street.server.readers("east") == 2
            film = page.evaluate(FRAMES)
            assert (film["width"], film["height"]) == (320, 180), "the camera's own size"
            assert film["times"] == sorted(set(film["times"])), "one frame after the other"
            panel = page.get_by_test_id("watching")
            expect(panel.get_by_test_id("overlay")).to_be_visible()
            expect(panel).to_contain_text("people")

            # A second look has the kept group of pictures, over the line that is there already.
            page.keyboard.press("Escape")
            expect(panel).to_have_count(0)
            click(page, "east")
            assert street.server.readers("east") == 2
            page.keyboard.press("Escape")
            page.mouse.move(1, 1)  # a pointer that rests on a tile keeps its line
            wait_until(lambda: street.server.readers("east") == 1)
            assert errors == []
            page.context.close()
