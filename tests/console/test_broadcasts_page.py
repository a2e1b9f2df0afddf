"""The composer in a real Chromium: typed for a zone, previewed, sent, receipted, taken back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from console.app import STATIC
from model.announcements import Announcement
from model.clock import SystemClock
from model.facts import ReceiptStage, Verb
from model.level import Level
from tests.console.look import chromium, chromium_path, open_page, sign_in
from tests.console.server import Served, served
from tests.console.stage import Stage, staged
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="there is no Chromium on this machine"),
    pytest.mark.skipif(not (STATIC / "index.html").is_file(), reason="the page is not built"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture
def evening(tmp_path: Path) -> Iterator[tuple[Stage, Served]]:
    with staged(tmp_path / "store", SystemClock()) as stage:
        stage.enrol("operator")
        with served(stage) as server:
            yield stage, server


def write(page: Page) -> None:
    page.get_by_test_id("to-zone-bridge").check()
    page.get_by_test_id("message-zh").fill("请绕行")
    page.get_by_test_id("message-en").fill("Take another way")


def stands(stage: Stage, *, needed: int = 1) -> Announcement:
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
        terminals=("bridge-1",),
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
