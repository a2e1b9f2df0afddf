"""The time machine: the room as it was, from what was stored while it was lived through."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import httpx

from model.cases import CaseState, Change, Gap, Reason, WaitingPlan
from model.clock import ManualClock
from model.facts import BollardPosition, DeviceKind, ReceiptStage, SensorAlarm
from model.level import Level
from tests.console.http import client, sign_in, started
from tests.console.scenes import RED_TEXT
from tests.console.stage import CALM, FULL, Stage


async def look_back(browser: httpx.AsyncClient, at: str) -> httpx.Response:
    return await browser.get("/api/v1/past", params={"at": at})


def test_any_minute_stands_as_it_was_lived(stage: Stage, clock: ManualClock) -> None:
    stage.enrol("viewer")
    stage.breathe(CALM, up=frozenset({"north"}))
    calm = clock.now()
    clock.advance(120)
    stage.breathe(FULL, levels={"bridge": Level.RED}, blind=frozenset({"yandai-east"}))
    alarm = SensorAlarm(id="f-1", at=clock.now(), hazard="fire", state="raised")
    stage.commit(facts=(stage.fact(DeviceKind.SENSOR, "fire-lotus", alarm),))
    case = stage.open_case("bridge", Level.ORANGE)
    clock.advance(10)
    stage.step_case(case, Change.STEPPED_UP, Reason.ABOVE_RAISE, level=Level.RED)
    order = stage.order("bridge-1", case, Level.RED, RED_TEXT)
    stage.commit(orders=(order,))
    clock.advance(5)
    stage.receipt(order, ReceiptStage.RECEIVED)
    red = clock.now()
    clock.advance(60)
    stage.receipt(order, ReceiptStage.PLAYED)
    stage.step_case(
        case,
        Change.ACKNOWLEDGED,
        Reason.PERSON,
        actor="operator",
        state=CaseState.ACKNOWLEDGED,
        owner="operator",
    )
    stage.step_case(case, Change.CLOSED, Reason.PERSON, state=CaseState.CLOSED)
    stage.breathe(CALM)
    clock.advance(60)

    async def story() -> None:
        async with started(stage), client(stage) as browser:
            await sign_in(browser, "viewer")
            before = (await look_back(browser, calm.isoformat())).json()["room"]
            assert before["cases"] == {}
            assert round(before["zones"]["bridge"]["occupancy"]) == CALM["bridge"]
            assert "level" not in before["zones"]["bridge"]
            assert before["lanes"]["north-1"]["position"] == BollardPosition.UP.value
            then = (await look_back(browser, red.isoformat())).json()["room"]
            assert round(then["zones"]["bridge"]["occupancy"]) == FULL["bridge"]
            assert then["zones"]["bridge"]["level"] == "red"
            assert then["cameras"]["yandai-east"]["sight"] == "blind"
            assert "count" not in then["cameras"]["yandai-east"]
            card = then["cases"][case]
            assert (card["case"]["state"], card["case"]["owner"]) == ("open", None)
            assert [step["change"] for step in card["history"]] == ["opened", "stepped_up"]
            shown = then["orders"][order.id]
            assert shown["state"] == "received"
            assert "played" not in shown["stages"]
            assert list(then["sensors"]["fire-lotus"]["alarms"]) == ["f-1"]
            now = (await look_back(browser, clock.now().isoformat())).json()["room"]
            assert now["cases"][case]["case"]["state"] == "closed"
            assert now["orders"][order.id]["state"] == "played"

    asyncio.run(story())


def test_a_case_of_then_carries_nothing_that_came_later(stage: Stage, clock: ManualClock) -> None:
    stage.enrol("viewer")
    case = stage.open_case("bridge", Level.ORANGE)
    stage.open_case("houhai", Level.RED)
    then = clock.now()
    clock.advance(60)
    gap = Gap(terminal="bridge-3", since=clock.now(), reason="offline", people=("responder",))
    stage.step_case(case, Change.GAP_NAMED, Reason.NOT_ANSWERED, gaps=(gap,))
    named = clock.now()
    clock.advance(60)
    stage.step_case(case, Change.MERGED, Reason.PERSON, merged_into="case-houhai-crowding")
    waits = (WaitingPlan(plan="crowding-red", needed=2, approved_by=("operator",)),)
    stage.step_case(case, Change.APPROVED, Reason.PERSON, waiting=waits)
    clock.advance(60)

    async def story() -> None:
        async with started(stage), client(stage) as browser:
            await sign_in(browser, "viewer")

            async def at(moment: datetime) -> dict[str, Any]:
                room = (await look_back(browser, moment.isoformat())).json()["room"]
                return dict(room["cases"][case]["case"])

            before, between, now = [await at(one) for one in (then, named, clock.now())]
            assert (before["gaps"], before["merged_into"], before["waiting"]) == ([], None, [])
            assert [one["terminal"] for one in between["gaps"]] == ["bridge-3"]
            assert (between["merged_into"], between["waiting"]) == (None, [])
            assert now["merged_into"] == "case-houhai-crowding"
            assert now["waiting"][0]["approved_by"] == ["operator"]

    asyncio.run(story())


def test_what_is_not_kept_and_what_is_to_come_cannot_be_looked_at(
    stage: Stage, clock: ManualClock
) -> None:
    stage.enrol("viewer")

    async def story() -> None:
        async with started(stage), client(stage) as browser:
            await sign_in(browser, "viewer")
            for at in (clock.now() + timedelta(minutes=1), clock.now() - timedelta(days=31)):
                assert (await look_back(browser, at.isoformat())).status_code == 404
            assert (await look_back(browser, "2026-09-25T19:30:00")).status_code == 404
            assert (await look_back(browser, "yesterday")).status_code == 422
            empty = (await look_back(browser, clock.now().isoformat())).json()["room"]
            assert empty["zones"] == {}
            assert empty["cameras"]["gulou"]["health"]["state"] == "waiting"

    asyncio.run(story())
