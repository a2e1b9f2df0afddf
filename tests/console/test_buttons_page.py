"""Buttons do what they say or say that they did not; also over plain http, as on a site's own network."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from model.cases import Change, CheckItem, Reason
from model.level import Level
from model.text import Bilingual
from tests.console import scenes
from tests.console.look import IN_CHROMIUM, open_page, over_plain_http, sign_in
from tests.console.server import Served
from tests.console.stage import Stage

pytestmark = IN_CHROMIUM


def test_everything_can_be_decided_from_another_machine_over_plain_http(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    page = open_page(browser, over_plain_http(server.url))
    assert page.evaluate("isSecureContext") is False
    sign_in(page)
    scenes.red(stage)
    case = page.locator("[data-testid=case][data-level=red]")
    expect(case).to_have_attribute("data-state", "open")
    page.keyboard.press("a")
    expect(case).to_have_attribute("data-state", "acknowledged")
    case.get_by_test_id("copy-link").click()
    link = case.get_by_test_id("case-link")
    expect(link).to_have_value(f"{over_plain_http(server.url)}/#/?case=case-bridge-crowding")
    page.context.close()


def test_a_tick_that_was_refused_goes_away_again(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    scenes.calm(stage)
    case = stage.open_case("bridge", Level.RED)
    line = CheckItem(plan="crowding-red", item=0, text=Bilingual(zh="封桥", en="Close the bridge"))
    stage.step_case(case, Change.PLAN_STARTED, Reason.PLAN, checklist=(line,))
    page = open_page(browser, server.url)
    sign_in(page)
    tick = page.get_by_test_id("checklist").get_by_role("checkbox")
    expect(tick).to_be_enabled()
    stage.refusal = "case_not_open"
    tick.click()
    expect(page.get_by_test_id("case-problem")).to_be_visible()
    expect(tick).to_be_enabled()
    assert not tick.is_checked()
    page.context.close()


def test_duty_that_was_not_taken_up_is_said_so(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    page = open_page(browser, server.url)
    sign_in(page)
    stage.refusal = "audit_unwritten"
    page.get_by_test_id("duty").click()
    expect(page.get_by_test_id("duty-problem")).to_be_visible()
    page.context.close()
