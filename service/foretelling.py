"""The foreteller: keeps capacity and forecasts up to date beside the spine, and never in its way.

Everything is worked out from the store, so that a restart changes nothing and nothing is trained by hand: the zones'
rules and the past errors anew every night, the day at every full hour, each zone's next hour every minute.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from pydantic import TypeAdapter

from config.schema import SiteFile
from config.visits import Event
from crowd.capacity import DaySoFar, reckon
from crowd.forecast.day import foretell, look_back
from crowd.forecast.history import HistoryError
from crowd.forecast.nowcast import Nowcaster
from crowd.forecast.record import SiteRecord
from crowd.forecast.surroundings import Surroundings, Weather, read_weather
from crowd.forecast.zones_ahead import ZonesAhead
from model.clock import Clock
from model.outlook import Capacity, Outlook
from model.zones import ForecastPoint, ZoneView
from store.embedded import Store, StoreReader
from store.errors import FeedClosedError
from store.feed import Feed

log = logging.getLogger(__name__)

EVERY_S: Final = 60.0
COMMITS_WAITING: Final = 4096
OLD_AFTER: Final = timedelta(minutes=10)
"""Points that were made longer ago are not said any more."""

LEARN_AT: Final = dt.time(3, 30)
"""Of the site's own time: when fewest people are there and the night's readings are in."""

ANNOUNCED: Final = "announced_events"
"""Under which name the store keeps what operators announced at the console."""

_events = TypeAdapter(list[Event])


def announced(store: StoreReader) -> list[Event]:
    """What operators announced at the console, as the store keeps it."""
    kept = store.state(ANNOUNCED)
    return [] if kept is None else _events.validate_json(kept)


class Foreteller:
    """Capacity and forecast of one site. `run` keeps them fresh; everything else reads what is there."""

    def __init__(
        self, site: SiteFile, folder: Path, *, store: Store, feed: Feed, clock: Clock
    ) -> None:
        self._site = site
        self._folder = folder
        self._store = store
        self._clock = clock
        self._tz = ZoneInfo(site.site.timezone)
        self._record = SiteRecord(site, store)
        self._ahead = ZonesAhead([zone.id for zone in site.zones], self._tz, store)
        # From before the spine's first commit on, which tells every zone once.
        self._commits = feed.subscribe(COMMITS_WAITING)
        self._views: dict[str, ZoneView] = {}
        self._today: tuple[Mapping[str, DaySoFar], DaySoFar] = ({}, DaySoFar())
        self._outlook: Outlook | None = None
        self._loads: Mapping[str, float] = {}
        self._learned: tuple[dt.date, Nowcaster] | None = None
        self._told: tuple[object, ...] | None = None

    def capacity(self) -> Capacity:
        """The site and its zones against their capacity, as seen now."""
        zones, whole = self._today
        return reckon(self._site, dict(self._views), zones, whole, self._clock.now())

    def outlook(self) -> Outlook | None:
        """The newest forecast; none before the first was made."""
        return self._outlook

    def points(self, zone: str) -> tuple[ForecastPoint, ...]:
        """A zone's density in 15, 30 and 60 minutes; none while it is not seen."""
        outlook = self._outlook
        if outlook is None or self._clock.now() - outlook.at > OLD_AFTER:
            return ()
        return outlook.zones.get(zone, ())

    def foreseen(self, view: ZoneView) -> ZoneView:
        """A zone's view with what is expected of it, for rules that look ahead or over the day."""
        return msgspec.structs.replace(
            view, forecast=self.points(view.zone), day_load=self._loads.get(view.zone)
        )

    def events(self) -> list[Event]:
        """What operators announced at the console; the site file's own events are not among them."""
        return announced(self._store)

    def announce(self, event: Event) -> None:
        """Take up an event, in place of one with the same id; the next forecast reckons with it."""
        others = [each for each in self.events() if each.id != event.id]
        self._keep([*others, event])

    def withdraw(self, event: str) -> bool:
        """Forget an announced event; False where there is none of that id."""
        before = self.events()
        rest = [each for each in before if each.id != event]
        self._keep(rest)
        return len(rest) < len(before)

    def _keep(self, events: list[Event]) -> None:
        with self._store.transaction() as tx:
            tx.save_state(ANNOUNCED, _events.dump_json(events))

    async def run(self) -> None:
        """Follow the zones and renew what is foretold, until cancelled or the feed ends."""
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(self._follow(), name="foreteller follows the zones")
            renewing = tasks.create_task(self._renew_always(), name="foreteller renews")
            await asyncio.wait({following, renewing}, return_when=asyncio.FIRST_COMPLETED)
            following.cancel()
            renewing.cancel()

    async def _follow(self) -> None:
        with self._commits as commits:
            try:
                while True:
                    commit = await commits.next()
                    for judged in commit.zones:
                        self._views[judged.view.zone] = judged.view
            except FeedClosedError:
                return

    async def _renew_always(self) -> None:
        while True:
            work = asyncio.ensure_future(asyncio.to_thread(self.renew))
            try:
                await asyncio.shield(work)
            except asyncio.CancelledError:
                # The store is closed after us: no thread may still read from it then.
                await asyncio.wait({work})
                raise
            except Exception:
                # Warnings do not hang on a forecast: it grows old, which everyone sees, and is tried again.
                log.exception("the forecast could not be renewed")
            await asyncio.sleep(EVERY_S)

    def renew(self) -> None:
        """Bring everything up to date, as far as its time has come."""
        now = self._clock.now()
        around = self._surroundings()
        self._today = self._record.today(now)
        self._loads = {
            zone: line.day_load_pct / 100.0
            for zone, line in self.capacity().zones.items()
            if line.day_load_pct is not None
        }
        self._learn(now, around)
        self._tell_day(now, around)
        if self._learned is not None and self._outlook is not None:
            points = self._ahead.points(self._learned[1], now, around.is_free, dict(self._views))
            self._outlook = msgspec.structs.replace(self._outlook, at=now, zones=points)

    def _surroundings(self) -> Surroundings:
        visits = self._site.visits
        return Surroundings(
            calendar=visits.holidays,
            events=(*visits.events, *self.events()),
            weather=self._weather(),
        )

    def _weather(self) -> dict[dt.date, Weather]:
        name = self._site.visits.weather_file
        if name is None:
            return {}
        try:
            return read_weather(self._folder / name)
        except HistoryError as error:
            log.warning("the forecast goes on without the weather: %s", error)
            return {}

    def _learn(self, now: datetime, around: Surroundings) -> None:
        """At the start, and once every night: rules of the zones, and how good the forecasts were."""
        local = now.astimezone(self._tz)
        night = local.date() if local.time() >= LEARN_AT else local.date() - timedelta(days=1)
        if self._learned is not None and self._learned[0] >= night:
            return
        learned = self._ahead.learn(now, around.is_free)
        self._learned = (night, learned)
        errors, days = look_back(self._record.history(now), around, local.date())
        last = self._outlook or Outlook(at=now, today=None, tomorrow=None, zones={})
        self._outlook = msgspec.structs.replace(
            last, at=now, errors=errors, days=days, ahead=learned.errors
        )

    def _tell_day(self, now: datetime, around: Surroundings) -> None:
        """At every full hour, and where the events have changed."""
        local = now.astimezone(self._tz)
        told = (local.date(), local.hour, around.events)
        if told == self._told or self._outlook is None:
            return
        history = self._record.history(now)
        self._outlook = msgspec.structs.replace(
            self._outlook,
            at=now,
            today=foretell(history, around, local.date(), local.hour),
            tomorrow=foretell(history, around, local.date() + timedelta(days=1), 0),
        )
        self._told = told
