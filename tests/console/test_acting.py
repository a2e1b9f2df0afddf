"""Acting beside and around cases: shelving, calls, exercises, entrances, duty, and who sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from console.views import Section
from model.duty import ArmedEntrance, OnDuty
from model.facts import Verb
from model.level import Level
from tests.console.http import client, sign_in, started
from tests.console.stage import Stage

Story = Callable[[httpx.AsyncClient], Coroutine[Any, Any, None]]


def as_person(stage: Stage, person: str, story: Story) -> None:
    stage.enrol(person)

    async def whole() -> None:
        async with started(stage), client(stage) as browser:
            await stage.app.state.context.live._ready.wait()
            await sign_in(browser, person)
            await story(browser)

    asyncio.run(whole())


def test_an_operator_says_how_many_are_inside_a_zone(stage: Stage) -> None:
    async def story(browser: httpx.AsyncClient) -> None:
        path = "/api/v1/zones/bridge/count"
        for wrong in ({}, {"people": -1}, {"people": 1.5}):
            assert (await browser.post(path, json=wrong)).status_code == 422
        assert (await browser.post(path, json={"people": 120})).status_code == 200
        unknown = await browser.post("/api/v1/zones/nowhere/count", json={"people": 1})
        assert unknown.status_code == 404
        (made,) = stage.decisions
        assert (made.verb, made.subject, made.people) == (Verb.COUNT, "bridge", 120)

    as_person(stage, "operator", story)


@pytest.mark.parametrize(
    ("act", "body", "verb", "fields"),
    [
        (
            "shelve",
            {"minutes": 20, "comment": "集市"},
            Verb.SHELVE,
            {"minutes": 20, "comment": "集市"},
        ),
        ("unshelve", {}, Verb.UNSHELVE, {}),
        ("merge", {"into": "case-other"}, Verb.MERGE, {"into": "case-other"}),
        ("check", {"plan": "red", "item": 2}, Verb.CHECK, {"plan": "red", "item": 2}),
    ],
)
def test_what_a_commander_does_with_a_case(
    stage: Stage, act: str, body: dict[str, Any], verb: Verb, fields: dict[str, Any]
) -> None:
    case = stage.open_case("bridge", Level.ORANGE)

    async def story(browser: httpx.AsyncClient) -> None:
        assert (await browser.post(f"/api/v1/cases/{case}/{act}", json=body)).status_code == 200
        (made,) = stage.decisions
        assert (made.verb, made.subject) == (verb, case)
        assert {name: getattr(made, name) for name in fields} == fields

    as_person(stage, "commander", story)


def test_calls_exercises_entrances_and_duty_become_decisions(stage: Stage) -> None:
    async def story(browser: httpx.AsyncClient) -> None:
        call = {"level": "orange", "comment": "栏杆边推挤"}
        for path, body in (
            ("zones/bridge/call", call),
            ("zones/bridge/exercise", {**call, "hazard": "crowding", "minutes": 5}),
            ("entrances/north/arm", {}),
            ("entrances/north/confirm", {}),
            ("duty/on", {}),
            ("duty/off", {}),
        ):
            assert (await browser.post(f"/api/v1/{path}", json=body)).status_code == 200, path
        assert [(one.verb, one.subject) for one in stage.decisions] == [
            (Verb.CALL, "bridge"),
            (Verb.EXERCISE, "bridge"),
            (Verb.ARM, "north"),
            (Verb.CONFIRM, "north"),
            (Verb.SIGN_ON, "commander"),
            (Verb.SIGN_OFF, "commander"),
        ]
        assert (stage.decisions[1].hazard, stage.decisions[1].minutes) == ("crowding", 5)
        for path, body, status in (
            ("zones/moon/call", call, 404),
            ("zones/bridge/call", {"level": "orange"}, 422),
            ("zones/bridge/call", {**call, "level": "purple"}, 422),
            ("entrances/nowhere/arm", {}, 404),
        ):
            assert (await browser.post(f"/api/v1/{path}", json=body)).status_code == status

    as_person(stage, "commander", story)


@pytest.mark.parametrize("path", ["cases/case-x/shelve", "zones/bridge/exercise"])
def test_an_operator_neither_shelves_nor_exercises(stage: Stage, path: str) -> None:
    async def story(browser: httpx.AsyncClient) -> None:
        body = {"minutes": 5, "level": "red", "comment": "x"}
        assert (await browser.post(f"/api/v1/{path}", json=body)).status_code == 403
        assert stage.decisions == []

    as_person(stage, "operator", story)


def test_duty_and_armed_entrances_are_shown_live_and_from_before(stage: Stage) -> None:
    now = stage.clock.now()
    duty = (OnDuty(person="operator", since=now),)
    armed = ArmedEntrance(
        entrance="north", person="operator", until=now + timedelta(seconds=30), alone=False
    )
    with stage.store.transaction() as tx:
        tx.save_state("duty", msgspec.json.encode(duty))

    async def story(browser: httpx.AsyncClient) -> None:
        told = (await browser.get("/api/v1/duty")).json()
        assert [one["person"] for one in told["on_duty"]] == ["operator"]
        cards = stage.app.state.context.live.room.cards
        assert set(cards[Section.DUTY]) == {"operator"}
        room = stage.app.state.context.live.room
        room._people((), (armed,), {})
        assert (cards[Section.DUTY], set(cards[Section.ENTRANCES])) == ({}, {"north"})
        touched: dict[Section, set[str]] = {}
        room._people(None, (), touched)
        assert touched == {Section.ENTRANCES: {"north"}}

    as_person(stage, "operator", story)
