"""The pool of reading connections: what is lent is not closed under who reads."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import pytest

from store.database import LOCK_WAIT_S, Readers
from store.errors import StoreError


def some_store(folder: Path) -> Path:
    path = folder / "some.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE t AS SELECT 7 AS n")
    db.close()
    return path


def test_closing_waits_for_who_still_reads_and_then_lends_no_more(tmp_path: Path) -> None:
    """A page's last question may be under way when the service ends: closing under it is a crash of SQLite."""
    readers = Readers(some_store(tmp_path), size=2)
    with readers.connection() as lent:
        closing = threading.Thread(target=readers.close)
        closing.start()
        closing.join(0.2)
        assert closing.is_alive()
        assert lent.execute("SELECT n FROM t").fetchall() == [(7,)]
    closing.join(10)
    assert not closing.is_alive()
    for _ in range(3):
        began_s = time.monotonic()
        with pytest.raises(StoreError, match="it is closed"), readers.connection():
            pass
        assert time.monotonic() - began_s < LOCK_WAIT_S / 2
    began_s = time.monotonic()
    readers.close()
    assert time.monotonic() - began_s < LOCK_WAIT_S / 2


def test_a_pool_that_is_closing_lends_no_more_to_who_waits_for_it(tmp_path: Path) -> None:
    """Pages that go on asking would hold up the end, each with the connection that just came back."""
    readers = Readers(some_store(tmp_path), size=1)
    told: list[str] = []

    def ask() -> None:
        try:
            with readers.connection():
                told.append("lent")
        except StoreError as error:
            told.append(str(error))

    with readers.connection():
        threads = [threading.Thread(target=each) for each in (ask, readers.close)]
        for each in threads:
            each.start()
        deadline_s = time.monotonic() + 10
        while not readers._closed and time.monotonic() < deadline_s:
            threads[1].join(0.01)
    for each in threads:
        each.join(LOCK_WAIT_S + 5)
    assert not any(each.is_alive() for each in threads)
    assert len(told) == 1
    assert "it is closed" in told[0]
