"""The page in a real Chromium: an operator's evening."""

from __future__ import annotations

import msgspec
import pytest
from playwright.sync_api import Browser, expect

from model.facts import BollardPosition, ReceiptStage, Verb
from model.level import Level
from tests.console import scenes
from tests.console.look import (
    IN_CHROMIUM,
    NARROW,
    errors_of,
    kept_out,
    open_page,
    sign_in,
)
from tests.console.server import Served
from tests.console.stage import CALM, Stage
from tests.waiting import wait_until

pytestmark = IN_CHROMIUM


def test_an_operator_sees_red_acknowledges_by_keyboard_and_watches_the_receipts(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    scenes.calm(stage)
    page = open_page(browser, server.url)
    errors = errors_of(page)
    sign_in(page)
    expect(page.get_by_test_id("no-cases")).to_be_visible()
    expect(page.get_by_test_id("plan-zone-bridge")).to_have_attribute("data-level", "none")
    scenes.red(stage)
    case = page.locator("[data-testid=case][data-level=red]")
    expect(case).to_contain_text("银锭桥")
    expect(case).to_contain_text("红色")
    expect(page.get_by_test_id("plan-zone-bridge")).to_have_attribute("data-level", "red")
    expect(page.get_by_test_id("zone-yandai")).to_contain_text("部分可见")
    expect(page.get_by_test_id("terminal-bridge-3")).to_contain_text("拒绝")
    expect(page.get_by_test_id("lane-west-1")).to_contain_text("未防护")
    expect(case.get_by_test_id("delivery")).to_contain_text("收到 3，播出 1")
    page.keyboard.press("a")
    expect(case).to_have_attribute("data-state", "acknowledged")
    expect(case.get_by_test_id("owner")).to_contain_text("李明")
    expect(case.get_by_test_id("history")).to_contain_text("确认")
    assert [one.verb for one in stage.decisions if one.verb is not Verb.LOOK] == [Verb.ACKNOWLEDGE]
    second = stage.store.orders(device="bridge-2")[0]
    stage.receipt(second, ReceiptStage.PLAYED)
    expect(case.get_by_test_id("delivery")).to_contain_text("播出 2")
    assert errors == []
    page.context.close()


def test_a_dark_camera_makes_its_zone_blind_and_no_number_is_left(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    scenes.calm(stage)
    page = open_page(browser, server.url, language="en", theme="light")
    sign_in(page, "viewer")
    bridge = page.get_by_test_id("zone-bridge")
    expect(bridge.get_by_test_id("occupancy")).to_have_text("46")
    scenes.dark(stage)
    expect(bridge.get_by_test_id("no-number")).to_have_text("No number: this does not mean nobody")
    expect(bridge).to_contain_text("Orange")
    expect(bridge.get_by_test_id("occupancy")).to_have_count(0)
    expect(page.get_by_test_id("camera-bridge-north")).to_contain_text("black picture")
    expect(page.get_by_test_id("site-total")).to_contain_text("at least")
    expect(page.get_by_test_id("acknowledge")).to_have_count(0)
    page.context.close()


def test_a_zone_that_gates_know_from_below_says_at_least_until_somebody_counts(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    scenes.calm(stage)
    page = open_page(browser, server.url, language="en")
    sign_in(page)
    before = stage.zone("lotus", 74, partial=True)
    below = msgspec.structs.replace(
        before.view,
        occupancy=None,
        occupancy_low=74.0,
        occupancy_high=None,
        density_p_m2=None,
        peak_p_m2=None,
        reasons=("counted_at_gates_only", "inside_before_counting_unknown"),
    )
    stage.commit(zones=(msgspec.structs.replace(before, view=below),))
    lotus = page.get_by_test_id("zone-lotus")
    expect(lotus.get_by_test_id("at-least")).to_have_text("at least 74 people")
    expect(lotus.get_by_test_id("occupancy")).to_have_count(0)
    expect(page.get_by_test_id("site-total")).to_contain_text("at least")
    page.get_by_test_id("open-zone-lotus").click()
    zone = page.get_by_test_id("zone-page")
    expect(zone).to_contain_text("enter a count")
    zone.get_by_test_id("count-inside").fill("210")
    zone.get_by_test_id("count-set").click()
    wait_until(
        lambda: (
            [(one.subject, one.people) for one in stage.decisions if one.verb is Verb.COUNT]
            == [("lotus", 210)]
        )
    )
    page.context.close()


def test_a_lost_connection_says_how_far_behind_and_mends_itself(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    scenes.calm(stage)
    stage.commit(facts=(stage.lane("north-1", BollardPosition.UP),))
    page = open_page(browser, server.url)
    sign_in(page)
    expect(page.get_by_test_id("behind")).to_have_count(0)
    server.cut()
    expect(page.get_by_test_id("behind")).to_contain_text("已落后", timeout=60_000)
    expect(page.get_by_test_id("lane-north-1")).to_contain_text("本页与服务断开")
    expect(page.get_by_test_id("stop-north")).to_be_disabled()
    server.mend()
    stage.commit(zones=(stage.zone("bridge", 52, level=Level.BLUE),))
    expect(page.get_by_test_id("behind")).to_have_count(0, timeout=60_000)
    expect(page.get_by_test_id("zone-bridge").get_by_test_id("occupancy")).to_have_text("52")
    page.context.close()


def test_lowering_takes_two_acts_and_stopping_one(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    scenes.calm(stage)
    page = open_page(browser, server.url)
    sign_in(page)

    def moves() -> list[tuple[Verb, str]]:
        return [(one.verb, one.subject) for one in stage.decisions if one.verb is not Verb.LOOK]

    page.get_by_test_id("lower-north").click()
    assert moves() == []
    page.get_by_test_id("confirm-north").click()
    wait_until(lambda: moves() == [(Verb.LOWER, "north")])
    page.get_by_test_id("stop-east").click()
    wait_until(lambda: moves()[1:] == [(Verb.STOP, "east")])
    page.context.close()


def test_signing_in_refuses_and_sends_those_away_who_have_no_room(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    _, server = evening
    page = open_page(browser, server.url)
    page.get_by_test_id("person").fill("operator")
    page.get_by_test_id("password").fill("not-the-password")
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("sign-in-problem")).to_have_text("账号或密码不对。")
    page.get_by_test_id("switch-language").click()
    expect(page.get_by_test_id("sign-in-problem")).to_have_text("Wrong account or password.")
    page.get_by_test_id("person").fill("responder")
    page.get_by_test_id("password").fill("lantern-on-the-bridge")
    page.get_by_test_id("submit").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("does not look into")
    page.context.close()


def test_a_one_time_password_leads_to_ones_own(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    scenes.calm(stage)
    once = stage.accounts.create_one_time_password("commander")
    page = open_page(browser, server.url)
    page.get_by_test_id("person").fill("commander")
    page.get_by_test_id("password").fill(once)
    page.get_by_test_id("submit").click()
    page.get_by_test_id("new-password").fill("quiet-water-1900")
    page.get_by_test_id("new-password-again").fill("quiet-water-1900")
    page.get_by_test_id("save-password").click()
    page.locator("[data-testid=desk][data-link=live]").wait_for()
    page.context.close()


@pytest.mark.parametrize(("language", "theme"), [("zh", "dark"), ("en", "light")])
def test_nothing_keeps_people_out(
    browser: Browser, evening: tuple[Stage, Served], language: str, theme: str
) -> None:
    stage, server = evening
    scenes.red(stage)
    page = open_page(browser, server.url, language=language, theme=theme)
    assert kept_out(page) == []
    sign_in(page)
    page.get_by_test_id("chart-ready").wait_for()
    assert kept_out(page) == []
    page.context.close()


def test_the_visitors_board_keeps_nobody_out(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    scenes.red(stage)
    page = open_page(browser, f"{server.url}/public", size=NARROW)
    expect(page.get_by_role("listitem").filter(has_text="银锭桥")).to_contain_text("请勿前往")
    assert kept_out(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    page.context.close()


def test_a_terminal_without_a_state_at_a_past_minute_was_not_in_trouble_then(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    scenes.red(stage)
    page = open_page(browser, server.url, language="en")
    sign_in(page)
    page.get_by_test_id("look-back").click()
    page.locator("[data-testid=past][data-step=ready]").wait_for()
    terminals = page.get_by_test_id("terminals")
    expect(terminals.get_by_test_id("terminals-not-then")).to_contain_text("without a state known")
    expect(terminals).not_to_contain_text("in trouble")
    expect(terminals).not_to_contain_text("0 of")
    page.context.close()


def test_on_a_phone_nothing_runs_off_the_side(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    scenes.red(stage)
    page = open_page(browser, server.url, size=NARROW)
    sign_in(page)
    expect(page.locator("[data-testid=case][data-level=red]")).to_be_in_viewport()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= NARROW["width"]
    page.context.close()


def test_the_hour_is_drawn_and_the_rest_of_the_evening_goes_on(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    scenes.calm(stage)
    page = open_page(browser, server.url)
    sign_in(page)
    page.get_by_test_id("chart-ready").locator("canvas").wait_for()
    page.get_by_test_id("plan-zone-lotus").click()
    expect(page.get_by_test_id("chart")).to_contain_text("荷花市场")
    stage.breathe({**CALM, "lotus": 133}, step=9)
    expect(page.get_by_test_id("zone-lotus").get_by_test_id("occupancy")).to_have_text("133")
    still = page.get_by_test_id("camera-bridge-north").get_by_role("img")
    still.scroll_into_view_if_needed()
    expect(still).to_be_visible(timeout=60_000)
    page.context.close()
