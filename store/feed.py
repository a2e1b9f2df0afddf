"""The feed: every commit, told to whoever watches, after it became durable.

Publishing never waits. A subscriber that falls behind loses its oldest commits and is told so
(`lagged`, `lost`): it must then read the present state afresh and go on from there.
"""

from __future__ import annotations

import asyncio
from collections import deque
from threading import Condition, Lock
from typing import Self

from model.commit import Commit
from store.errors import FeedClosedError


class Subscription:
    """One watcher's bounded queue of commits; of use in a thread (`get`) or a task (`next`)."""

    def __init__(self, feed: Feed, maxsize: int) -> None:
        if maxsize < 1:
            raise ValueError("a subscription holds at least one commit")
        self._feed = feed
        self._queue: deque[Commit] = deque()
        self._maxsize = maxsize
        self._changed = Condition()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._closed = False
        self.lost = 0
        """Commits dropped since the subscription began."""
        self.lagged = False
        """Whether commits were dropped since `caught_up` was last called."""

    def caught_up(self) -> None:
        """Say that the state was read afresh: drop what waits from before and clear `lagged`."""
        with self._changed:
            self._queue.clear()
            self.lagged = False

    def get(self, timeout_s: float) -> Commit | None:
        """The next commit, or none within the time; raises `FeedClosedError` after the last."""
        with self._changed:
            if not self._queue and timeout_s > 0:
                self._changed.wait_for(lambda: self._queue or self._closed, timeout_s)
            return self._pop()

    async def next(self) -> Commit:
        """The next commit, awaited; raises `FeedClosedError` after the last."""
        while True:
            loop = asyncio.get_running_loop()
            with self._changed:
                commit = self._pop()
                if commit is not None:
                    return commit
                woken: asyncio.Future[None] = loop.create_future()
                waiter = (loop, woken)
                self._waiting.append(waiter)
            try:
                await woken
            finally:
                with self._changed:
                    if waiter in self._waiting:
                        self._waiting.remove(waiter)

    def _pop(self) -> Commit | None:
        if self._queue:
            return self._queue.popleft()
        if self._closed:
            raise FeedClosedError("the feed has ended")
        return None

    def put(self, commit: Commit) -> None:
        """Take one commit from the feed; the oldest goes if there is no room."""
        with self._changed:
            if self._closed:
                return
            if len(self._queue) >= self._maxsize:
                self._queue.popleft()
                self.lost += 1
                self.lagged = True
            self._queue.append(commit)
            self._wake()

    def close(self) -> None:
        """End it: what waits can still be read, then `FeedClosedError`."""
        with self._changed:
            self._closed = True
            self._wake()
        self._feed.remove(self)

    def _wake(self) -> None:
        self._changed.notify_all()
        waiting, self._waiting = self._waiting, []
        for loop, woken in waiting:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_set, woken)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Feed:
    """Where the spine tells its commits, and everyone else hears them."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []
        self._guard = Lock()
        self._closed = False

    def publish(self, commit: Commit) -> None:
        """Tell everybody; never waits for anybody."""
        with self._guard:
            subscriptions = tuple(self._subscriptions)
        for subscription in subscriptions:
            subscription.put(commit)

    def subscribe(self, maxsize: int = 256) -> Subscription:
        """Hear every commit from now on, with at most `maxsize` waiting."""
        subscription = Subscription(self, maxsize)
        with self._guard:
            if self._closed:
                raise FeedClosedError("the feed has ended")
            self._subscriptions.append(subscription)
        return subscription

    def remove(self, subscription: Subscription) -> None:
        """Stop telling a subscription; harmless when it is gone already."""
        with self._guard:
            if subscription in self._subscriptions:
                self._subscriptions.remove(subscription)

    def close(self) -> None:
        """End every subscription."""
        with self._guard:
            self._closed = True
            subscriptions = tuple(self._subscriptions)
        for subscription in subscriptions:
            subscription.close()


def _set(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)
