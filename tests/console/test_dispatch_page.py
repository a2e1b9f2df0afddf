"""The desk's dispatches in a real Chromium: each problem once, and every list of its own moment."""

from __future__ import annotations

from datetime import timedelta

from playwright.sync_api import Browser, Locator, Page, expect

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


def close_one(page: Page, name: str) -> None:
    """A problem that was reported and is closed at once."""
    form = {"id": name, "kind": "ice", "grade": "sudden", "zone": "qianhai", "text": "冰面有人"}
    for path, body in (("", form), (f"/{name}/close", {"note": "已劝离"})):
        done = page.request.post(f"{page.url.split('/#')[0]}/api/v1/dispatches{path}", data=body)
        assert done.ok, done.text()


def looking_at_the_closed(browser: Browser, stage: Stage, server: Served) -> tuple[Page, Locator]:
    """The desk where one problem was closed, and the list of the closed with it."""
    scenes.calm(stage)
    page = the_desk(browser, server)
    close_one(page, "report-0001")
    page.get_by_test_id("list-closed").click()
    closed = page.get_by_test_id("dispatch")
    expect(closed).to_have_count(1)
    return page, closed


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


def test_what_is_closed_while_the_closed_are_looked_at_is_among_them(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    page, closed = looking_at_the_closed(browser, stage, server)
    close_one(page, "report-0002")
    expect(closed).to_have_count(2)
    page.locator(".lists select").select_option("派出所")
    expect(closed).to_have_count(0)
    page.context.close()


def test_what_is_closed_now_is_not_shown_as_closed_then(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    page, closed = looking_at_the_closed(browser, stage, server)
    then = stage.clock.now() - timedelta(minutes=10)
    page.goto(f"{server.url}/#/dispatch?at={then:%Y-%m-%dT%H:%M:%SZ}")
    page.locator("[data-testid=past][data-step=ready]").wait_for()
    expect(closed).to_have_count(0)
    page.get_by_test_id("past-now").click()
    expect(closed).to_have_count(1)
    page.context.close()
