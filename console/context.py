"""What every endpoint works with: the site, the ports, the room and the live feed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from config.editing import SiteEditor
from config.schema import Person, SiteFile
from console.live import LiveFeed
from console.looks import Looks
from console.ports import (
    Desk,
    LiveVideo,
    Outbox,
    Pictures,
    Prospects,
    Readiness,
    Recordings,
)
from console.throttle import Throttle
from model.clock import Clock
from store.dispatches import Dispatches
from store.embedded import Store
from store.people import Accounts


@dataclass(frozen=True, kw_only=True)
class Context:
    """The console's parts, made once by `create_app`."""

    site: SiteFile
    site_document: bytes
    site_version: str
    people: dict[str, Person]
    clock: Clock
    store: Store
    accounts: Accounts
    dispatches: Dispatches
    desk: Desk
    pictures: Pictures
    live_video: LiveVideo | None
    readiness: Readiness
    editor: SiteEditor | None
    site_saved: Callable[[], object]
    prospects: Prospects | None
    outbox: Outbox | None
    recordings: Recordings | None
    reports_folder: Path | None
    live: LiveFeed
    looks: Looks
    throttle: Throttle
    registry: CollectorRegistry
    metrics_token: str | None
    static: Path
    one_time: set[str] = field(default_factory=set)
    """Sessions begun with a one-time password: they may set a password without giving the old."""


def context_of(app: FastAPI) -> Context:
    """The context of a running app."""
    context = app.state.context
    assert isinstance(context, Context)  # noqa: S101 - set by create_app alone
    return context
