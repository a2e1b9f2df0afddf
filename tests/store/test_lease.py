"""One service acts; a standby takes over from one that stands still, which is silent from then on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from store.database import FolderHold
from store.embedded import FILE_NAME, Store
from store.errors import LeaseLostError, RecordsAwayError, StoreInUseError
from store.lease import LEASE_S, SURE_S, Lease
from store.places import Place, SqlitePlace
from store.postgres import PostgresAddress, PostgresPlace
from store.tables import MIGRATIONS
from tests.store.conftest import StoreHouse
from tests.store.words import live, order


class Hand:
    """A monotonic clock moved by hand."""

    def __init__(self) -> None:
        self.s = 100.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def places(house: StoreHouse) -> Iterator[Callable[[], Place]]:
    with ExitStack() as stack:

        def another() -> Place:
            place: Place
            if house.there is None:
                place = SqlitePlace(house.folder / FILE_NAME, MIGRATIONS)
            else:
                place = PostgresPlace(house.there, MIGRATIONS, name="records")
            stack.callback(place.close)
            return place

        yield another


def acting(house: StoreHouse, lease: Lease, folder: Path | None = None) -> Store:
    hold = FolderHold(folder or house.folder)
    hold.take_shared()
    there = None
    if house.there is not None:
        there = PostgresPlace(house.there, MIGRATIONS, name="records")
    return Store.open(folder or house.folder, hold=hold, lease=lease, records_there=there)


def test_only_one_of_two_acts_and_epochs_only_grow(
    places: Callable[[], Place], clock: Hand
) -> None:
    place, other = places(), places()
    first, second = Lease("a", monotonic=clock), Lease("b", monotonic=clock)
    assert first.try_take(place, alone=False) is None
    held = second.try_take(other, alone=False)
    assert held is not None
    assert held.holder.startswith("a#")
    first.release(place)
    assert second.try_take(other, alone=False) is None
    assert (first.epoch, second.epoch) == (1, 2)
    assert second.is_sure()
    assert not first.is_sure()


def test_a_standby_takes_over_when_the_beat_stands_still_and_not_before(
    house: StoreHouse, places: Callable[[], Place], clock: Hand, tmp_path: Path
) -> None:
    first, second = Lease("a", monotonic=clock), Lease("b", monotonic=clock)
    place = places()
    assert first.try_take(place, alone=False) is None
    with acting(house, first) as store:
        for _ in range(30):
            with store.transaction() as tx:
                tx.save_order(order("o-1", 1))
            clock.s += 1
            assert second.try_take(place, alone=False) is not None, "it beats"
        assert first.is_sure()
        clock.s += SURE_S
        assert not first.is_sure(), "silent before it is anybody else's turn"
        clock.s += LEASE_S - SURE_S
        assert second.try_take(place, alone=False) is None
        with pytest.raises(LeaseLostError), store.transaction() as tx:
            tx.add_facts([live("c1", 1)])
            tx.save_order(order("o-2", 2))
        with acting(house, second, folder=tmp_path / "b" if house.there else None) as standby:
            with standby.transaction() as tx:
                assert tx.add_facts([live("c1", 1)]) == (True,)
                tx.save_order(order("o-2", 2))
            assert [each.id for each in standby.orders()] == ["o-2", "o-1"]
        assert not first.is_sure()


def test_a_dead_service_of_the_same_folder_is_not_waited_for(
    places: Callable[[], Place], clock: Hand
) -> None:
    place = places()
    assert Lease("a", monotonic=clock).try_take(place, alone=False) is None
    assert Lease("b", monotonic=clock).try_take(place, alone=True) is not None, "another machine's"
    assert Lease("a", monotonic=clock).try_take(place, alone=True) is None


def test_a_folder_is_one_writers_or_that_of_services_under_one_lease(tmp_path: Path) -> None:
    first, second, lone = (FolderHold(tmp_path) for _ in range(3))
    assert first.take_alone()
    with pytest.raises(StoreInUseError, match="another process"):
        second.take_shared()
    first.take_shared()
    second.take_shared()
    assert not lone.take_alone()
    for each in (first, second):
        each.close()
    assert lone.take_alone()
    lone.close()


def test_postgresql_that_is_not_there_is_named() -> None:
    nowhere = PostgresAddress(host="127.0.0.1", port=1, database="none", username="li")
    with pytest.raises(RecordsAwayError, match="postgresql 127"):
        PostgresPlace(nowhere, MIGRATIONS, name="records")
