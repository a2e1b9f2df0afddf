"""The visitors' board: a word for every zone, no number, nothing comfortable that nobody sees."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from html.parser import HTMLParser

import httpx
import pytest

from console.board import STALE_AFTER, Advice, board_of
from console.views import AnyCard, ZoneCard
from model.commit import Commit
from model.level import Level, Sight
from tests.console.http import client, started
from tests.console.stage import EVENING, Stage, small_site

SITE = small_site()


def card(people: float | None, sight: Sight = Sight.LIVE, level: Level | None = None) -> ZoneCard:
    return ZoneCard(
        at=EVENING,
        sight=sight,
        level=level,
        capacity=100.0,
        occupancy=people,
        occupancy_high=None if people is None else people * 1.5,
    )


def advice(told: ZoneCard | None, *, later_s: float = 0.0, following: bool = True) -> Advice:
    cards: dict[str, AnyCard] = {} if told is None else {"bridge": told}
    now = EVENING + timedelta(seconds=later_s)
    board = board_of(SITE, cards, now, following=following)
    return next(zone.advice for zone in board.zones if zone.id == "bridge")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (card(20), Advice.COMFORTABLE),
        (card(49), Advice.COMFORTABLE),
        (card(50), Advice.BUSY),
        (card(40, Sight.PARTIAL), Advice.BUSY),
        (card(20, Sight.PARTIAL), Advice.COMFORTABLE),
        (card(None, Sight.BLIND), Advice.NO_INFORMATION),
        (card(None), Advice.NO_INFORMATION),
        (None, Advice.NO_INFORMATION),
        (card(20, level=Level.BLUE), Advice.NOTICE),
        (card(20, level=Level.YELLOW), Advice.CARE),
        (card(90, level=Level.ORANGE), Advice.AVOID),
        (card(None, Sight.BLIND, Level.RED), Advice.KEEP_OUT),
    ],
)
def test_what_visitors_are_told(told: ZoneCard | None, expected: Advice) -> None:
    assert advice(told) is expected


def test_what_is_old_or_cut_off_is_no_information() -> None:
    assert advice(card(20), later_s=STALE_AFTER.total_seconds() + 1) is Advice.NO_INFORMATION
    assert advice(card(20), following=False) is Advice.NO_INFORMATION


class Reader(HTMLParser):
    """What a visitor reads, and the tags it came in; the hour stands apart."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] != ["time"] or not data[:1].isdigit():
            self.text.append(data)


def page_of(stage: Stage) -> httpx.Response:
    async def story() -> httpx.Response:
        async with started(stage), client(stage) as visitor:
            live = stage.app.state.context.live
            await live._ready.wait()
            judged = (stage.zone("bridge", 150, level=Level.RED), stage.zone("lotus", 60))
            live.room.apply(Commit(serial=1, at=stage.clock.now(), zones=judged), 0.0)
            return await visitor.get("/public", headers={"Accept": "text/html,*/*;q=0.8"})

    return asyncio.run(story())


def test_a_browser_gets_a_page_in_both_languages_without_script_or_number(stage: Stage) -> None:
    answer = page_of(stage)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["vary"] == "Accept"
    assert answer.headers["cache-control"] == "public, max-age=5"
    reader = Reader()
    reader.feed(answer.text)
    assert {"script", "img", "style", "form"}.isdisjoint(reader.tags)
    assert reader.tags.count("li") == len(stage.site.zones)
    text = " ".join(reader.text)
    for word in (
        "现在舒适的地方",
        "荷花市场",
        "暂无信息",
        "银锭桥",
        "Yinding Bridge",
        "请勿前往",
        "Do not go there",
    ):
        assert word in text
    assert set(re.findall(r"\d+", text)) == {"110", "119", "120"}


def test_only_a_screen_that_asks_for_it_is_kept_fresh(stage: Stage) -> None:
    async def story() -> None:
        page = {"Accept": "text/html"}
        async with started(stage), client(stage) as screen:
            assert "refresh" not in (await screen.get("/public", headers=page)).headers
            kept = await screen.get("/public?every_s=30", headers=page)
            assert kept.headers["refresh"] == "30"
            assert (await screen.get("/public?every_s=1", headers=page)).status_code == 422

    asyncio.run(story())
