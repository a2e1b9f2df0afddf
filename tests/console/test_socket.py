"""The live connection over a real socket: who is let in, and who is not."""

from __future__ import annotations

import json

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from tests.console.server import Served, served
from tests.console.stage import PASSWORD, Stage


def cookie_of(server: Served, person: str) -> str:
    answer = httpx.post(
        f"{server.url}/api/v1/session", json={"person": person, "password": PASSWORD}
    )
    assert answer.status_code == 200
    return answer.headers["set-cookie"].partition(";")[0]


def live(server: Served, cookie: str | None, origin: str | None = None) -> Connection:
    headers = {} if cookie is None else {"Cookie": cookie}
    if origin is not None:
        headers["Origin"] = origin
    return connect(
        server.url.replace("http", "ws") + "/api/v1/live",
        additional_headers=headers,
        open_timeout=30,
        close_timeout=2,
        max_size=2**22,
        proxy=None,
    )


def closed_with(connection: Connection) -> int:
    with pytest.raises(ConnectionClosed) as told:
        while True:
            connection.recv(timeout=30)
    assert told.value.rcvd is not None
    return told.value.rcvd.code


def test_the_live_door(stage: Stage) -> None:
    stage.enrol("viewer", "responder")
    with served(stage) as server:
        viewer = cookie_of(server, "viewer")
        with live(server, viewer) as connection:
            kinds = [json.loads(connection.recv(timeout=30))["type"] for _ in range(2)]
            assert kinds == ["beat", "snapshot"]
        with live(server, None) as connection:
            assert closed_with(connection) == 4401
        with live(server, cookie_of(server, "responder")) as connection:
            assert closed_with(connection) == 4401
        with live(server, viewer, origin="http://elsewhere.test") as connection:
            assert closed_with(connection) == 4403
