"""The console as one application: every port handed in, every door watched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType

from fastapi import Depends, FastAPI
from fastapi.staticfiles import StaticFiles
from prometheus_client import CollectorRegistry, Gauge

from config.editing import SiteEditor
from config.schema import SiteFile
from console import layout, problems
from console.backlog import keep_backlog
from console.bounds import BoundedBodies
from console.context import Context
from console.dispatching import keep_dispatches
from console.doors import enforce
from console.headers import SafeHeaders
from console.live import LiveFeed
from console.looks import Looks
from console.photographs import BYTES_AT_MOST
from console.policy import PHOTOS
from console.ports import (
    Desk,
    LiveVideo,
    Outbox,
    Pictures,
    Prospects,
    Readiness,
    Recordings,
)
from console.room import Room
from console.routes import (
    acting,
    administration,
    broadcasts,
    cap,
    decisions,
    field,
    outlook,
    outside,
    reports,
    room,
    sessions,
    watching,
)
from console.throttle import Throttle
from model.clock import Clock
from store.dispatches import Dispatches
from store.embedded import Store
from store.feed import Feed
from store.people import Accounts

BODY_AT_MOST = 16 * 1024
STATIC = Path(__file__).parent / "static"


@asynccontextmanager
async def _living(app: FastAPI) -> AsyncIterator[None]:
    context = app.state.context
    async with asyncio.TaskGroup() as tasks:
        parts = [
            tasks.create_task(context.live.run(), name="console live feed"),
            tasks.create_task(keep_dispatches(context), name="console dispatches"),
            tasks.create_task(keep_backlog(context), name="console backlog"),
        ]
        yield
        for part in parts:
            part.cancel()


def create_app(
    *,
    site: SiteFile,
    clock: Clock,
    store: Store,
    feed: Feed,
    accounts: Accounts,
    dispatches: Dispatches,
    desk: Desk,
    pictures: Pictures,
    readiness: Readiness,
    live_video: LiveVideo | None = None,
    editor: SiteEditor | None = None,
    site_saved: Callable[[], object] = lambda: None,
    prospects: Prospects | None = None,
    outbox: Outbox | None = None,
    recordings: Recordings | None = None,
    reports_folder: Path | None = None,
    registry: CollectorRegistry | None = None,
    metrics_token: str | None = None,
    learnt_for: Mapping[str, str] = MappingProxyType({}),
    static: Path = STATIC,
) -> FastAPI:
    """Make the console. It follows `feed` from the moment the server starts it.

    `learnt_for` is the network that each camera's correction file was learnt for.
    """
    registry = registry or CollectorRegistry()
    site_document, site_version = layout.document(site, learnt_for)
    live = LiveFeed(room=Room(site), store=store, feed=feed, clock=clock, site_version=site_version)
    app = FastAPI(
        title="Yinding",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=_living,
    )
    app.state.context = Context(
        site=site,
        site_document=site_document,
        site_version=site_version,
        people={person.id: person for person in site.people},
        clock=clock,
        store=store,
        accounts=accounts,
        dispatches=dispatches,
        desk=desk,
        pictures=pictures,
        live_video=live_video,
        editor=editor,
        site_saved=site_saved,
        readiness=readiness,
        prospects=prospects,
        outbox=outbox,
        recordings=recordings,
        reports_folder=reports_folder,
        live=live,
        looks=Looks(),
        throttle=Throttle(),
        registry=registry,
        metrics_token=metrics_token,
        static=static,
    )
    gauge = Gauge("yinding_consoles", "Consoles connected to the live feed", registry=registry)
    gauge.set_function(lambda: live.consoles)
    problems.install(app)
    app.add_middleware(BoundedBodies, bytes_at_most=BODY_AT_MOST, larger={PHOTOS: BYTES_AT_MOST})
    app.add_middleware(SafeHeaders)
    for router in (
        sessions.router,
        room.router,
        decisions.router,
        acting.router,
        broadcasts.router,
        field.router,
        administration.router,
        outlook.router,
        reports.router,
        outside.router,
        cap.router,
    ):
        app.include_router(router, dependencies=[Depends(enforce)], max_body_size=BODY_AT_MOST)
    app.include_router(field.photos, dependencies=[Depends(enforce)], max_body_size=BYTES_AT_MOST)
    app.include_router(room.live_router)
    app.include_router(watching.router)
    if static.is_dir():
        app.mount("/", StaticFiles(directory=static), name="page")
    return app
