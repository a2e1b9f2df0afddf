"""A site's store as commands look into it: readings from its folder, records from wherever the site keeps them."""

from __future__ import annotations

from service.site import LoadedSite
from service.standby import RECORDS, records_address
from store.embedded import StoreReader
from store.postgres import PostgresPlace
from store.tables import MIGRATIONS


def look_into(loaded: LoadedSite) -> StoreReader:
    """Look into the site's store, also while a service writes. Raises StoreError."""
    address = records_address(loaded)
    there = None if address is None else PostgresPlace(address, MIGRATIONS, name=RECORDS)
    try:
        return StoreReader.look(loaded.data_folder, records_there=there)
    except BaseException:
        if there is not None:
            there.close()
        raise
