"""Deciding and looking: every decision carries who, when and from which session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest

from console import decide
from console.looks import LASTS_S
from model.clock import ManualClock
from model.facts import Decision, Verb
from model.level import Level
from tests.console.http import client, sign_in, started
from tests.console.scenes import red
from tests.console.stage import CALM, Stage

Story = Callable[[httpx.AsyncClient], Coroutine[Any, Any, None]]


def as_operator(stage: Stage, story: Story) -> None:
    stage.enrol("operator")

    async def whole() -> None:
        async with started(stage), client(stage) as browser:
            await stage.app.state.context.live._ready.wait()
            await sign_in(browser, "operator")
            await story(browser)

    asyncio.run(whole())


@pytest.mark.parametrize(
    ("act", "body", "verb", "assignee", "comment"),
    [
        ("acknowledge", {}, Verb.ACKNOWLEDGE, None, None),
        ("unacknowledge", {}, Verb.UNACKNOWLEDGE, None, None),
        ("assign", {"assignee": "commander"}, Verb.ASSIGN, "commander", None),
        ("comment", {"comment": "已派人"}, Verb.COMMENT, None, "已派人"),
        ("approve", {}, Verb.APPROVE, None, None),
        ("close", {"comment": "误报"}, Verb.CLOSE, None, "误报"),
        ("separate", {}, Verb.SEPARATE, None, None),
        ("withdraw", {"comment": "文字有误"}, Verb.WITHDRAW, None, "文字有误"),
    ],
)
def test_what_an_operator_does_with_a_case(  # noqa: PLR0917 - a table of cases
    stage: Stage, act: str, body: dict[str, str], verb: Verb, assignee: str, comment: str
) -> None:
    case = stage.open_case("bridge", Level.ORANGE)

    async def story(browser: httpx.AsyncClient) -> None:
        answer = await browser.post(
            f"/api/v1/cases/{case}/{act}", json={"decision": "web-12345678", **body}
        )
        assert answer.json() == {"decision": "web-12345678"}
        (made,) = stage.decisions
        assert (made.verb, made.subject, made.person) == (verb, case, "operator")
        assert (made.assignee, made.comment) == (assignee, comment)
        assert made.at == stage.clock.now()
        assert made.session.startswith("s-")

    as_operator(stage, story)


def test_lowering_and_stopping_an_entrance(stage: Stage) -> None:
    async def story(browser: httpx.AsyncClient) -> None:
        assert (await browser.post("/api/v1/entrances/north/lower", json={})).status_code == 200
        assert (await browser.post("/api/v1/entrances/north/stop", json={})).status_code == 200
        assert [one.verb for one in stage.decisions] == [Verb.LOWER, Verb.STOP]
        nowhere = await browser.post("/api/v1/entrances/nowhere/stop", json={})
        assert nowhere.status_code == 404

    as_operator(stage, story)


def test_a_refusal_carries_its_named_reason(stage: Stage) -> None:
    case = stage.open_case("bridge", Level.RED)
    stage.refusal = "signal_above"

    async def story(browser: httpx.AsyncClient) -> None:
        answer = await browser.post(f"/api/v1/cases/{case}/close", json={})
        assert answer.status_code == 409
        assert (answer.json()["code"], answer.json()["reason"]) == ("refused", "signal_above")

    as_operator(stage, story)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("cases/case-none/acknowledge", {}, 404),
        ("cases/case-bridge-crowding/assign", {"assignee": "stranger"}, 409),
        ("cases/case-bridge-crowding/assign", {}, 422),
        ("cases/case-bridge-crowding/comment", {"comment": ""}, 422),
        ("cases/case-bridge-crowding/comment", {"comment": "x" * 501}, 422),
        ("cases/case-bridge-crowding/acknowledge", {"decision": "NOT AN ID"}, 422),
        ("cases/case-bridge-crowding/acknowledge", {"unknown": 1}, 422),
        ("cases/case-bridge-crowding/acknowledge", [], 422),
    ],
)
def test_what_is_no_decision_never_reaches_the_desk(
    stage: Stage, path: str, body: object, status: int
) -> None:
    stage.open_case("bridge", Level.ORANGE)

    async def story(browser: httpx.AsyncClient) -> None:
        assert (await browser.post(f"/api/v1/{path}", json=body)).status_code == status
        assert stage.decisions == []

    as_operator(stage, story)


def test_a_desk_that_does_not_answer_is_said_so(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = stage.open_case("bridge", Level.ORANGE)
    monkeypatch.setattr(decide, "ANSWER_WITHIN_S", 0.05)

    async def never(decision: Decision) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(stage, "submit", never)

    async def story(browser: httpx.AsyncClient) -> None:
        answer = await browser.post(f"/api/v1/cases/{case}/acknowledge", json={})
        assert (answer.status_code, answer.json()["code"]) == (504, "no_answer_in_time")

    as_operator(stage, story)


def test_a_look_at_a_camera_is_written_once_and_before_the_picture(
    stage: Stage, clock: ManualClock
) -> None:
    stage.breathe(CALM)

    async def story(browser: httpx.AsyncClient) -> None:
        for _ in range(3):
            still = await browser.get("/api/v1/cameras/gulou/still.jpg")
            assert still.status_code == 200
        assert still.headers["content-type"] == "image/jpeg"
        assert still.headers["x-still-sight"] == "live"
        assert still.content.startswith(b"\xff\xd8")
        assert stage.pictures.watched == {"gulou"}
        assert [(one.verb, one.subject) for one in stage.decisions] == [(Verb.LOOK, "gulou")]
        clock.advance(LASTS_S)
        await browser.get("/api/v1/cameras/gulou/still.jpg")
        assert len(stage.decisions) == 2
        stage.refusal = "audit_unwritten"
        assert (await browser.get("/api/v1/cameras/lotus-north/still.jpg")).status_code == 409
        assert (await browser.get("/api/v1/cameras/nowhere/still.jpg")).status_code == 404

    as_operator(stage, story)


def test_no_picture_yet_is_not_an_error(stage: Stage) -> None:
    async def story(browser: httpx.AsyncClient) -> None:
        assert (await browser.get("/api/v1/cameras/gulou/still.jpg")).status_code == 204

    as_operator(stage, story)


def test_looking_into_the_room(stage: Stage) -> None:
    case = red(stage)

    async def story(browser: httpx.AsyncClient) -> None:
        site = await browser.get("/api/v1/site")
        assert site.json()["zones"][0]["raise_at"]["red"] == 5.0
        assert "rtsp" not in site.text
        tag = site.headers["etag"]
        again = await browser.get("/api/v1/site", headers={"If-None-Match": tag})
        assert again.status_code == 304
        cases = (await browser.get("/api/v1/cases?open=true&limit=2")).json()
        assert len(cases["cases"]) == 2
        following = await browser.get(f"/api/v1/cases?open=true&before={cases['next']}")
        assert len(following.json()["cases"]) == 2
        assert (await browser.get(f"/api/v1/cases/{case}")).json()["level"] == "red"
        steps = (await browser.get(f"/api/v1/cases/{case}/transitions")).json()["transitions"]
        assert [step["change"] for step in steps][:2] == ["opened", "stepped_up"]
        orders = (await browser.get(f"/api/v1/orders?case={case}")).json()["orders"]
        assert {order["state"] for order in orders} == {"sent", "received", "played", "refused"}
        assert all("payload" not in order for order in orders)
        series = await browser.get("/api/v1/series/zone/bridge/occupancy?minutes=60&step_s=60")
        points = series.json()["points"]
        assert 55 <= len(points) <= 62
        assert points[0]["low"] <= points[0]["mean"] <= points[0]["high"]
        assert (await browser.get("/api/v1/series/zone/bridge/nonsense")).status_code == 404
        assert (await browser.get("/api/v1/cases/case-none")).status_code == 404

    as_operator(stage, story)


def test_the_visitors_board_tells_colours_and_no_numbers(stage: Stage) -> None:
    async def story() -> None:
        async with started(stage), client(stage) as visitor:
            await stage.app.state.context.live._ready.wait()
            stage.app.state.context.live.room.apply(_zones(stage), 0.0)
            board = await visitor.get("/public")
            assert board.headers["cache-control"] == "public, max-age=5"
            shown = {zone["id"]: zone for zone in board.json()["zones"]}
            assert shown["bridge"]["level"] == "red"
            assert shown["lotus"]["sight"] == "blind"
            assert set(shown["bridge"]) == {"id", "name", "sight", "level", "advice"}
            assert shown["lotus"]["advice"] == "no_information"

    asyncio.run(story())


def _zones(stage: Stage) -> Any:
    from model.commit import Commit  # noqa: PLC0415 - only this story makes a commit of its own

    judged = (stage.zone("bridge", 150, level=Level.RED),)
    return Commit(serial=1, at=stage.clock.now(), zones=judged)


def test_ready_says_why_not(stage: Stage) -> None:
    async def story() -> None:
        async with started(stage), client(stage) as probe:
            await stage.app.state.context.live._ready.wait()
            assert (await probe.get("/readyz")).status_code == 200
            stage.unready_reasons = ("broker_gone",)
            answer = await probe.get("/readyz")
            assert (answer.status_code, answer.json()["reasons"]) == (503, ["broker_gone"])
            assert (await probe.get("/healthz")).status_code == 200
            stage.unready_reasons = ()
            stage.feed.close()
            async with asyncio.timeout(60):
                told = [message async for message in stage.app.state.context.live.messages(None, 0)]
            assert len(told) >= 1
            assert (await probe.get("/readyz")).json()["reasons"] == ["live_feed_stopped"]

    asyncio.run(story())
