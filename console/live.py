"""The live feed: one snapshot of the room, then its changes, to every console.

Messages are JSON: `snapshot` (whole room), `changes` (cards that are new, and ids that left) and
`beat` (every two seconds, so that silence means a lost connection). Serials grow by one a change
and belong to one `run` of the service; a console that comes back with both is told only what it
missed. A console that does not keep up loses its waiting changes and gets a fresh snapshot.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Mapping

import msgspec
from anyio import to_thread

from console.ports import Backlog
from console.room import Room, Touched
from console.views import AnyCard, DispatchCard, Section
from model.announcements import Announcement
from model.cases import Case, Transition
from model.clock import Clock
from model.duty import ArmedEntrance, OnDuty
from model.facts import DeviceKind, Fact
from model.orders import OrderRecord
from store.embedded import Store
from store.errors import FeedClosedError
from store.feed import Feed, Subscription

log = logging.getLogger(__name__)

COMMITS_WAITING = 4096
CHANGES_WAITING = 64
CHANGES_REMEMBERED = 256
CONSOLES_AT_MOST = 500
BEAT_S = 2.0
GATHER_S = 0.2
"""Changes are gathered this long, so that a busy site does not redraw for every reading."""
_BATCH = 500
_RECALLED = (DeviceKind.CAMERA, DeviceKind.SENSOR, DeviceKind.COUNTER)

_encoder = msgspec.json.Encoder()


class TooManyConsolesError(Exception):
    """No more consoles can be connected."""


class Watcher:
    """One connected console's waiting changes."""

    def __init__(self) -> None:
        self.waiting: asyncio.Queue[str] = asyncio.Queue(maxsize=CHANGES_WAITING)
        self.behind = False

    def tell(self, message: str) -> None:
        """Hand over a change; a full queue means a fresh snapshot instead."""
        try:
            self.waiting.put_nowait(message)
        except asyncio.QueueFull:
            self.behind = True


