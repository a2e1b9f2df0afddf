"""People are told through a real webhook: from their level on, in order, again after a failure."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest

from config.schema import NotifyTarget
from model.cases import Case, Change, Transition
from model.clock import ManualClock
from model.commit import Commit
from model.level import Level
from service.notifying import COMMITS_WAITING, MESSAGES_WAITING, Notifier, tell_people
from store.embedded import Store
from store.feed import Feed
from store.notices import Notices
from tests.config.test_cap import OPENED, case, steps
from tests.waiting import wait_until

ZONES = {"bridge": "桥 Bridge"}


def commit(now: Case, step: Transition) -> Commit:
    return Commit(
        serial=step.serial,
        at=step.at,
        facts=(),
        zones=(),
        cases=(now,),
        transitions=(step,),
        orders=(),
        health=(),
        refused={},
    )


class Webhook(list[str]):
    """What was told, by its titles; `fails` of the next answers are errors."""

    fails = 0
    refused = 0


@contextmanager
def webhook(*, fails: int = 0) -> Iterator[tuple[str, Webhook]]:
    """A webhook on loopback; its first `fails` answers are errors."""
    titles = Webhook()
    titles.fails = fails

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if titles.fails:
                titles.fails -= 1
                titles.refused += 1
                self.send_response(500)
            else:
                titles.append(json.loads(body)["title"])
                self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Silence."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"json://127.0.0.1:{server.server_port}/", titles
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class House:
    """The store and what was told, on disk, through as many lives as a test wants."""

    def __init__(self, folder: Path, now: datetime = OPENED) -> None:
        self.clock = ManualClock(now)
        self.store = Store.open(folder / "data", full_sync=False)
        self.notices = Notices.open(folder / "data")

    def close(self) -> None:
        self.notices.close()
        self.store.close()

    def happened(self, now: Case, *made: Transition) -> None:
        """The case and its steps are committed."""
        with self.store.transaction() as tx:
            # As the deciders leave it: each step is a change of its case.
            tx.save_case(msgspec.structs.replace(now, changed=made[-1].at), made)

    def notifier(self, target: NotifyTarget, url: str) -> Notifier:
        return Notifier(
            target, url, zones=ZONES, notices=self.notices, clock=self.clock, again_s=0.01
        )

    def told(
        self,
        url: str,
        titles: list[str],
        target: NotifyTarget,
        *commits: Commit,
        wanted: int,
        noted: int = 0,
    ) -> None:
        """One life: what is owed goes out, then these commits; it ends when so many were told,
        and so many of their steps noted."""

        async def scene() -> None:
            feed = Feed()
            started = asyncio.Event()
            notifier = self.notifier(target, url)
            following = asyncio.create_task(
                tell_people(
                    [notifier], feed, store=self.store, clock=self.clock, on_start=started.set
                )
            )
            await started.wait()
            for each in commits:
                feed.publish(each)
            await asyncio.to_thread(wait_until, lambda: len(titles) >= wanted, within_s=60)
            await asyncio.to_thread(
                wait_until, lambda: len(self.notices.told(target.id)) >= noted, within_s=60
            )
            feed.close()
            await following

        asyncio.run(scene())


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


EVENING = steps(
    (Change.OPENED, Level.YELLOW),
    (Change.STEPPED_UP, Level.ORANGE),
    (Change.ACKNOWLEDGED, Level.ORANGE),
    (Change.STEPPED_UP, Level.RED),
    (Change.CLOSED, Level.RED),
)


RED_LATER = msgspec.structs.replace(EVENING[3], serial=500)


def test_a_target_hears_from_its_level_on_and_in_order(house: House) -> None:
    target = NotifyTarget(id="duty", url="env:DUTY", from_level=Level.ORANGE)
    with webhook() as (url, titles):
        house.told(url, titles, target, *(commit(case(), step) for step in EVENING), wanted=3)
    assert [title.split("（")[1] for title in titles] == ["升级）", "升级）", "解除）"]
    assert all(title.startswith("桥 Bridge") for title in titles)


def test_a_message_that_did_not_go_out_is_tried_again(house: House) -> None:
    target = NotifyTarget(id="duty", url="env:DUTY")
    with webhook(fails=2) as (url, titles):
        house.told(url, titles, target, commit(case(), EVENING[3]), wanted=1)
    assert len(titles) == 1


def test_an_exercise_is_told_only_to_those_who_want_it_and_says_so(house: House) -> None:
    drill = commit(case(exercise=True), EVENING[3])
    device = commit(msgspec.structs.replace(case(), subject_kind="device"), EVENING[3])
    quiet = NotifyTarget(id="duty", url="env:DUTY")
    wants = NotifyTarget(id="drill", url="env:DUTY", exercises=True)
    with webhook() as (url, titles):
        house.told(url, titles, quiet, drill, device, commit(case(), EVENING[3]), wanted=1)
        house.told(url, titles, wants, drill, wanted=2)
    assert not titles[0].startswith("【")
    assert titles[1].startswith("【演练 EXERCISE】")


def test_many_gaps_at_once_are_one_message(house: House) -> None:
    target = NotifyTarget(id="duty", url="env:DUTY")
    gaps = steps(*((Change.GAP_NAMED, Level.ORANGE) for _ in range(120)))
    many = msgspec.structs.replace(commit(case(), gaps[0]), transitions=gaps)
    with webhook() as (url, titles):
        house.told(url, titles, target, many, commit(case(), RED_LATER), wanted=2)
    assert [title.split("（")[1] for title in titles] == ["有人没有通知到）", "升级）"]


def test_gaps_never_take_the_place_of_the_next_red(house: House) -> None:
    gaps = steps(*((Change.GAP_NAMED, Level.ORANGE) for _ in range(120)))
    target = NotifyTarget(id="duty", url="env:DUTY")
    notifier = house.notifier(target, "json://127.0.0.1:9/")
    for step in gaps:
        notifier.hear(commit(case(), step))
    left_out = notifier.failed
    assert left_out > 0
    notifier.hear(commit(case(), RED_LATER))
    assert notifier.failed == left_out


def test_an_address_of_no_known_kind_is_refused(house: House) -> None:
    target = NotifyTarget(id="duty", url="env:DUTY")
    with pytest.raises(ValueError, match="duty"):
        house.notifier(target, "carrier-pigeon://loft")


DUTY = NotifyTarget(id="duty", url="env:DUTY")


def test_what_was_committed_and_not_told_is_told_by_the_next_life_once(house: House) -> None:
    house.happened(case(), *EVENING[:4])
    with webhook() as (url, titles):
        house.told(url, titles, DUTY, wanted=2, noted=2)
        assert [title.split("（")[1] for title in titles] == ["升级）", "升级）"]
        house.told(url, titles, DUTY, commit(case(), EVENING[4]), wanted=3)
        assert [title.split("（")[1] for title in titles] == ["升级）", "升级）", "解除）"]


def test_a_message_that_went_out_and_was_not_noted_goes_out_again_under_its_number(
    house: House,
) -> None:
    house.happened(case(), EVENING[3])
    with webhook() as (url, titles):
        for turn in (1, 2):
            house.told(url, titles, DUTY, wanted=turn, noted=1)
            assert house.notices.told("duty") == {"c-1/4"}
            # As a kill between the sending and the noting leaves it.
            house.notices.note("duty", (), house.clock.now() + timedelta(days=3))
    assert len(set(titles)) == 1


def test_what_nobody_is_helped_by_any_more_is_not_told(house: House) -> None:
    house.happened(case(), *EVENING[:4])
    house.notices.begun("duty", OPENED)
    house.clock.advance(3600 + 3 * 60)
    with webhook() as (url, titles):
        house.told(url, titles, DUTY, wanted=1, noted=1)
    assert house.notices.told("duty") == {"c-1/4"}
    assert len(titles) == 1


def test_one_target_told_leaves_the_other_owed(house: House) -> None:
    house.happened(case(), EVENING[3])
    house.notices.note("duty", ["c-1/4"], house.clock.now())
    other = NotifyTarget(id="chief", url="env:CHIEF")
    with webhook() as (url, titles):
        house.told(url, titles, other, wanted=1, noted=1)
        house.told(url, titles, DUTY, commit(case(), EVENING[4]), wanted=2)
    assert [title.split("（")[1] for title in titles] == ["升级）", "解除）"]


def happens_while_told(
    house: House, url: str, titles: list[str], history: list[Transition], *commits: Commit
) -> None:
    """The history is on disk when these commits come, all at once, so that some are left out."""

    async def scene() -> None:
        feed = Feed()
        started = asyncio.Event()
        following = asyncio.create_task(
            tell_people(
                [house.notifier(DUTY, url)],
                feed,
                store=house.store,
                clock=house.clock,
                on_start=started.set,
            )
        )
        await started.wait()
        house.happened(case(), *history)
        # Nothing is awaited between these, so that the oldest of them are pushed out.
        for each in commits:
            feed.publish(each)
        await asyncio.to_thread(wait_until, lambda: len(titles) == len(history), within_s=60)
        feed.close()
        await following

    asyncio.run(scene())


def test_a_lag_behind_the_feed_loses_nobody_a_message(house: House) -> None:
    quiet = msgspec.structs.replace(commit(case(), EVENING[2]), transitions=())
    lag = [quiet] * (COMMITS_WAITING + 1)
    with webhook() as (url, titles):
        happens_while_told(house, url, titles, EVENING[3:4], commit(case(), EVENING[3]), *lag)


def test_what_a_full_queue_left_out_is_told_once_it_is_empty(house: House) -> None:
    many = steps(*((Change.STEPPED_UP, Level.RED) for _ in range(MESSAGES_WAITING + 20)))
    at_once = msgspec.structs.replace(commit(case(), many[0]), transitions=many)
    with webhook() as (url, titles):
        happens_while_told(house, url, titles, many, at_once)
