"""The desk's dispatches in a real Chromium: each problem once."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from tests.console import scenes
from tests.console.look import IN_CHROMIUM, lose_answers, open_page, sign_in
from tests.console.server import Served
from tests.console.stage import Stage

pytestmark = IN_CHROMIUM


def the_desk(browser: Browser, server: Served) -> Page:
    page = open_page(browser, server.url)
    sign_in(page)
    page.goto(f"{server.url}/#/dispatch")
    page.get_by_test_id("dispatch-page").wait_for()
    return page


def test_a_problem_whose_answer_is_lost_is_sent_again_as_the_same_one(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    """Two dispatches of one problem send a unit out twice."""
    stage, server = evening
    scenes.calm(stage)
    page = the_desk(browser, server)
    lose_answers(page, "**/api/v1/dispatches", times=2)
    send = page.get_by_test_id("desk-send")

    def write() -> None:
        page.get_by_test_id("new-dispatch").click()
        page.get_by_test_id("desk-kind").select_option("ice")

    write()
    for _ in range(2):
        send.click()
        expect(page.get_by_role("alert")).to_be_visible()
    send.click()
    expect(send).to_have_count(0)
    assert len(stage.dispatches.listed()) == 1
    write()
    send.click()
    expect(send).to_have_count(0)
    assert len(stage.dispatches.listed()) == 2, "the same, written anew, is another problem"
    page.context.close()
