"""The pool of reading connections: what is lent is not closed under who reads."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from store.database import Readers


def test_closing_waits_for_who_still_reads_and_then_lends_no_more(tmp_path: Path) -> None:
    """A page's last question may be under way when the service ends: closing under it is a crash of SQLite."""
    path = tmp_path / "some.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE t AS SELECT 7 AS n")
    db.close()
    readers = Readers(path, size=2)
    with readers.connection() as lent:
        closing = threading.Thread(target=readers.close)
        closing.start()
        closing.join(0.2)
        assert closing.is_alive()
        assert lent.execute("SELECT n FROM t").fetchall() == [(7,)]
    closing.join(10)
    assert not closing.is_alive()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"), readers.connection():
        pass
    readers.close()
