"""A site's store as commands find it: readings in its folder, records wherever the site keeps them."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from service.site import LoadedSite
from service.standby import LOOK_EVERY_S, RECORDS, records_address
from store.database import FolderHold
from store.embedded import Store, StoreReader
from store.errors import StoreError, StoreInUseError
from store.lease import LEASE_S, Lease
from store.postgres import PostgresPlace
from store.tables import MIGRATIONS

log = logging.getLogger(__name__)


def look_into(loaded: LoadedSite) -> StoreReader:
    """Look into the site's store, also while a service writes. Raises StoreError."""
    there = _records_there(loaded)
    try:
        return StoreReader.look(loaded.data_folder, records_there=there)
    except BaseException:
        if there is not None:
            there.close()
        raise


@contextmanager
def write_into(loaded: LoadedSite, *, full_sync: bool = True) -> Iterator[Store]:
    """Open the site's store to write history into it, with the service stopped. Raises StoreError.

    Where the records lie on a server, the site's lease is taken first: a service on another machine
    may act on them, and then nothing is written.
    """
    there = _records_there(loaded)
    if there is None:
        with Store.open(loaded.data_folder, full_sync=full_sync) as store:
            yield store
        return
    try:
        hold, lease = _take_lease(loaded, there)
        # Closes what it was given also where it cannot be opened.
        store = Store.open(
            loaded.data_folder, full_sync=full_sync, hold=hold, records_there=there, lease=lease
        )
    except BaseException:
        there.close()
        raise
    with store:
        try:
            yield store
        finally:
            try:
                lease.release(there)
            except StoreError as error:
                log.warning("the lease could not be given back, a service waits it out: %s", error)


def _take_lease(loaded: LoadedSite, there: PostgresPlace) -> tuple[FolderHold, Lease]:
    """The folder and the lease, for us alone; a holder that does not beat any more is waited out."""
    with ExitStack() as stack:
        hold = FolderHold(loaded.data_folder)
        stack.callback(hold.close)
        if not hold.take_alone():
            raise hold.in_use()
        lease = Lease(f"{socket.gethostname()}:{loaded.data_folder.resolve()}")
        first = held = lease.try_take(there, alone=True)
        until_s = time.monotonic() + LEASE_S + LOOK_EVERY_S
        while held is not None:
            if held != first or time.monotonic() > until_s:
                who = held.holder.partition("#")[0]
                raise StoreInUseError(f"{there.where}: {who} acts for this site: stop it first")
            time.sleep(LOOK_EVERY_S)
            held = lease.try_take(there, alone=True)
        stack.pop_all()
        return hold, lease


def _records_there(loaded: LoadedSite) -> PostgresPlace | None:
    address = records_address(loaded)
    return None if address is None else PostgresPlace(address, MIGRATIONS, name=RECORDS)
