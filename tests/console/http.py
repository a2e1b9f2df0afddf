"""A browser without a window: one signed-in client per person, on the application itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from tests.console.stage import PASSWORD, Stage

ORIGIN = "http://console.test"


@asynccontextmanager
async def started(stage: Stage) -> AsyncIterator[None]:
    """The application's own life around a test."""
    app = stage.app
    async with app.router.lifespan_context(app):
        yield


def client(stage: Stage, *, address: str = "127.0.0.1") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=stage.app, client=(address, 40000))
    return httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers={"Origin": ORIGIN})


async def sign_in(
    browser: httpx.AsyncClient, person: str, password: str = PASSWORD
) -> httpx.Response:
    return await browser.post("/api/v1/session", json={"person": person, "password": password})
