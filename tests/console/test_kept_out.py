"""No page keeps anybody out: axe finds nothing, in both languages, dark and light."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.console.look import (
    IN_CHROMIUM,
    NARROW,
    WALL,
    kept_out,
    open_page,
    sign_in,
    sign_phone_in,
    sign_wall_in,
)
from tests.console.pages import PAGES, SCENES, living_scene, report_a_problem
from tests.console.server import Served
from tests.console.stage import Stage

pytestmark = IN_CHROMIUM

LOOKED_AT_IN_EVERY_SCENE = ("desk", "zone", "camera")
PEOPLE = ("operator", "viewer", "commander", "integrator", "admin", "responder")


class Room:
    """One scene with everybody enrolled, and a page for each who has signed in."""

    def __init__(self, browser: Browser, stage: Stage, server: Served) -> None:
        self._browser, self.stage, self.url = browser, stage, server.url
        self._pages: dict[str, Page] = {}

    def page_of(self, person: str) -> Page:
        if person not in self._pages:
            page = open_page(self._browser, self.url)
            sign_in(page, person)
            self._pages[person] = page
        return self._pages[person]

    def open(self, path: str, size: dict[str, int] | None = None) -> Page:
        page = open_page(self._browser, f"{self.url}{path}", size=size)
        self._pages[f"{path} {len(self._pages)}"] = page
        return page

    def leave(self) -> None:
        for page in self._pages.values():
            page.context.close()


@pytest.fixture(scope="module", params=SCENES)
def room(
    request: pytest.FixtureRequest, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Room]:
    with living_scene(tmp_path_factory.mktemp("room"), request.param) as (stage, server):
        stage.enrol(*PEOPLE)
        made = Room(browser, stage, server)
        report_a_problem(made.page_of("operator"), made.url)
        yield made
        made.leave()


def in_both(page: Page) -> dict[str, list[str]]:
    """What axe finds in one language and theme, and in the other of both."""
    return _after(page, (("switch-language", "switch-theme"), ("switch-language", "switch-theme")))


def in_every_look(page: Page) -> dict[str, list[str]]:
    """What axe finds by language and theme, each with each."""
    switches = ("switch-language", "switch-theme", "switch-language", "switch-theme")
    return _after(page, tuple((one,) for one in switches))


def _after(page: Page, turns: tuple[tuple[str, ...], ...]) -> dict[str, list[str]]:
    """The page's own switches change how it looks; each turn is one look."""
    found = {}
    for switches in turns:
        for switch in switches:
            page.get_by_test_id(switch).click()
        look = page.evaluate(
            "`${document.documentElement.lang} ${document.documentElement.dataset.theme}`"
        )
        found[look] = kept_out(page)
    assert len(found) == len(turns)
    return {look: each for look, each in found.items() if each}


@pytest.mark.parametrize("name", LOOKED_AT_IN_EVERY_SCENE)
def test_pages_that_change_with_the_scene(room: Room, name: str) -> None:
    person, path, shown = PAGES[name]
    page = room.page_of(person)
    page.goto(f"{room.url}{path}")
    page.get_by_test_id(shown).wait_for()
    page.wait_for_load_state("networkidle")
    assert in_both(page) == {}


@pytest.mark.parametrize("look", ["", "?language=en&theme=light"])
def test_the_wall(room: Room, look: str) -> None:
    page = room.open(f"/wall{look}", WALL)
    sign_wall_in(page)
    assert kept_out(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_visitors_board(room: Room, theme: str) -> None:
    page = room.open("/public", NARROW)
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]  # one of its literals
    assert kept_out(page) == []


only_red = pytest.mark.parametrize("room", ["red"], indirect=True)
"""Pages whose make-up does not change with the scene are looked at where most is shown."""


@only_red
@pytest.mark.parametrize("name", [one for one in PAGES if one not in LOOKED_AT_IN_EVERY_SCENE])
def test_every_other_page_of_the_room(room: Room, name: str) -> None:
    person, path, shown = PAGES[name]
    page = room.page_of(person)
    page.goto(f"{room.url}{path}")
    page.get_by_test_id(shown).wait_for()
    page.wait_for_load_state("networkidle")
    assert in_every_look(page) == {}


@only_red
def test_the_desk_with_its_lists_opened_and_the_desk_of_a_phone(room: Room) -> None:
    page = room.page_of("operator")
    page.goto(f"{room.url}/#/")
    page.get_by_test_id("desk").wait_for()
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]  # a plain dict of the two sizes
    assert in_every_look(page) == {}


@only_red
def test_looking_back(room: Room) -> None:
    page = room.page_of("viewer")
    page.goto(f"{room.url}/#/")
    page.get_by_test_id("look-back").click()
    page.locator("[data-testid=past][data-step=ready]").wait_for()
    assert in_every_look(page) == {}


@only_red
def test_the_phone(room: Room) -> None:
    page = room.open("/phone", NARROW)
    sign_phone_in(page)
    page.get_by_test_id("my-dispatch").first.wait_for()
    found: dict[str, list[str]] = {}
    for tab in ("mine", "report", "look"):
        page.get_by_test_id(f"tab-{tab}").click()
        found |= {f"{tab} {look}": each for look, each in in_every_look(page).items()}
    page.context.set_offline(True)
    page.reload()
    expect(page.get_by_test_id("line")).to_be_visible()
    found |= {f"offline {look}": each for look, each in in_every_look(page).items()}
    assert found == {}


def at_the_door(room: Room) -> Page:
    page = room.open("/")
    page.get_by_test_id("person").fill("operator")
    page.get_by_test_id("password").fill("not-the-password")
    page.get_by_test_id("submit").click()
    page.get_by_test_id("sign-in-problem").wait_for()
    return page


def at_a_first_password(room: Room) -> Page:
    once = room.stage.accounts.create_one_time_password("commander")
    page = room.open("/")
    page.get_by_test_id("person").fill("commander")
    page.get_by_test_id("password").fill(once)
    page.get_by_test_id("submit").click()
    page.get_by_test_id("new-password").wait_for()
    return page


def without_a_room(room: Room) -> Page:
    page = room.open("/")
    page.get_by_test_id("person").fill("responder")
    page.get_by_test_id("password").fill("lantern-on-the-bridge")
    page.get_by_test_id("submit").click()
    page.get_by_role("heading", level=1).wait_for()
    return page


@only_red
@pytest.mark.parametrize("stand", [at_the_door, at_a_first_password, without_a_room])
def test_the_door(room: Room, stand: Callable[[Room], Page]) -> None:
    assert in_every_look(stand(room)) == {}
