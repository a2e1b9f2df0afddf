"""The feed tells every commit, never waits for a listener, and tells a listener what it lost."""

from __future__ import annotations

import asyncio
import threading

import pytest

from model.commit import Commit
from store.errors import FeedClosedError
from store.feed import Feed, Subscription
from tests.store.words import at


def commit(serial: int) -> Commit:
    return Commit(serial=serial, at=at(serial))


def _publish(feed: Feed, many: int) -> None:
    for n in range(many):
        feed.publish(commit(n))


def test_every_subscriber_hears_every_commit_in_order() -> None:
    feed = Feed()
    one, other = feed.subscribe(), feed.subscribe()
    for n in range(3):
        feed.publish(commit(n))
    for subscription in (one, other):
        assert [subscription.get(0) for _ in range(4)] == [commit(0), commit(1), commit(2), None]


def test_a_slow_subscriber_loses_its_oldest_and_is_told() -> None:
    feed = Feed()
    slow, quick = feed.subscribe(2), feed.subscribe(10)
    for n in range(5):
        feed.publish(commit(n))
    assert (slow.lagged, slow.lost, quick.lagged) == (True, 3, False)
    assert slow.get(0) == commit(3)
    slow.caught_up()
    assert (slow.get(0), slow.lagged, slow.lost) == (None, False, 3)


def test_a_task_awaits_commits_from_another_thread() -> None:
    async def listen(feed: Feed) -> list[int]:
        with feed.subscribe() as subscription:
            publisher = threading.Thread(target=_publish, args=(feed, 100))
            publisher.start()
            heard = [(await asyncio.wait_for(subscription.next(), 60)).serial for _ in range(100)]
            publisher.join()
        return heard

    assert asyncio.run(listen(Feed())) == list(range(100))


def test_a_cancelled_listener_leaves_nothing_behind_and_loses_nothing() -> None:
    async def listen(feed: Feed) -> int:
        subscription = feed.subscribe()
        task = asyncio.create_task(subscription.next())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert subscription._waiting == []
        feed.publish(commit(1))
        return (await asyncio.wait_for(subscription.next(), 60)).serial

    assert asyncio.run(listen(Feed())) == 1


def test_the_end_of_the_feed_wakes_everybody() -> None:
    async def listen(feed: Feed) -> None:
        subscription = feed.subscribe()
        feed.publish(commit(1))
        task = asyncio.create_task(_drain(subscription))
        await asyncio.sleep(0)
        feed.close()
        await asyncio.wait_for(task, 60)
        with pytest.raises(FeedClosedError):
            subscription.get(5)

    asyncio.run(listen(Feed()))
    feed = Feed()
    feed.close()
    with pytest.raises(FeedClosedError):
        feed.subscribe()


async def _drain(subscription: Subscription) -> None:
    with pytest.raises(FeedClosedError):
        while True:
            await subscription.next()


def test_a_closed_subscription_is_forgotten() -> None:
    feed = Feed()
    with feed.subscribe(1):
        pass
    feed.publish(commit(1))
    assert feed._subscriptions == []
