"""Taking up where the last commit left off: the pure deciders and the announcer of one site."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from alerts.engine import AlertEngine
from config.schema import SiteFile
from crowd.assignment import Assigner, expected_cost
from crowd.zones import ZoneFusion
from devices.health import HealthRegistry
from devices.outbox import Outbox
from devices.pending import KEEP_FINISHED
from devices.writing import Recorded, Sign, no_recording
from model.clock import Clock
from model.zones import ForecastPoint
from service.announcer import Announcer, Speaker
from service.spine import ALERTS, ZONES, Deciders
from store.embedded import Store
from store.tidying import Keeping
from wire.topics import Topics

UNFINISHED_MOST = 100_000
RECENT_WARNINGS = 100
"""So many of the last cases are announced anew: a kill may have swallowed a closed one's last word."""


def keeping_of(site: SiteFile) -> Keeping:
    """How long the site keeps what was."""
    return Keeping(
        readings=timedelta(days=site.store.keep_days),
        summaries=timedelta(days=site.store.keep_summaries_days),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Makers:
    """What the deciders are made of; a drill puts a faulty part in place of a right one."""

    fusion: type[ZoneFusion] = ZoneFusion
    engine: type[AlertEngine] = AlertEngine
    outbox: type[Outbox] = Outbox
    registry: type[HealthRegistry] = HealthRegistry


def resume_deciders(
    site: SiteFile,
    store: Store,
    sign: Sign,
    *,
    clock: Clock,
    new_id: Callable[[], str],
    makers: Makers | None = None,
    recorded: Recorded = no_recording,
) -> Deciders:
    """The pure parts, as they stood at the last commit."""
    make = makers or Makers()
    with store.transaction() as tx:
        last_counter = tx.last_counter()
    return Deciders(
        fusion=make.fusion(site, snapshot=store.state(ZONES)),
        engine=make.engine(site, new_id=new_id, snapshot=store.state(ALERTS)),
        outbox=make.outbox(
            site,
            sign,
            last_counter=last_counter,
            unfinished=store.orders(unfinished=True, limit=UNFINISHED_MOST),
            lately=store.orders(limit=KEEP_FINISHED),
            now=clock.now(),
            mono=clock.monotonic(),
            new_id=new_id,
            recorded=recorded,
        ),
        registry=make.registry(site),
        assigner=Assigner({camera.id: expected_cost(camera) for camera in site.cameras}),
    )


def resume_announcer(
    site: SiteFile,
    store: Store,
    speaker: Speaker,
    deciders: Deciders,
    *,
    node: str,
    clock: Clock,
    forecast: Callable[[str], tuple[ForecastPoint, ...]] = lambda _: (),
) -> Announcer:
    """The announcer, owing the world every open warning and the last ones."""
    return Announcer(
        node=node,
        topics=Topics(site.site.id),
        speaker=speaker,
        assigner=deciders.assigner,
        clock=clock,
        tz=ZoneInfo(site.site.timezone),
        warnings=(*store.cases(limit=RECENT_WARNINGS), *deciders.engine.open_cases()),
        forecast=forecast,
    )
