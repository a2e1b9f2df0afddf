"""The page on a line that breaks at bad moments: it never takes what it did not hear for told."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, WebSocketRoute, expect

from model.level import Level
from tests.console import scenes
from tests.console.look import IN_CHROMIUM, open_page, sign_in
from tests.console.server import Served
from tests.console.stage import Stage
from tests.waiting import wait_until

pytestmark = IN_CHROMIUM

LIVE = re.compile(r"/api/v1/live")


def test_what_was_on_its_way_when_the_line_broke_again_is_told_after_all(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    """The second line lives for one beat: the service had begun to tell what had been missed."""
    stage, server = evening
    live = stage.app.state.context.live
    scenes.calm(stage)
    lines: list[WebSocketRoute] = []

    def take_up(line: WebSocketRoute) -> None:
        lines.append(line)
        if len(lines) != 2:
            line.connect_to_server()
            return
        told = live.serial
        stage.commit(zones=(stage.zone("bridge", 152, level=Level.RED),))
        wait_until(lambda: live.serial > told)
        there = line.connect_to_server()
        heard: list[str | bytes] = []

        def pass_on_one(word: str | bytes) -> None:
            heard.append(word)
            if len(heard) == 1:
                line.send(word)
                line.close()

        there.on_message(pass_on_one)

    page = open_page(browser, server.url)
    page.route_web_socket(LIVE, take_up)
    sign_in(page)
    occupancy = page.get_by_test_id("zone-bridge").get_by_test_id("occupancy")
    expect(occupancy).to_have_text("46")
    lines[0].close()
    expect(occupancy).to_have_text("152")
    assert len(lines) >= 3
    page.context.close()


def test_a_line_that_is_taken_up_and_says_nothing_is_tried_anew(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    scenes.calm(stage)
    lines: list[WebSocketRoute] = []

    def take_up(line: WebSocketRoute) -> None:
        lines.append(line)
        if len(lines) != 2:
            line.connect_to_server()

    page = open_page(browser, server.url)
    page.route_web_socket(LIVE, take_up)
    sign_in(page)
    lines[0].close()
    expect(page.get_by_test_id("behind")).to_be_visible()
    expect(page.get_by_test_id("behind")).to_have_count(0)
    assert len(lines) >= 3
    page.context.close()
