"""The CAP feed at the door: after sign-in, one entry a message, each a whole alert."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from model.cap.alert import MessageType
from model.cap.document import parse, read
from model.level import Level
from tests.console.http import client, sign_in, started
from tests.console.stage import Stage

ATOM = "{http://www.w3.org/2005/Atom}"


def told(stage: Stage, person: str | None, *paths: str) -> list[httpx.Response]:
    async def whole() -> list[httpx.Response]:
        async with started(stage), client(stage) as browser:
            if person is not None:
                await sign_in(browser, person)
            return [await browser.get(path) for path in paths]

    return asyncio.run(whole())


def test_the_feed_lists_a_warnings_messages_and_each_is_a_cap_alert(stage: Stage) -> None:
    case = stage.open_case("bridge", Level.ORANGE)
    stage.enrol("viewer")
    (feed,) = told(stage, "viewer", "/cap")
    assert feed.headers["content-type"] == "application/atom+xml"
    (entry,) = parse(feed.content).findall(f"{ATOM}entry")
    link = entry.find(f"{ATOM}link")
    assert link is not None
    assert link.get("href", "").startswith(f"/cap/{case}-")
    message, missing, strange = told(
        stage, "viewer", link.get("href", ""), f"/cap/{case}-99", "/cap/nothing"
    )
    assert message.headers["content-type"] == "application/cap+xml"
    alert = read(message.content)
    assert alert.message_type is MessageType.ALERT
    assert alert.infos[0].areas[0].polygons
    assert (missing.status_code, strange.status_code) == (404, 404)


@pytest.mark.parametrize("path", ["/cap", "/cap/c-1-1"])
def test_who_is_not_signed_in_sees_no_message(stage: Stage, path: str) -> None:
    (answer,) = told(stage, None, path)
    assert answer.status_code == 401
