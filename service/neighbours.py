"""Those outside: our warnings to other centres and to people, and other centres' warnings to us."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from zoneinfo import ZoneInfo

from config.schema import CapFeed
from ingest.cap_feed import AlertBook, follow
from ingest.side_door import SideDoor
from model.clock import Clock
from model.facts import SensorAlarm
from service.announcer import Speaker
from service.cap_out import CapOut
from service.site import LoadedSite
from service.standby import records_address
from store.embedded import StoreReader
from store.errors import StoreError
from store.feed import Feed
from store.notices import Notices
from wire.codec import encode
from wire.topics import Topics

log = logging.getLogger(__name__)


@contextmanager
def ledger_of(loaded: LoadedSite) -> Iterator[Notices | None]:
    """What was told to people, where the site tells any; without it they are told and nothing is noted.

    The terminals and the room do not depend on it, so the service starts all the same.
    """
    if not loaded.site.notify:
        yield None
        return
    try:
        ledger = Notices.open(loaded.data_folder, records_address(loaded))
    except (StoreError, OSError) as error:
        log.error("people are told of what happens from now on, and nothing is noted: %s", error)
        yield None
        return
    with closing(ledger):
        yield ledger


def start_neighbours(
    tasks: asyncio.TaskGroup,
    loaded: LoadedSite,
    *,
    store: StoreReader,
    feed: Feed,
    speaker: Speaker,
    door: SideDoor,
    notices: Notices | None,
    clock: Clock,
) -> None:
    """Speak to and hear from other centres, as tasks of a group."""
    site = loaded.site
    out = CapOut(site, store, speaker, base=loaded.folder)
    tasks.create_task(out.run(feed), name="CAP messages out")
    if site.notify:
        # The library takes long to load, and every command would wait for it.
        from service.notifying import notifiers_of, tell_people  # noqa: PLC0415

        notifiers = notifiers_of(loaded, notices, clock)
        telling = tell_people(notifiers, feed, store=store, clock=clock)
        tasks.create_task(telling, name="people are told")
    for each in site.cap.feeds:
        book = AlertBook(each, site.site.origin)
        coming = follow(each, book, clock, _teller(loaded, each, door))
        tasks.create_task(coming, name=f"CAP feed of {each.sensor}")


def _teller(loaded: LoadedSite, feed: CapFeed, door: SideDoor) -> Callable[[SensorAlarm], None]:
    """Hands a feed's alarms in, as if its sensor had sent them."""
    topic = Topics(loaded.site.site.id).alarm(feed.sensor)
    tz = ZoneInfo(loaded.site.site.timezone)

    def tell(alarm: SensorAlarm) -> None:
        door.put(topic, encode(alarm, tz=tz))

    return tell