class LiveFeed:
    """The room kept up to date from the store's feed, and everyone who watches it."""

    def __init__(
        self, *, room: Room, store: Store, feed: Feed, clock: Clock, site_version: str
    ) -> None:
        self.room = room
        self.run_id = secrets.token_hex(8)
        self.serial = 0
        self._store = store
        self._feed = feed
        self._clock = clock
        self._site_version = site_version
        self._watchers: set[Watcher] = set()
        self._remembered: deque[tuple[int, str]] = deque(maxlen=CHANGES_REMEMBERED)
        self._cards: tuple[int, msgspec.Raw] | None = None
        self._ready = asyncio.Event()
        self.following = False
        """Whether the room is being kept up to date."""
        self.ended = False
        """Whether it was kept up to date once and never will be again: a restart mends that."""

    @property
    def consoles(self) -> int:
        """How many consoles are connected."""
        return len(self._watchers)

    async def run(self) -> None:
        """Follow the feed until it ends; consoles are let go then, so that none shows old as new."""
        self.following = True
        try:
            with self._feed.subscribe(COMMITS_WAITING) as subscription:
                await self._recall()
                self._ready.set()
                while True:
                    await self._step(subscription)
        except FeedClosedError:
            log.info("the feed has ended, and with it the live feed of the consoles")
        except Exception:
            log.critical("the live feed of the consoles stopped", exc_info=True)
            raise
        finally:
            self.following = False
            self.ended = True

    async def _step(self, subscription: Subscription) -> None:
        began = self._clock.monotonic()
        if subscription.lagged:
            log.warning("the live feed fell behind; cases and orders are read afresh")
            subscription.caught_up()
            await self._recall()
            self._forget_changes()
        touched: Touched = {}
        try:
            async with asyncio.timeout(GATHER_S):
                commit = await subscription.next()
        except TimeoutError:
            pass
        else:
            _join(touched, self.room.apply(commit, self._clock.monotonic()))
            for _ in range(_BATCH):
                more = subscription.get(0)
                if more is None:
                    break
                _join(touched, self.room.apply(more, self._clock.monotonic()))
        _join(touched, self.room.tick(self._clock.monotonic()))
        if touched:
            self._tell(touched)
            await asyncio.sleep(max(0.0, GATHER_S - (self._clock.monotonic() - began)))

    async def _recall(self) -> None:
        store = self._store

        def read() -> tuple[list[tuple[Case, list[Transition]]], list[OrderRecord], list[Fact]]:
            found = [*store.cases(limit=20), *store.cases(open_only=True, limit=500)]
            cases = {case.id: case for case in found}
            return (
                [(case, store.transitions(case.id)) for case in cases.values()],
                store.orders(limit=1000)[::-1],
                [fact for kind in _RECALLED for fact in store.latest(kind)],
            )

        self.room.recall(*await to_thread.run_sync(read))
        duty, armed = (
            await to_thread.run_sync(store.state, "duty"),
            await to_thread.run_sync(store.state, "armed"),
        )
        self.room.recall_people(
            msgspec.json.decode(duty or b"[]", type=tuple[OnDuty, ...]),
            msgspec.json.decode(armed or b"[]", type=tuple[ArmedEntrance, ...]),
        )

        typed = await to_thread.run_sync(store.state, "announcements")
        self.room.recall_announcements(
            msgspec.json.decode(typed or b"[]", type=tuple[Announcement, ...])
        )

    def show_dispatches(self, cards: Mapping[str, DispatchCard], *, whole: bool = False) -> None:
        """Tell every console of reported problems at once."""
        touched = self.room.show_dispatches(cards, whole=whole)
        if touched:
            self._tell(touched)

    def show_backlog(self, backlog: Backlog) -> None:
        """Tell every console what waits for the time-series server, where that has changed."""
        touched = self.room.show_backlog(backlog)
        if touched:
            self._tell(touched)

    def _forget_changes(self) -> None:
        self.serial += 1
        self._remembered.clear()
        for watcher in self._watchers:
            watcher.behind = True

    def _tell(self, touched: Touched) -> None:
        self.serial += 1
        if not self._watchers:
            self._remembered.clear()
            return
        message = self._changes(touched)
        self._remembered.append((self.serial, message))
        for watcher in self._watchers:
            watcher.tell(message)

    def _changes(self, touched: Touched) -> str:
        news: dict[Section, dict[str, AnyCard]] = {}
        gone: dict[Section, list[str]] = {}
        for section, ids in touched.items():
            cards = self.room.cards[section]
            for key in ids:
                if key in cards:
                    news.setdefault(section, {})[key] = cards[key]
                else:
                    gone.setdefault(section, []).append(key)
        body: dict[str, object] = {
            "type": "changes",
            "serial": self.serial,
            "at": self._clock.now(),
        }
        return _encoder.encode(body | {"set": news, "drop": gone}).decode()

    def snapshot(self) -> str:
        """The whole room as one message; its cards are encoded once a serial for all who ask."""
        if self._cards is None or self._cards[0] != self.serial:
            self._cards = (self.serial, msgspec.Raw(_encoder.encode(self.room.cards)))
        body = {
            "type": "snapshot",
            "run": self.run_id,
            "serial": self.serial,
            "at": self._clock.now(),
            "site": self._site_version,
            "room": self._cards[1],
        }
        return _encoder.encode(body).decode()

    def _beat(self) -> str:
        body = {"type": "beat", "serial": self.serial, "at": self._clock.now()}
        return _encoder.encode(body).decode()

    def _missed(self, run: str | None, serial: int | None) -> list[str] | None:
        """The changes since a serial of this run; none where a snapshot is needed."""
        if run != self.run_id or serial is None or serial > self.serial:
            return None
        if serial == self.serial:
            return []
        if not self._remembered or self._remembered[0][0] > serial + 1:
            return None
        return [message for number, message in self._remembered if number > serial]

    async def messages(self, run: str | None, serial: int | None) -> AsyncGenerator[str, None]:
        """What one console is told, from its first message until it goes."""
        await self._ready.wait()
        if len(self._watchers) >= CONSOLES_AT_MOST:
            raise TooManyConsolesError
        watcher = Watcher()
        missed = self._missed(run, serial)
        self._watchers.add(watcher)
        try:
            yield self._beat()
            for message in [self.snapshot()] if missed is None else missed:
                yield message
            while self.following:
                if watcher.behind:
                    watcher.waiting = asyncio.Queue(maxsize=CHANGES_WAITING)
                    watcher.behind = False
                    yield self.snapshot()
                try:
                    async with asyncio.timeout(BEAT_S):
                        message = await watcher.waiting.get()
                except TimeoutError:
                    message = self._beat()
                yield message
        finally:
            self._watchers.discard(watcher)


def _join(into: Touched, more: Touched) -> None:
    for section, ids in more.items():
        into.setdefault(section, set()).update(ids)
