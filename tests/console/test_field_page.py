"""A responder's phone and the desk's dispatch in a real Chromium, over a line that breaks."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from playwright.sync_api import Browser, expect
from starlette.middleware.base import RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response

from console.app import STATIC
from model.cases import CaseState, Change, Reason
from model.clock import SystemClock
from tests.console import scenes
from tests.console.look import (
    IN_CHROMIUM,
    NARROW,
    errors_of,
    kept_out,
    open_page,
    sign_in,
    sign_phone_in,
)
from tests.console.pages import report_a_problem
from tests.console.phones import write_report
from tests.console.server import Served, served
from tests.console.stage import Stage, small_site, staged
from tests.waiting import wait_until

pytestmark = IN_CHROMIUM


def test_a_responder_reports_on_a_bad_line_the_desk_sees_it_and_the_responder_closes(
    browser: Browser, tmp_path: Path
) -> None:
    with staged(tmp_path / "store", SystemClock()) as stage:
        stage.enrol("operator", "responder")
        with served(stage) as server:
            scenes.calm(stage)
            phone = open_page(browser, f"{server.url}/phone", size=NARROW)
            errors = errors_of(phone)
            sign_phone_in(phone)
            assert kept_out(phone) == []
            desk = open_page(browser, server.url, language="en", theme="light")
            sign_in(desk)
            desk.get_by_test_id("go-dispatch").click()
            desk.get_by_test_id("dispatch-page").wait_for()

            phone.context.set_offline(True)
            write_report(phone, tmp_path, "冰面有人")
            expect(phone.get_by_test_id("line")).to_contain_text("2 项待发送")
            phone.context.set_offline(False)
            expect(phone.get_by_test_id("line")).to_have_count(0)
            shown = desk.get_by_test_id("dispatch")
            expect(shown).to_contain_text("Scenic Area Office")
            shown.click()
            expect(desk.get_by_test_id("dispatch-detail").get_by_role("img")).to_be_visible()
            assert kept_out(desk) == []

            mine = phone.get_by_test_id("my-dispatch")
            mine.get_by_test_id("take").click()
            expect(desk.get_by_test_id("dispatch-state")).to_contain_text("In hand")
            mine.get_by_test_id("solve").click()
            mine.get_by_test_id("feedback").fill("已劝离")
            mine.get_by_test_id("send-feedback").click()
            expect(mine).to_have_attribute("data-state", "solved")
            mine.get_by_test_id("close-dispatch").click()
            expect(mine).to_have_count(0)
            expect(desk.get_by_test_id("dispatch-state")).to_have_attribute("data-state", "closed")

            phone.get_by_test_id("tab-look").click()
            phone.get_by_test_id("look-camera").select_option("bridge-north")
            expect(phone.get_by_test_id("near-picture")).to_be_visible()
            assert kept_out(phone) == []
            assert phone.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
            offline = [said for said in errors if "ERR_INTERNET_DISCONNECTED" not in said]
            assert offline == []
            phone.context.close()
            desk.context.close()


def test_a_responder_reports_the_desk_sends_it_on_and_the_responder_closes(
    browser: Browser, tmp_path: Path
) -> None:
    with staged(tmp_path / "store", SystemClock()) as stage:
        stage.enrol("operator", "responder")
        with served(stage) as server:
            scenes.calm(stage)
            phone = open_page(browser, f"{server.url}/phone", size=NARROW)
            sign_phone_in(phone)
            desk = open_page(browser, server.url)
            sign_in(desk)
            desk.get_by_test_id("go-dispatch").click()
            write_report(phone, tmp_path, "护栏松了", kind="railing")
            desk.get_by_test_id("dispatch").click()
            state = desk.get_by_test_id("dispatch-state")
            expect(state).to_contain_text("市政所")
            expect(desk.get_by_test_id("dispatch-detail").get_by_role("img")).to_be_visible()

            desk.get_by_test_id("dispatch-note").fill("先由管理处现场看守")
            desk.get_by_test_id("dispatch-unit").select_option("景区管理处")
            desk.get_by_test_id("transfer").click()
            expect(state).to_contain_text("景区管理处")

            mine = phone.get_by_test_id("my-dispatch")
            phone.get_by_test_id("tab-mine").click()
            mine.get_by_test_id("take").click()
            expect(state).to_have_attribute("data-state", "taken")
            mine.get_by_test_id("solve").click()
            mine.get_by_test_id("feedback").fill("已加固")
            mine.get_by_test_id("send-feedback").click()
            expect(state).to_have_attribute("data-state", "solved")
            mine.get_by_test_id("close-dispatch").click()
            expect(state).to_have_attribute("data-state", "closed")
            steps = desk.get_by_test_id("dispatch-detail").get_by_role("listitem")
            expect(steps).to_have_count(5)
            phone.context.close()
            desk.context.close()


def test_my_warnings_are_told_by_name_whatever_they_are_about(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    scenes.red(stage)
    for case in ("case-yandai-east-camera-blind", "case-houhai-capacity"):
        stage.step_case(
            case,
            Change.ASSIGNED,
            Reason.PERSON,
            actor="commander",
            state=CaseState.ACKNOWLEDGED,
            owner="responder",
        )
    phone = open_page(browser, f"{server.url}/phone", size=NARROW)
    sign_phone_in(phone)
    mine = phone.get_by_test_id("my-case")
    expect(mine.filter(has_text="后海酒吧街 · 接近瞬时承载量")).to_have_count(1)
    camera = mine.filter(has_text="烟袋斜街东口")
    expect(camera).to_have_count(1)
    expect(camera).not_to_contain_text("yandai-east")
    phone.context.close()


def test_the_phone_can_be_installed_and_opens_without_a_line(
    browser: Browser, tmp_path: Path
) -> None:
    with staged(tmp_path / "store", SystemClock()) as stage:
        stage.enrol("responder")
        with served(stage) as server:
            phone = open_page(browser, f"{server.url}/phone", size=NARROW)
            sign_phone_in(phone)
            phone.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
            manifest = phone.evaluate("fetch('/phone.webmanifest').then((it) => it.json())")
            assert manifest["start_url"] == "/phone"
            assert {icon["sizes"] for icon in manifest["icons"]} >= {"192x192", "512x512"}
            phone.context.set_offline(True)
            phone.reload()
            expect(phone.get_by_test_id("line")).to_contain_text("没有网络")
            phone.context.close()


def hand_out_a_new_page(static: Path, part: str) -> None:
    """The page of a new version, whose script and another part cannot be had yet."""
    page = (static / "phone.html").read_text(encoding="utf-8")
    page, changed = re.subn(r"/assets/phone-[^\"]+\.js", "/assets/phone-new.js", page)
    assert changed == 1
    page = page.replace("</head>", f'<link rel="next" href="{part}"></head>')
    (static / "phone.html").write_text(page, encoding="utf-8")


def test_a_line_that_drops_while_a_new_page_comes_leaves_the_old_one_whole(
    browser: Browser, tmp_path: Path
) -> None:
    static = shutil.copytree(STATIC, tmp_path / "static")
    asked: set[str] = set()

    async def listen(request: Request, go_on: RequestResponseEndpoint) -> Response:
        asked.add(request.url.path)
        return await go_on(request)

    with staged(tmp_path / "store", SystemClock(), static=static) as stage:
        stage.enrol("responder")
        stage.app.middleware("http")(listen)
        with served(stage) as server:
            phone = open_page(browser, f"{server.url}/phone", size=NARROW)
            sign_phone_in(phone)
            phone.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
            hand_out_a_new_page(static, "/assets/phone-lost.css")
            phone.reload()
            wait_until(lambda: "/assets/phone-lost.css" in asked)
            phone.context.set_offline(True)
            phone.reload()
            expect(phone.get_by_test_id("line")).to_contain_text("没有网络")
            phone.context.close()


def test_people_and_units_are_named_in_the_language_of_the_page(
    browser: Browser, tmp_path: Path
) -> None:
    """Who is named in one language only is called so in both."""
    li = {"id": "operator", "name": {"zh": "李明", "en": "Li Ming"}, "roles": ["operator"]}
    zhao = {"id": "responder", "name": "赵强", "roles": ["responder"], "unit": "景区管理处"}
    site = small_site(people=[li, zhao])
    with staged(tmp_path / "store", SystemClock(), site=site) as stage:
        stage.enrol("operator", "responder")
        with served(stage) as server:
            scenes.calm(stage)
            desk = open_page(browser, server.url, language="en")
            sign_in(desk)
            expect(desk.get_by_test_id("bar")).to_contain_text("Li Ming")
            report_a_problem(desk, server.url)
            desk.goto(f"{server.url}/#/dispatch/report-0001")
            state = desk.get_by_test_id("dispatch-state")
            expect(state).to_contain_text("Scenic Area Office")
            expect(desk.get_by_test_id("dispatch-detail")).to_contain_text("Li Ming")
            desk.get_by_test_id("dispatch-note").fill("a child")
            desk.get_by_test_id("dispatch-unit").select_option("Police Station")
            desk.get_by_test_id("transfer").click()
            expect(state).to_contain_text("Police Station")
            desk.get_by_test_id("switch-language").click()
            expect(state).to_contain_text("派出所")
            expect(desk.get_by_test_id("dispatch-detail")).to_contain_text("李明")
            phone = open_page(browser, f"{server.url}/phone", language="en", size=NARROW)
            sign_phone_in(phone)
            expect(phone.get_by_role("banner")).to_contain_text("赵强 · Scenic Area Office")
            phone.context.close()
            desk.context.close()
