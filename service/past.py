"""`yinding simulate --history`: fills a site's empty store with a past, as fast as the disk takes it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

import msgspec

from model.clock import Clock
from service.exits import OutsideError, WrongUseError
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
        with Store.open(loaded.data_folder, full_sync=False) as store:
            if store.counts()["readings"]:
                raise WrongUseError(
                    f"{loaded.data_folder}: there are readings already; --history fills an empty store"
                )
            readings = cases = orders = receipts = 0
            for day in past_days(loaded.site, now=clock.now(), days=days, seed=seed):
                with store.transaction() as tx:
                    readings += _write(tx, day)
                cases += len(day.records.cases)
                orders += len(day.records.orders)
                receipts += len(day.records.receipts)
                watch(day)
    except StoreError as error:
        raise OutsideError(str(error)) from error
    return Filled(days=days, readings=readings, cases=cases, orders=orders, receipts=receipts)


def _write(tx: Transaction, day: PastDay) -> int:
    written = 0
    for each in day.readings:
        written += tx.add_history(
            each.kind, each.name, each.columns, quantity=each.quantity, unit=each.unit
        )
    steps = groupby(day.records.transitions, key=lambda each: each.case)
    history = {case: list(transitions) for case, transitions in steps}
    for case in day.records.cases:
        tx.save_case(case, history.get(case.id, []))
    for order in day.records.orders:
        tx.save_order(order)
    if day.records.orders:
        tx.set_last_counter(max(order.counter for order in day.records.orders))
    tx.add_facts(day.records.receipts)
    return written
