"""History is not written into records on which another machine acts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from service.looking import write_into
from service.site import open_site
from service.standby import RECORDS
from store.errors import StoreInUseError
from store.lease import Lease
from store.postgres import PostgresPlace
from store.tables import MIGRATIONS
from tests.config.site_text import GOOD
from tests.store.postgres_server import PostgresServer, postgres_server, program
from tests.store.words import at


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    if program("initdb") is None:
        pytest.skip("PostgreSQL is not installed; `make setup-test` installs it")
    with postgres_server() as running:
        yield running


@contextmanager
def beating(lease: Lease, place: PostgresPlace) -> Iterator[None]:
    """A service elsewhere that acts: its lease beats with its commits."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(0.05):
            with place.writing() as db:
                lease.beat(db)

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_history_takes_the_lease_or_is_refused(server: PostgresServer, tmp_path: Path) -> None:
    there = server.database()
    path = tmp_path / "site.yaml"
    records = f"{{host: {there.host}, port: {there.port}, database: {there.database}"
    path.write_text(f"{GOOD}store:\n  records: {records}, username: {there.username}}}\n")
    loaded = open_site(path, secrets_needed=False)
    elsewhere = Lease("elsewhere:/var/lib")
    with closing(PostgresPlace(there, MIGRATIONS, name=RECORDS)) as place:
        assert elsewhere.try_take(place, alone=False) is None
        with (
            beating(elsewhere, place),
            pytest.raises(StoreInUseError, match="elsewhere"),
            write_into(loaded),
        ):
            pass
        elsewhere.release(place)
        with write_into(loaded) as store:
            assert elsewhere.try_take(place, alone=False) is not None
            with store.transaction() as tx:
                tx.add_audit(at=at(1), actor="li", act="acknowledge", subject="case-1")
        assert elsewhere.try_take(place, alone=False) is None, "given back at once"
