"""The store with its records in its own file, and the same with its records on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from store.embedded import Store
from store.postgres import PostgresAddress, PostgresPlace
from store.tables import MIGRATIONS
from tests.store.postgres_server import PostgresServer, postgres_server, program


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    if program("initdb") is None:
        pytest.skip("PostgreSQL is not installed; `make setup-test` installs it")
    with postgres_server() as server:
        yield server


@dataclass(frozen=True, slots=True)
class StoreHouse:
    """Where one site's readings and records lie; opened again it is the same site."""

    folder: Path
    there: PostgresAddress | None

    def open(self) -> Store:
        if self.there is None:
            return Store.open(self.folder)
        records = PostgresPlace(self.there, MIGRATIONS, name="records")
        return Store.open(self.folder, full_sync=False, records_there=records)


@pytest.fixture(params=["sqlite", "postgres"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> StoreHouse:
    if request.param == "sqlite":
        return StoreHouse(tmp_path, None)
    server: PostgresServer = request.getfixturevalue("postgres")
    return StoreHouse(tmp_path, server.database())
