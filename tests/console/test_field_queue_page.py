"""What a phone keeps until the service has it: nothing is lost, doubled, or sent in another's name."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

import store.dispatches
from tests.console import scenes
from tests.console.look import IN_CHROMIUM, NARROW, kept_out, open_page, sign_phone_in
from tests.console.phones import write_report
from tests.console.server import Served
from tests.console.stage import Stage
from tests.waiting import wait_until

pytestmark = IN_CHROMIUM


def a_phone(browser: Browser, server: Served) -> Page:
    phone = open_page(browser, f"{server.url}/phone", size=NARROW)
    sign_phone_in(phone)
    return phone


def reported(stage: Stage) -> list[tuple[str, str]]:
    return sorted((one.reporter, one.text) for one in stage.dispatches.listed())


def test_a_report_that_is_refused_stays_on_the_phone_until_it_is_taken(
    browser: Browser, evening: tuple[Stage, Served], tmp_path: Path
) -> None:
    stage, server = evening
    scenes.calm(stage)
    phone = a_phone(browser, server)
    people = stage.app.state.context.people
    responder = people["responder"]
    people["responder"] = responder.model_copy(update={"roles": ["viewer"]})
    write_report(phone, tmp_path, "冰面有人")
    aside = phone.get_by_test_id("set-aside")
    expect(aside.filter(has_text="冰面有人")).to_have_count(1)
    assert kept_out(phone) == []
    phone.reload()
    expect(aside.filter(has_text="冰面有人")).to_have_count(1)
    people["responder"] = responder
    for _ in range(2):
        left = aside.count()
        aside.first.get_by_test_id("send-again").click()
        expect(aside).to_have_count(left - 1)
    wait_until(lambda: reported(stage) == [("responder", "冰面有人")])
    assert stage.dispatches.photo(stage.dispatches.listed()[0].steps[0].photos[0])
    phone.context.close()


def test_a_photograph_without_a_place_does_not_hold_up_its_report(
    browser: Browser,
    evening: tuple[Stage, Served],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage, server = evening
    scenes.calm(stage)
    monkeypatch.setattr(store.dispatches, "PHOTOS_AT_MOST", 0)
    phone = a_phone(browser, server)
    write_report(phone, tmp_path, "护栏松了", kind="railing")
    wait_until(lambda: reported(stage) == [("responder", "护栏松了")])
    aside = phone.get_by_test_id("set-aside")
    expect(aside).to_have_count(1)
    aside.get_by_test_id("let-go").click()
    expect(aside).to_have_count(1)
    aside.get_by_test_id("let-go").click()
    expect(aside).to_have_count(0)
    phone.context.close()


def test_a_report_is_kept_at_once_however_slow_the_line(
    browser: Browser, evening: tuple[Stage, Served], tmp_path: Path
) -> None:
    """A form that stands there while the line is slow is sent twice."""
    stage, server = evening
    scenes.calm(stage)
    phone = a_phone(browser, server)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    phone.route("**/api/v1/photos*", hold)
    with phone.expect_request("**/api/v1/photos*"):
        write_report(phone, tmp_path, "冰面有人")
    expect(phone.get_by_test_id("report")).to_have_count(0, timeout=20_000)
    expect(phone.get_by_test_id("line")).to_contain_text("2 项待发送")
    assert reported(stage) == []
    held[0].continue_()
    expect(phone.get_by_test_id("my-dispatch")).to_have_count(1)
    phone.context.close()


def test_what_one_person_wrote_is_not_sent_by_the_next_who_has_the_phone(
    browser: Browser, evening: tuple[Stage, Served], tmp_path: Path
) -> None:
    stage, server = evening
    scenes.calm(stage)
    phone = a_phone(browser, server)
    phone.route("**/api/v1/photos*", lambda route: route.abort())
    write_report(phone, tmp_path, "冰面有人")
    line = phone.get_by_test_id("line")
    expect(line).to_contain_text("2 项待发送")
    phone.get_by_role("button", name="退出").click()
    phone.unroute("**/api/v1/photos*")
    sign_phone_in(phone, "operator")
    expect(line).to_contain_text("另有 2 项")
    write_report(phone, tmp_path, "护栏松了", kind="railing")
    wait_until(lambda: reported(stage) != [])
    assert reported(stage) == [("operator", "护栏松了")]
    phone.get_by_role("button", name="退出").click()
    sign_phone_in(phone, "responder")
    wait_until(lambda: len(reported(stage)) == 2)
    assert reported(stage)[1] == ("responder", "冰面有人")
    phone.context.close()
