"""The composer in a real Chromium: typed for a zone, previewed, sent, receipted, taken back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from alerts.quiet_hours import QuietHours
from model.announcements import Announcement
from model.clock import ManualClock
from model.facts import ReceiptStage, Verb
from model.level import Level
from tests.console.look import IN_CHROMIUM, lose_answers, open_page, sign_in
from tests.console.server import Served, served
from tests.console.stage import EVENING, Stage, small_site, staged
from tests.waiting import wait_until

pytestmark = IN_CHROMIUM


def write(page: Page) -> None:
    page.get_by_test_id("to-zone-bridge").check()
    page.get_by_test_id("message-zh").fill("请绕行")
    page.get_by_test_id("message-en").fill("Take another way")


def stands(
    stage: Stage, *, needed: int = 1, terminals: tuple[str, ...] = ("bridge-1",)
) -> Announcement:
    """What the desk makes of the decision that the page sent."""
    (made,) = stage.decisions
    assert made.message is not None
    assert made.level is not None
    now = stage.clock.now()
    said = Announcement(
        id=made.id,
        person=made.person,
        made=now,
        until=now + timedelta(minutes=10),
        level=made.level,
        text=made.message.text,
        cancel=made.message.cancel,
        speech=made.message.speech,
        volume=made.message.volume,
        terminals=terminals,
        needed=needed,
        agreed=(made.person,),
    )
    stage.commit(announcements=(said,))
    return said


def test_a_message_is_previewed_sent_receipted_and_taken_back(
    evening: tuple[Stage, Served], browser: Browser
) -> None:
    stage, server = evening
    page = open_page(browser, server.url + "/#/broadcast", language="en")
    sign_in(page)
    expect(page.get_by_test_id("send-message")).to_be_disabled()
    write(page)
    preview = page.get_by_test_id("message-preview")
    expect(preview).to_contain_text("请绕行")
    expect(preview).to_contain_text("Take another way")
    expect(preview).to_contain_text("Reaches")
    page.get_by_test_id("send-message").click()
    expect(page.get_by_test_id("message-sent")).to_be_visible()
    said = stands(stage)
    assert stage.decisions[0].verb is Verb.BROADCAST
    receipts = page.get_by_test_id("announcement-receipts")
    expect(receipts).to_contain_text("0 received")
    order = stage.order("bridge-1", said.id, Level.BLUE, said.text)
    stage.receipt(order, ReceiptStage.RECEIVED)
    expect(receipts).to_contain_text("1 received")
    page.get_by_test_id("announcement-withdraw").click()
    wait_until(lambda: stage.decisions[-1].verb is Verb.WITHDRAW)
    assert stage.decisions[-1].subject == said.id


def test_one_that_waits_says_so_and_not_its_author_agrees(
    evening: tuple[Stage, Served], browser: Browser
) -> None:
    stage, server = evening
    page = open_page(browser, server.url + "/#/broadcast", language="en")
    sign_in(page)
    write(page)
    page.get_by_test_id("message-red").check()
    expect(page.get_by_test_id("message-preview")).to_contain_text("another person")
    page.get_by_test_id("send-message").click()
    expect(page.get_by_test_id("message-sent")).to_contain_text("Waits for another person")
    stands(stage, needed=2)
    expect(page.get_by_test_id("announcement")).to_contain_text("Not sent yet")
    expect(page.get_by_test_id("announcement-approve")).to_be_disabled()


def told_by(stage: Stage) -> list[str]:
    return [one.id for one in stage.decisions if one.verb is Verb.BROADCAST]


def test_a_message_whose_answer_is_lost_is_sent_again_as_the_same_one(
    evening: tuple[Stage, Served], browser: Browser
) -> None:
    """Nobody knows whether it was told: only under one id is it told once."""
    stage, server = evening
    page = open_page(browser, server.url + "/#/broadcast", language="en")
    sign_in(page)
    lose_answers(page, "**/api/v1/broadcasts", times=2)
    write(page)
    send = page.get_by_test_id("send-message")
    for _ in range(2):
        send.click()
        expect(page.get_by_role("alert")).to_be_visible()
    send.click()
    expect(page.get_by_test_id("message-sent")).to_be_visible()
    assert len(told_by(stage)) == 3
    assert len(set(told_by(stage))) == 1
    write(page)
    send.click()
    wait_until(lambda: page.title() and len(told_by(stage)) == 4)
    assert len(set(told_by(stage))) == 2, "the same words, typed anew, are another message"
    page.context.close()


def test_a_message_that_was_refused_or_changed_is_another_one(
    evening: tuple[Stage, Served], browser: Browser
) -> None:
    """Under an id that was refused a repeat would be taken for told, and under a told one for the first."""
    stage, server = evening
    page = open_page(browser, server.url + "/#/broadcast", language="en")
    sign_in(page)
    write(page)
    send = page.get_by_test_id("send-message")
    stage.refusal = "real_warning_stands_there"
    send.click()
    expect(page.get_by_role("alert")).to_be_visible()
    stage.refusal = None
    lose_answers(page, "**/api/v1/broadcasts", times=2)
    send.click()
    expect(page.get_by_role("alert")).to_contain_text("No answer")
    page.get_by_test_id("to-zone-yandai").check()
    send.click()
    wait_until(lambda: page.title() and len(told_by(stage)) == 3)
    page.get_by_test_id("message-zh").fill("请从荷花市场绕行")
    send.click()
    expect(page.get_by_test_id("message-sent")).to_be_visible()
    assert len(set(told_by(stage))) == len(told_by(stage)) == 4
    page.context.close()


def test_a_plan_for_a_hazard_that_has_no_word_is_chosen_by_its_id(
    browser: Browser, tmp_path: Path
) -> None:
    plan = small_site().plans[0].model_dump(mode="json")
    site = small_site(plans=[plan | {"hazard": "flash-flood"}])
    with staged(tmp_path / "store", ManualClock(EVENING), site=site) as stage:
        stage.enrol("operator")
        with served(stage) as server:
            page = open_page(browser, server.url + "/#/broadcast", language="en")
            sign_in(page)
            hazard = page.get_by_test_id("broadcast-page").get_by_role("combobox").first
            hazard.select_option(label="flash-flood")
            expect(page.get_by_test_id("preview")).to_contain_text(plan["text"]["en"])
            page.context.close()


@pytest.mark.parametrize(
    ("language", "said"), [("zh", "只放录音"), ("en", "plays recordings only")]
)
def test_a_terminal_that_only_plays_is_marked_wherever_it_stands(
    evening: tuple[Stage, Served], browser: Browser, language: str, said: str
) -> None:
    stage, server = evening
    speaker, screen = "银锭桥音柱", "银锭桥大屏"
    if language == "en":
        speaker, screen = "Yinding Bridge, speaker", "Yinding Bridge, screen"
    page = open_page(browser, server.url + "/#/broadcast", language=language)
    sign_in(page)
    write(page)
    played = page.get_by_test_id("message-preview").get_by_test_id("recordings")
    expect(played).to_contain_text(speaker)
    expect(played).not_to_contain_text(screen)
    page.get_by_test_id("send-message").click()
    expect(page.get_by_test_id("message-sent")).to_be_visible()
    said_to = stands(stage, terminals=("bridge-1", "bridge-2"))
    for terminal in said_to.terminals:
        stage.commit(orders=(stage.order(terminal, said_to.id, Level.BLUE, said_to.text),))
    page.get_by_test_id("announcement").locator("summary").click()
    for place in ("receipt", "terminal"):
        expect(page.get_by_test_id(f"{place}-bridge-2")).to_contain_text(said)
        expect(page.get_by_test_id(f"{place}-bridge-1")).not_to_contain_text(said)


def test_the_preview_says_how_loud_it_is_in_quiet_hours(browser: Browser, tmp_path: Path) -> None:
    saturday_night = {"start": "22:00", "end": "06:00", "days": [6], "volume_most": 30}
    site = small_site(broadcasts={"quiet_hours": [saturday_night]})
    clock = ManualClock(EVENING)  # a Saturday, 19:40 at the site
    with staged(tmp_path / "store", clock, site=site) as stage:
        stage.enrol("operator")
        with served(stage) as server:
            page = open_page(browser, server.url + "/#/broadcast", language="en")
            sign_in(page)
            write(page)
            preview = page.get_by_test_id("message-preview")
            softer = preview.get_by_test_id("softer")
            expect(preview).to_contain_text("volume 70")
            for hours, soft in ((0, False), (2.5, True), (9, True), (10.5, False)):
                clock.advance((EVENING - clock.now()).total_seconds() + hours * 3600)
                stage.commit()
                allowed = QuietHours(site).now(clock.now()).at_most(70, Level.BLUE)
                assert allowed == (30 if soft else 70), "the room and the test mean the same hours"
                expect(softer).to_have_count(int(soft))
                if soft:
                    expect(softer).to_contain_text("volume 30 now, until 06:00")
                    page.get_by_test_id("message-red").check()
                    expect(softer).to_have_count(0)
                    page.get_by_test_id("message-blue").check()
            page.context.close()
