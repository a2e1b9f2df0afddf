"""A site's store as commands find it: readings in its folder, records wherever the site keeps them."""

from __future__ import annotations

from service.site import LoadedSite
from service.standby import RECORDS, records_address
from store.embedded import Store, StoreReader
from store.postgres import PostgresPlace
from store.tables import MIGRATIONS


def look_into(loaded: LoadedSite) -> StoreReader:
    """Look into the site's store, also while a service writes. Raises StoreError."""
    there = _records_there(loaded)
    try:
        return StoreReader.look(loaded.data_folder, records_there=there)
    except BaseException:
        if there is not None:
            there.close()
        raise


def write_into(loaded: LoadedSite, *, full_sync: bool = True) -> Store:
    """Open the site's store to write history into it, with the service stopped. Raises StoreError."""
    there = _records_there(loaded)
    try:
        return Store.open(loaded.data_folder, full_sync=full_sync, records_there=there)
    except BaseException:
        if there is not None:
            there.close()
        raise


def _records_there(loaded: LoadedSite) -> PostgresPlace | None:
    address = records_address(loaded)
    return None if address is None else PostgresPlace(address, MIGRATIONS, name=RECORDS)
