"""Main stories lived in a real Chromium on the real service, with its real field around it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from model.clock import SystemClock
from service.meeting_point import find
from service.site import LoadedSite
from store.people import Accounts
from tests.console.look import IN_CHROMIUM, errors_of, open_page, sign_in
from tests.console.stage import PASSWORD
from tests.end_to_end.house import SITE, living, make_site
from tests.end_to_end.street import street_of
from tests.mosquitto import running_mosquitto
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.broker,
    *IN_CHROMIUM,
    pytest.mark.slow,
]

REMARK = "# 2026-03 雨后重测过地面点"
TWO_AGREE = (
    SITE.replace("approval: none", "approval: two").replace("    raise_entrances: [north]\n", "")
    + """  - {{id: commander, name: 指挥长, roles: [commander]}}
  - {{id: integrator, name: 工程师, roles: [integrator]}}
"""
    + f"{REMARK}\n"
)


def enrol(loaded: LoadedSite, *people: str) -> None:
    accounts = Accounts.open(loaded.data_folder, SystemClock())
    for person in people:
        accounts.set_password(person, PASSWORD)
    accounts.close()


def console_of(loaded: LoadedSite) -> str:
    point = find(loaded.data_folder)
    assert point is not None
    return point.console


def test_red_is_acknowledged_agreed_to_by_two_told_receipted_and_taken_back(
    browser: Browser, tmp_path: Path
) -> None:
    with running_mosquitto(tmp_path) as broker:
        loaded = make_site(tmp_path, port=broker.port, text=TWO_AGREE)
        enrol(loaded, "operator", "commander")
        with living(loaded, broker.address()) as (_, field, _air):
            desk = open_page(browser, console_of(loaded))
            errors = errors_of(desk)
            sign_in(desk)
            expect(desk.get_by_test_id("no-cases")).to_be_visible()

            field.do(lambda: field.field.set_alarm("fire-1", raised=True))
            case = desk.locator("[data-testid=case][data-level=red]")
            expect(case).to_contain_text("银锭桥")
            desk.keyboard.press("a")
            expect(case).to_have_attribute("data-state", "acknowledged")
            expect(case.get_by_test_id("owner")).to_contain_text("值班员")
            desk.keyboard.press("p")
            expect(case.get_by_test_id("waits")).to_contain_text("值班员")
            expect(case.get_by_test_id("approve")).to_be_disabled()
            assert field.did("shown") == [], "one person's word tells nobody"

            second = open_page(browser, console_of(loaded), language="en", theme="light")
            sign_in(second, "commander")
            waiting = second.locator("[data-testid=case][data-level=red]")
            expect(waiting.get_by_test_id("waits")).to_contain_text("值班员")
            second.keyboard.press("p")
            expect(case.get_by_test_id("delivery")).to_contain_text("播出 2")
            expect(waiting.get_by_test_id("history")).to_contain_text("指挥长")
            assert {entry.device for entry in field.did("shown")} == {"t1", "t2"}

            field.do(lambda: field.field.set_alarm("fire-1", raised=False))
            expect(desk.get_by_test_id("no-cases")).to_be_visible()
            wait_until(lambda: len(field.did("cancelled")) == 2)
            assert errors == []
            desk.context.close()
            second.context.close()


def calibrate(page: Page) -> None:
    """Four points of the picture, dragged to where they lie on the bridge."""
    frame = page.get_by_test_id("calibration")
    box = frame.bounding_box()
    assert box is not None
    corners = (
        ((0.1, 0.9), (-8, -8)),
        ((0.9, 0.9), (8, -8)),
        ((0.7, 0.3), (8, 8)),
        ((0.3, 0.3), (-8, 8)),
    )
    for at, ((x, y), (east, north)) in enumerate(corners):
        frame.click(position={"x": box["width"] * x, "y": box["height"] * y})
        page.get_by_test_id(f"east-{at}").fill(str(east))
        page.get_by_test_id(f"north-{at}").fill(str(north))


def test_an_integrator_adds_a_camera_calibrates_it_and_sees_it_count(
    browser: Browser, tmp_path: Path
) -> None:
    with running_mosquitto(tmp_path) as broker, street_of("new-eye") as street:
        street.listed(tmp_path)
        loaded = make_site(tmp_path, port=broker.port, text=TWO_AGREE)
        enrol(loaded, "integrator")
        with living(loaded, broker.address(), workers=1):
            url = console_of(loaded)
            page = open_page(browser, url)
            sign_in(page, "integrator")
            page.goto(f"{url}/#/admin/cameras")
            page.get_by_test_id("camera-id").fill("new-eye")
            page.get_by_test_id("camera-zh").fill("桥头新机位")
            page.get_by_test_id("camera-en").fill("New at the bridge")
            page.get_by_test_id("camera-url").fill(f"rtsp://127.0.0.1:{street.server.port}/new-eye")
            page.get_by_test_id("camera-in-bridge").check()
            page.get_by_test_id("camera-username").fill("viewer")
            page.get_by_test_id("camera-password-from").fill("file:camera.txt")
            page.get_by_test_id("camera-save").click()
            expect(page.get_by_test_id("outcome")).to_have_attribute("data-saved", "true")

            page.goto(f"{url}/#/camera/new-eye")
            seen = page.get_by_test_id("camera-page")
            expect(seen).to_have_attribute("data-sight", "live", timeout=120_000)
            expect(seen).to_contain_text("未标定")
            assert street.server.password not in loaded.path.read_text("utf-8")

            page.goto(f"{url}/#/admin/cameras?camera=new-eye")
            page.locator(".picture img").wait_for()
            calibrate(page)
            page.get_by_test_id("camera-save").click()
            expect(page.get_by_test_id("outcome")).to_contain_text("points")
            page.goto(f"{url}/#/camera/new-eye")
            expect(seen.get_by_text("未标定")).to_have_count(0, timeout=120_000)
            expect(seen).to_have_attribute("data-sight", "live", timeout=120_000)
            expect(seen.get_by_test_id("camera-reading")).to_contain_text("人/㎡")
            page.context.close()
        written = loaded.path.read_text("utf-8")
        assert REMARK in written
        assert "new-eye" in written
