"""`yinding simulate --history`: fills a site's empty store with a past, as fast as the disk takes it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

import msgspec

from model.clock import Clock
from service.exits import OutsideError, WrongUseError
from service.looking import write_into
from service.site import LoadedSite
from simulators.past.days import PastDay, past_days
from store.embedded import Store
from store.errors import StoreError
from store.transaction import Transaction


class Filled(msgspec.Struct, frozen=True, kw_only=True):
    """What a past consists of."""

    days: int
    readings: int
    cases: int
    orders: int
    receipts: int


def fill(
    loaded: LoadedSite,
    *,
    days: int,
    seed: int,
    clock: Clock,
    watch: Callable[[PastDay], None] = lambda _: None,
) -> Filled:
    """Write the last `days` days and today so far; refuses a store that holds readings already."""
    try:
        with write_into(loaded, full_sync=False) as store:
            _refuse_a_used_store(loaded, store)
            readings = cases = orders = receipts = 0
            for day in past_days(loaded.site, now=clock.now(), days=days, seed=seed):
                readings += _write_readings(store, day)
                with store.transaction() as tx:
                    _write_records(tx, day)
                cases += len(day.records.cases)
                orders += len(day.records.orders)
                receipts += len(day.records.receipts)
                watch(day)
    except StoreError as error:
        raise OutsideError(str(error)) from error
    return Filled(days=days, readings=readings, cases=cases, orders=orders, receipts=receipts)


def _refuse_a_used_store(loaded: LoadedSite, store: Store) -> None:
    """A made-up past is never mixed with what was; records may lie where another folder's do."""
    counts = store.counts()
    if store.sources() or counts["readings"]:
        raise WrongUseError(
            f"{loaded.data_folder}: there are readings already; --history fills an empty store"
        )
    if counts["warning_case"] or counts["device_order"]:
        raise WrongUseError(
            f"{loaded.path}: store: there are cases or orders already; --history fills an empty store"
        )


def _write_readings(store: Store, day: PastDay) -> int:
    """One source a commit: a server of records ends a commit that is silent for some seconds."""
    written = 0
    for each in day.readings:
        with store.transaction() as tx:
            written += tx.add_history(
                each.kind, each.name, each.columns, quantity=each.quantity, unit=each.unit
            )
    return written


def _write_records(tx: Transaction, day: PastDay) -> None:
    steps = groupby(day.records.transitions, key=lambda each: each.case)
    history = {case: list(transitions) for case, transitions in steps}
    for case in day.records.cases:
        tx.save_case(case, history.get(case.id, []))
    for order in day.records.orders:
        tx.save_order(order)
    if day.records.orders:
        tx.set_last_counter(max(order.counter for order in day.records.orders))
    tx.add_facts(day.records.receipts)
