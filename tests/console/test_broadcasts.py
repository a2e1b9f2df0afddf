"""Typing a message at the console: who may, what is asked of the words, and how it is seen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from console.views import AnnouncementCard, Section
from model.announcements import Announcement
from model.commit import Commit
from model.facts import Verb
from model.level import Level
from model.text import Bilingual
from tests.console.http import client, sign_in, started
from tests.console.stage import Stage

Story = Callable[[httpx.AsyncClient], Coroutine[Any, Any, None]]
START = datetime(2026, 2, 14, 19, 0, tzinfo=UTC)
FORM: dict[str, Any] = {
    "text": {"zh": "请绕行", "en": "Take another way"},
    "cancel": {"zh": "可以通行", "en": "The way is open"},
    "speech": "请绕行",
    "level": "yellow",
    "minutes": 15,
    "zones": ["bridge"],
    "repeat_s": 60,
}


def as_person(stage: Stage, person: str, story: Story) -> None:
    stage.enrol(person)

    async def whole() -> None:
        async with started(stage), client(stage) as browser:
            await stage.app.state.context.live._ready.wait()
            await sign_in(browser, person)
            await story(browser)

    asyncio.run(whole())


def announcement(name: str = "d-12345678") -> Announcement:
    words = Bilingual(zh="请绕行", en="Take another way")
    return Announcement(
        id=name,
        person="commander",
        made=START,
        until=START,
        level=Level.RED,
        text=words,
        cancel=words,
        speech="",
        volume=70,
        terminals=("t1",),
        needed=2,
        agreed=("commander",),
    )


def test_what_is_typed_reaches_the_desk_as_one_decision(stage: Stage) -> None:
    async def story(browser: httpx.AsyncClient) -> None:
        answer = await browser.post("/api/v1/broadcasts", json={**FORM, "decision": "web-12345678"})
        assert answer.json() == {"decision": "web-12345678"}
        (made,) = stage.decisions
        assert (made.verb, made.subject, made.id) == (
            Verb.BROADCAST,
            "web-12345678",
            "web-12345678",
        )
        assert (made.level, made.minutes) == (Level.YELLOW, 15)
        assert made.message is not None
        assert made.message.text == Bilingual(zh="请绕行", en="Take another way")
        assert (made.message.zones, made.message.repeat_s) == (("bridge",), 60)

    as_person(stage, "operator", story)


@pytest.mark.parametrize(
    "changes",
    [
        {"text": {"zh": "请绕行"}},
        {"text": {"zh": "请绕行", "en": "   "}},
        {"cancel": FORM["text"]},
        {"minutes": 0},
        {"volume": 101},
        {"repeat_s": 1},
        {"level": "purple"},
    ],
)
def test_what_lacks_words_or_bounds_never_reaches_the_desk(
    stage: Stage, changes: dict[str, Any]
) -> None:
    async def story(browser: httpx.AsyncClient) -> None:
        answer = await browser.post("/api/v1/broadcasts", json=FORM | changes)
        assert answer.status_code == 422
        assert stage.decisions == []

    as_person(stage, "operator", story)


@pytest.mark.parametrize(("person", "status"), [("operator", 403), ("commander", 200)])
def test_an_exercise_is_a_commanders(stage: Stage, person: str, status: int) -> None:
    async def story(browser: httpx.AsyncClient) -> None:
        answer = await browser.post("/api/v1/broadcasts", json={**FORM, "exercise": True})
        assert answer.status_code == status
        assert len(stage.decisions) == (status == 200)

    as_person(stage, person, story)


@pytest.mark.parametrize(("act", "verb"), [("approve", Verb.APPROVE), ("withdraw", Verb.WITHDRAW)])
def test_one_that_stands_is_agreed_to_or_taken_back(stage: Stage, act: str, verb: Verb) -> None:
    async def story(browser: httpx.AsyncClient) -> None:
        room = stage.app.state.context.live.room
        assert (
            await browser.post(f"/api/v1/broadcasts/d-12345678/{act}", json={})
        ).status_code == 404
        said = announcement()
        room.apply(Commit(serial=1, at=said.made, announcements=(said,)), 0.0)
        assert room.cards[Section.ANNOUNCEMENTS] == {said.id: AnnouncementCard(announcement=said)}
        answer = await browser.post(f"/api/v1/broadcasts/{said.id}/{act}", json={})
        assert answer.status_code == 200
        assert [(one.verb, one.subject) for one in stage.decisions] == [(verb, said.id)]
        room.apply(Commit(serial=2, at=said.made, announcements=()), 0.0)
        assert room.cards[Section.ANNOUNCEMENTS] == {}

    as_person(stage, "operator", story)
