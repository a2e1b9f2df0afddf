"""What is owed to people: all of it, after what happens now, and to nobody from before they were named."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from model.cases import CaseState, Change
from model.level import Level
from service.notifying import MESSAGES_WAITING, Notifier, tell_people
from store.feed import Feed
from store.records import ROWS_AT_MOST
from tests.config.test_cap import OPENED, case, steps
from tests.service.test_notifying import DUTY, EVENING, House, Webhook, commit, webhook
from tests.waiting import eventually


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


READERS_OF_A_STORE = 4


async def told_by(notifier: Notifier, titles: Webhook, wanted: int) -> None:
    sending = asyncio.create_task(notifier.run())
    await eventually(lambda: len(titles) >= wanted, within_s=60)
    sending.cancel()


def test_more_than_the_queue_holds_is_owed_and_what_happens_now_goes_first(house: House) -> None:
    many = MESSAGES_WAITING + 20
    past = [
        msgspec.structs.replace(step, at=OPENED + timedelta(seconds=step.serial))
        for step in steps(*((Change.STEPPED_UP, Level.RED) for _ in range(many)))
    ]
    house.happened(case(), *past)
    closed = msgspec.structs.replace(EVENING[4], serial=many + 1)

    async def scene(url: str, titles: Webhook) -> None:
        notifier = house.notifier(DUTY, url)
        assert await notifier.caught_up(house.store, OPENED)
        notifier.hear(commit(case(), closed))
        await told_by(notifier, titles, many + 1)
        assert notifier.failed == 0

    with webhook() as (url, titles):
        asyncio.run(scene(url, titles))
    kinds = [title.split("（")[1] for title in titles]
    assert kinds == ["解除）", *["升级）"] * many]


def test_a_new_target_is_owed_nothing_from_before_it_was_named(house: House) -> None:
    house.happened(case(), *EVENING[:2])
    named = EVENING[2].at

    async def scene(url: str, titles: Webhook) -> None:
        assert await house.notifier(DUTY, url).caught_up(house.store, named)
        house.notices.note("other", (), named + timedelta(days=3))
        house.happened(case(), *EVENING[3:])
        later = house.notifier(DUTY, url)
        assert await later.caught_up(house.store, EVENING[4].at + timedelta(minutes=1))
        await told_by(later, titles, 2)

    with webhook() as (url, titles):
        asyncio.run(scene(url, titles))
    assert [title.split("（")[1] for title in titles] == ["升级）", "解除）"]


def test_what_could_not_be_read_is_read_when_it_can_be(house: House) -> None:
    house.happened(case(), EVENING[3])
    house.notices.note("duty", ["c-0/1"], OPENED)
    busy = ExitStack()
    for _ in range(READERS_OF_A_STORE):
        # As many slow questions as there are readers: one more gets StoreBusyError.
        busy.enter_context(house.store._readers.connection())

    async def scene(url: str, titles: Webhook) -> None:
        feed, started = Feed(), asyncio.Event()
        telling = tell_people(
            [house.notifier(DUTY, url)],
            feed,
            store=house.store,
            clock=house.clock,
            on_start=started.set,
        )
        following = asyncio.create_task(telling)
        await started.wait()
        assert titles == []
        busy.close()
        await eventually(lambda: len(titles) == 1, within_s=20)
        feed.close()
        await following

    with webhook() as (url, titles):
        asyncio.run(scene(url, titles))


def test_faults_of_devices_crowd_no_zone_out_of_what_is_owed(house: House) -> None:
    house.happened(case(state=CaseState.CLOSED), EVENING[3])
    with house.store.transaction() as tx:
        for number in range(205):
            fault = msgspec.structs.replace(
                case(),
                id=f"d-{number:03}",
                subject_kind="device",
                subject=f"camera-{number}",
                opened=OPENED + timedelta(seconds=1),
                changed=EVENING[3].at,
            )
            tx.save_case(fault, [msgspec.structs.replace(EVENING[3], case=fault.id)])
    with webhook() as (url, titles):
        house.told(url, titles, DUTY, wanted=1, noted=1)
    assert house.notices.told("duty") == {"c-1/4"}


def test_the_steps_of_more_cases_than_a_page_come_in_the_order_of_their_times(house: House) -> None:
    many = 2 * ROWS_AT_MOST + 1
    with house.store.transaction() as tx:
        for number in range(many):
            at = OPENED + timedelta(milliseconds=number // 2)
            one = msgspec.structs.replace(
                case(state=CaseState.CLOSED), id=f"c-{number}", opened=at, changed=at
            )
            tx.save_case(one, [msgspec.structs.replace(EVENING[0], case=one.id, at=at)])
    steps_of_all = house.store.zone_steps(OPENED + timedelta(milliseconds=5))
    assert len(steps_of_all) == len({step.case for _, step in steps_of_all}) == many - 10
    times = [step.at for _, step in steps_of_all]
    assert times == sorted(times)
