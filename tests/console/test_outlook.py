"""Capacity, forecast and announced events at the door: real parts behind it, real words in front."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from console.diary import Act
from model.clock import ManualClock
from tests.console.http import client, sign_in, started
from tests.console.stage import CALM, FULL, Stage
from tests.waiting import eventually

EVENT = {
    "id": "lanterns",
    "name": {"zh": "灯会", "en": "Lanterns"},
    "first": "2026-10-01",
    "last": "2026-10-03",
    "more_visitors": 0.5,
}


def _views(stage: Stage, people: Mapping[str, float | None]) -> None:
    stage.commit(zones=tuple(stage.zone(zone, number) for zone, number in people.items()))


@asynccontextmanager
async def _running(stage: Stage) -> AsyncIterator[None]:
    """The foreteller at work; it has ended, threads and all, when the block has."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(stage.foreteller.run())
        yield
        task.cancel()


async def _seen(stage: Stage, zones: int) -> None:
    """Until the foreteller has heard of so many zones."""

    def heard_of() -> int:
        lines = stage.foreteller.capacity().zones.values()
        return sum(line.people is not None for line in lines)

    await eventually(lambda: heard_of() >= zones)


def test_capacity_is_as_the_zones_are_seen(stage: Stage) -> None:
    stage.enrol("viewer")

    async def story() -> dict[str, Any]:
        async with started(stage), client(stage) as browser:
            async with _running(stage):
                _views(stage, {**FULL, "gulou": None})
                await _seen(stage, 5)
                await sign_in(browser, "viewer")
                answer = await browser.get("/api/v1/capacity")
            assert answer.status_code == 200
            return dict(answer.json())

    found = asyncio.run(story())
    bridge = found["zones"]["bridge"]
    assert bridge["people"] == FULL["bridge"]
    assert bridge["load_pct"] == pytest.approx(100 * FULL["bridge"] / 150, abs=0.1)
    assert bridge["near_limit"] is True
    assert found["zones"]["gulou"]["people"] is None
    assert found["site"]["zones_unseen"] == ["gulou"]
    assert found["site"]["mean_stay_source"] == "site_file"


def test_the_forecast_comes_with_its_notes_points_and_errors(
    stage: Stage, clock: ManualClock
) -> None:
    stage.enrol("viewer")

    async def story() -> None:
        async with started(stage), client(stage) as browser:
            await sign_in(browser, "viewer")
            early = await browser.get("/api/v1/forecast")
            assert early.status_code == 204
            async with _running(stage):
                for _ in range(3):
                    _views(stage, CALM)
                    clock.advance(200)
                await _seen(stage, 6)
            await asyncio.to_thread(stage.foreteller.renew)
            found = (await browser.get("/api/v1/forecast")).json()
        assert "no_day_to_learn_from" in found["today"]["notes"]
        assert found["today"]["visitors"] is None
        assert [each["minutes"] for each in found["ahead"]] == [15, 30, 60]
        points = found["zones"]["bridge"]
        assert [round(each["density_p_m2"], 2) for each in points] == [round(46 / 150, 2)] * 3
        assert all(each["low"] < each["density_p_m2"] < each["high"] for each in points)
        assert stage.foreteller.points("bridge")[0].density_p_m2 == points[0]["density_p_m2"]
        clock.advance(timedelta(minutes=11).total_seconds())
        assert stage.foreteller.points("bridge") == (), "old points are not said any more"

    asyncio.run(story())


def test_events_are_announced_by_operators_noted_and_taken_back(stage: Stage) -> None:
    stage.enrol("operator", "viewer")

    async def story() -> None:
        async with started(stage), client(stage) as browser:
            await sign_in(browser, "operator")
            put = await browser.put("/api/v1/events/lanterns", json=EVENT)
            assert put.status_code == 200, put.text
            assert (await browser.put("/api/v1/events/other", json=EVENT)).status_code == 422
            backwards = {**EVENT, "last": "2026-09-01"}
            assert (await browser.put("/api/v1/events/lanterns", json=backwards)).status_code == 422
            listed = (await browser.get("/api/v1/events")).json()
            assert [each["id"] for each in listed["announced"]] == ["lanterns"]
            gone = await browser.request("DELETE", "/api/v1/events/lanterns", json={})
            assert gone.status_code == 204
            again = await browser.request("DELETE", "/api/v1/events/lanterns", json={})
            assert again.status_code == 404

    asyncio.run(story())
    acts = [(each.act, each.subject) for each in stage.noted if each.act is not Act.SIGNED_IN]
    assert acts == [(Act.EVENT_ANNOUNCED, "lanterns"), (Act.EVENT_WITHDRAWN, "lanterns")]
