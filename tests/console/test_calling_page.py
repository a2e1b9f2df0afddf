"""What calls the room: several warnings at once, red while the page looks back, red in somebody's hands."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from model.cases import CaseState, Change, Reason, WaitingPlan
from model.facts import Verb
from model.level import Level
from tests.console import scenes
from tests.console.look import IN_CHROMIUM, open_page, sign_in
from tests.console.server import Served
from tests.console.stage import Stage
from tests.waiting import wait_until

pytestmark = IN_CHROMIUM

COUNT_TONES = """
() => {
  const make = BaseAudioContext.prototype.createOscillator;
  window.tones = 0;
  BaseAudioContext.prototype.createOscillator = function () {
    window.tones += 1;
    return make.call(this);
  };
}
"""


def wait_for_sound(page: Page) -> None:
    page.wait_for_function("window.tones > 0", timeout=20_000)


def test_the_next_key_is_meant_for_the_warning_that_was_just_taken_on(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    """Two are red: what was taken on sinks under the other, whose plan nobody has looked at."""
    stage, server = evening
    scenes.calm(stage)
    waits = (WaitingPlan(plan="crowding-red", needed=2, approved_by=()),)
    for zone, ago_s in (("bridge", 60), ("yandai", 20)):
        case = stage.open_case(zone, Level.RED, ago_s=ago_s)
        stage.step_case(case, Change.PLAN_WAITING, Reason.PLAN, waiting=waits)
    page = open_page(browser, server.url)
    sign_in(page)
    bridge = page.get_by_test_id("case").filter(has_text="银锭桥")
    expect(bridge.get_by_test_id("approve")).to_be_enabled()
    page.keyboard.press("a")
    expect(bridge).to_have_attribute("data-state", "acknowledged")
    page.keyboard.press("p")

    def decided() -> list[tuple[Verb, str]]:
        return [(one.verb, one.subject) for one in stage.decisions if one.verb is not Verb.LOOK]

    wait_until(lambda: len(decided()) == 2)
    assert decided() == [
        (Verb.ACKNOWLEDGE, "case-bridge-crowding"),
        (Verb.APPROVE, "case-bridge-crowding"),
    ]
    page.context.close()


def test_red_sounds_and_is_told_while_the_page_looks_back(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    scenes.calm(stage)
    page = open_page(browser, server.url)
    sign_in(page)
    page.evaluate(COUNT_TONES)
    page.get_by_test_id("look-back").click()
    page.locator("[data-testid=past][data-step=ready]").wait_for()
    stage.open_case("bridge", Level.RED)
    wait_for_sound(page)
    expect(page.get_by_test_id("past-red")).to_contain_text("银锭桥")
    expect(page.get_by_test_id("sound")).to_be_visible()
    page.context.close()


def test_a_warning_that_turns_red_in_somebodys_hands_sounds_and_is_told(
    browser: Browser, evening: tuple[Stage, Served]
) -> None:
    stage, server = evening
    scenes.calm(stage)
    case = stage.open_case("bridge", Level.YELLOW, ago_s=600)
    stage.step_case(
        case,
        Change.ACKNOWLEDGED,
        Reason.PERSON,
        actor="operator",
        state=CaseState.ACKNOWLEDGED,
        owner="operator",
    )
    page = open_page(browser, server.url)
    sign_in(page)
    page.evaluate(COUNT_TONES)
    stage.step_case(case, Change.STEPPED_UP, Reason.ABOVE_RAISE, level=Level.RED)
    wait_for_sound(page)
    expect(page.locator("[aria-live=assertive]")).to_have_text("新告警：红色，银锭桥")
    page.context.close()
