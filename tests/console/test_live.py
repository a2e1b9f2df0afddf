"""The live feed: a snapshot, then changes, and the truth about what was missed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from console.live import CHANGES_WAITING, COMMITS_WAITING, LiveFeed
from console.views import Section
from model.facts import BollardPosition
from model.level import Level
from tests.console.stage import CALM, Stage

Message = dict[str, Any]


@asynccontextmanager
async def following(stage: Stage) -> AsyncIterator[LiveFeed]:
    live: LiveFeed = stage.app.state.context.live
    task = asyncio.create_task(live.run(), name="live feed under test")
    try:
        yield live
    finally:
        task.cancel()


async def hear(messages: AsyncGenerator[str, None]) -> Message:
    async with asyncio.timeout(60):
        return dict(json.loads(await anext(messages)))


async def hear_kind(messages: AsyncGenerator[str, None], kind: str) -> Message:
    while True:
        message = await hear(messages)
        if message["type"] == kind:
            return message


def test_a_console_is_told_the_whole_room_and_then_only_what_changes(stage: Stage) -> None:
    async def story() -> None:
        stage.breathe(CALM)
        async with following(stage) as live, aclosing(live.messages(None, None)) as messages:
            assert (await hear(messages))["type"] == "beat"
            snapshot = await hear(messages)
            assert snapshot["type"] == "snapshot"
            assert set(snapshot["room"]) == {section.value for section in Section}
            assert snapshot["site"] == live._site_version
            stage.commit(zones=(stage.zone("bridge", 77, level=Level.BLUE),))
            change = await hear_kind(messages, "changes")
            assert change["serial"] > snapshot["serial"]
            assert change["set"]["zones"]["bridge"]["occupancy"] == 77
            assert change["set"]["zones"]["bridge"]["level"] == "blue"
            assert set(change["set"]["zones"]) == {"bridge"}

    asyncio.run(story())


def test_absent_numbers_are_absent_in_what_is_told(stage: Stage) -> None:
    async def story() -> None:
        async with following(stage) as live, aclosing(live.messages(None, None)) as messages:
            await hear_kind(messages, "snapshot")
            stage.commit(zones=(stage.zone("bridge", None),))
            change = await hear_kind(messages, "changes")
            zone = change["set"]["zones"]["bridge"]
            assert zone["sight"] == "blind"
            assert "occupancy" not in zone
            assert "density_p_m2" not in zone

    asyncio.run(story())


def test_a_console_that_comes_back_is_told_only_what_it_missed(stage: Stage) -> None:
    async def story() -> None:
        async with following(stage) as live, aclosing(live.messages(None, None)) as stays:
            snapshot = await hear_kind(stays, "snapshot")
            for people in (11, 12, 13):
                stage.commit(zones=(stage.zone("bridge", people),))
                await hear_kind(stays, "changes")
            async with aclosing(live.messages(live.run_id, snapshot["serial"])) as back:
                assert (await hear(back))["type"] == "beat"
                missed = [await hear(back) for _ in range(3)]
                counted = [one["set"]["zones"]["bridge"]["occupancy"] for one in missed]
                assert counted == [11, 12, 13]

    asyncio.run(story())


@pytest.mark.parametrize("run", ["another-run", None])
def test_after_a_restart_of_the_service_there_is_a_snapshot(stage: Stage, run: str | None) -> None:
    async def story() -> None:
        async with following(stage) as live, aclosing(live.messages(run, 0)) as messages:
            await hear(messages)
            assert (await hear(messages))["type"] == "snapshot"

    asyncio.run(story())


def test_a_console_that_does_not_keep_up_gets_a_fresh_snapshot(stage: Stage) -> None:
    async def story() -> None:
        async with following(stage) as live, aclosing(live.messages(None, None)) as slow:
            await hear_kind(slow, "snapshot")
            for number in range(CHANGES_WAITING + 5):
                touched = live.room.apply(_moved(stage, number), 0.0)
                live._tell(touched)
            again = await hear(slow)
            assert again["type"] == "snapshot"
            assert again["room"]["zones"]["bridge"]["occupancy"] == CHANGES_WAITING + 4

    asyncio.run(story())


def _moved(stage: Stage, people: int) -> Any:
    from model.commit import Commit  # noqa: PLC0415 - only this story makes commits of its own

    return Commit(serial=people, at=stage.clock.now(), zones=(stage.zone("bridge", people),))


def test_when_the_feed_itself_overflows_cases_are_read_afresh(stage: Stage) -> None:
    async def story() -> None:
        async with following(stage) as live, aclosing(live.messages(None, None)) as messages:
            await hear_kind(messages, "snapshot")
            # All in one go, so that the follower cannot run in between.
            stage.open_case("bridge", Level.RED)
            for number in range(COMMITS_WAITING + 1):
                stage.feed.publish(_moved(stage, number))
            snapshot = await hear_kind(messages, "snapshot")
            while "case-bridge-crowding" not in snapshot["room"]["cases"]:
                snapshot = await hear_kind(messages, "snapshot")

    asyncio.run(story())


def test_what_was_open_before_a_restart_is_in_the_first_snapshot(stage: Stage) -> None:
    async def story() -> None:
        case = stage.open_case("bridge", Level.RED)
        stage.breathe(CALM, up=frozenset({"north"}))
        async with following(stage) as live, aclosing(live.messages(None, None)) as messages:
            room = (await hear_kind(messages, "snapshot"))["room"]
            assert room["cases"][case]["case"]["level"] == "red"
            assert room["cases"][case]["history"][0]["change"] == "opened"
            assert room["cameras"]["gulou"]["count"] > 0
            # What a lane said before the restart proves nothing now.
            assert room["lanes"]["north-1"]["guard"] == "not_protecting"

    asyncio.run(story())


def test_a_lane_that_falls_silent_is_told_without_any_message_from_the_field(
    stage: Stage,
) -> None:
    async def story() -> None:
        async with following(stage) as live, aclosing(live.messages(None, None)) as messages:
            await hear_kind(messages, "snapshot")
            stage.commit(facts=(stage.lane("north-1", BollardPosition.UP),))
            up = await hear_kind(messages, "changes")
            assert up["set"]["lanes"]["north-1"]["guard"] == "protecting"
            stage.clock.advance(4)  # type: ignore[attr-defined]  # the fixture's clock is a ManualClock
            silent = await hear_kind(messages, "changes")
            assert silent["set"]["lanes"]["north-1"]["why"] == "silent"

    asyncio.run(story())


def test_a_live_feed_that_breaks_ends_for_all_to_see(stage: Stage) -> None:
    class BrokenError(Exception):
        """What a mistake of our own would raise."""

    def break_off(*_: object) -> None:
        raise BrokenError

    async def story() -> None:
        live: LiveFeed = stage.app.state.context.live
        live.room.tick = break_off  # type: ignore[method-assign,assignment]  # the mistake itself
        with pytest.raises(BrokenError):
            await live.run()
        assert (live.following, live.ended) == (False, True)

    asyncio.run(story())
