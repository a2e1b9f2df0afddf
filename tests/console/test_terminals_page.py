"""What stands on the terminals, as the page tells it: several warnings may have told the same one."""

from __future__ import annotations

import re
from datetime import timedelta

import msgspec
from playwright.sync_api import Browser, Page, expect

from model.facts import ReceiptStage
from model.level import Level
from model.text import Bilingual
from tests.console import scenes
from tests.console.look import IN_CHROMIUM, open_page, sign_in
from tests.console.server import Served
from tests.console.stage import Stage

pytestmark = IN_CHROMIUM

FULL_TEXT = Bilingual(zh="后海接近承载量", en="Houhai is nearly full")
SHOWING = re.compile(r"\bshowing\b")


def tell(
    stage: Stage, case: str, text: Bilingual, *, ago_s: float = 0, left_s: float = 600
) -> None:
    """The screen at the bridge shows a warning's text."""
    now = stage.clock.now()
    order = msgspec.structs.replace(
        stage.order("bridge-1", case, Level.RED, text),
        issued=now - timedelta(seconds=ago_s),
        expires=now + timedelta(seconds=left_s),
    )
    stage.commit(orders=(order,))
    stage.receipt(order, ReceiptStage.RECEIVED)


def take_back(stage: Stage, case: str) -> None:
    stage.commit(orders=(stage.order("bridge-1", case, Level.RED, scenes.RED_TEXT, "cancel"),))


def expect_shown(page: Page, text: Bilingual | None) -> None:
    terminals = page.get_by_test_id("terminals")
    shown = terminals.locator(".broadcast").filter(has=page.get_by_test_id("terminal-bridge-1"))
    mark = page.locator("[data-testid=plan] [data-terminal=bridge-1]")
    if text is None:
        expect(terminals).to_contain_text("taken back")
        expect(shown).to_have_count(0)
        expect(mark).not_to_have_class(SHOWING)
    else:
        expect(shown).to_contain_text(text.en)
        expect(terminals).not_to_contain_text("taken back")
        expect(mark).to_have_class(SHOWING)


def test_a_terminal_shows_the_newest_message_that_stands_until_none_does(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    scenes.calm(stage)
    full, crowded = stage.open_case("houhai", Level.RED), stage.open_case("bridge", Level.RED)
    tell(stage, full, FULL_TEXT)
    tell(stage, crowded, scenes.RED_TEXT)
    page = open_page(browser, server.url, language="en")
    sign_in(page)
    expect_shown(page, scenes.RED_TEXT)
    take_back(stage, crowded)
    expect_shown(page, FULL_TEXT)
    take_back(stage, full)
    expect_shown(page, None)
    page.context.close()


def test_a_message_that_ran_out_gives_way_to_an_older_one_that_stands(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    scenes.calm(stage)
    tell(stage, stage.open_case("houhai", Level.RED), FULL_TEXT, ago_s=120)
    crowded = stage.open_case("bridge", Level.RED)
    tell(stage, crowded, scenes.RED_TEXT, ago_s=60, left_s=-10)
    page = open_page(browser, server.url, language="en")
    sign_in(page)
    expect_shown(page, FULL_TEXT)
    page.context.close()
