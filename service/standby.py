"""Standing by: of several services of one site one acts, and the next takes over within 15 s.

All of them name the same records: one SQLite file on one machine, or one PostgreSQL. Whoever holds
the lease acts; the others wait. A service that was stopped and is woken up later finds its lease
gone, sends nothing, and ends.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass

from service.exits import OutsideError
from service.site import LoadedSite
from store.database import FolderHold
from store.embedded import FILE_NAME, Store
from store.errors import StoreError
from store.lease import Lease
from store.places import Place, SqlitePlace
from store.postgres import PostgresAddress, PostgresPlace
from store.tables import MIGRATIONS

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
RECORDS = "records"


def records_address(loaded: LoadedSite) -> PostgresAddress | None:
    """Where the site keeps its records, if not in its own file."""
    records = loaded.site.store.records
    if records is None:
        return None
    return PostgresAddress(
        host=records.host,
        port=records.port,
        database=records.database,
        username=records.username,
        password=(
            None
            if records.password is None
            else loaded.secret(records.password, username=records.username)
        ),
        tls=records.tls,
        ca_file=None if records.ca_file is None else str(loaded.folder / records.ca_file),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """This service acts for its site, as long as its lease is sure."""

    lease: Lease
    stood_by: bool

    def open_store(self, loaded: LoadedSite) -> Store:
        """The site's store, whose every commit holds on to the lease."""
        address = records_address(loaded)
        hold = FolderHold(loaded.data_folder)
        hold.take_shared()
        there = None if address is None else PostgresPlace(address, MIGRATIONS, name=RECORDS)
        return Store.open(
            loaded.data_folder,
            full_sync=loaded.site.store.full_sync,
            hold=hold,
            records_there=there,
            lease=self.lease,
        )


@asynccontextmanager
async def acting(loaded: LoadedSite) -> AsyncIterator[Acting]:
    """Wait until this service may act; give the lease back at the end."""
    with ExitStack() as stack:
        try:
            hold = FolderHold(loaded.data_folder)
            stack.callback(hold.close)
            alone = hold.take_alone()
            hold.take_shared()
            place = await asyncio.to_thread(_place, loaded)
        except StoreError as error:
            raise OutsideError(str(error)) from error
        stack.callback(place.close)
        lease = Lease(f"{socket.gethostname()}:{loaded.data_folder.resolve()}")
        stood_by = await _until_held(lease, place, hold, alone=alone)
        try:
            yield Acting(lease=lease, stood_by=stood_by)
        finally:
            await asyncio.to_thread(_give_back, lease, place)


def _place(loaded: LoadedSite) -> Place:
    address = records_address(loaded)
    if address is not None:
        return PostgresPlace(address, MIGRATIONS, name=RECORDS)
    return SqlitePlace(loaded.data_folder / FILE_NAME, MIGRATIONS)


async def _until_held(lease: Lease, place: Place, hold: FolderHold, *, alone: bool) -> bool:
    """Ask for the lease until it is ours; whether that took waiting."""
    told = ""
    while True:
        try:
            held = await asyncio.to_thread(lease.try_take, place, alone=alone)
            if held is None:
                log.info("this service acts now, epoch %d", lease.epoch)
                return bool(told)
            word = f"standing by: {held.holder.partition('#')[0]} acts"
        except StoreError as error:
            word = f"standing by, and the lease cannot be asked for: {error}"
        if word != told:
            log.warning("%s", word)
            told = word
        await asyncio.sleep(LOOK_EVERY_S)
        # Whoever acted from our folder is gone when nobody else has it.
        alone = hold.take_alone()
        hold.take_shared()


def _give_back(lease: Lease, place: Place) -> None:
    try:
        lease.release(place)
    except StoreError as error:
        log.warning("the lease could not be given back, a standby waits it out: %s", error)
