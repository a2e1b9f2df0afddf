"""What was acknowledged survives a killed process; a file that is not whole is refused."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from store.embedded import FILE_NAME, Store, StoreReader
from store.errors import (
    StoreBusyError,
    StoreDamagedError,
    StoreFullError,
    StoreInUseError,
    StoreTooNewError,
)
from tests.store.words import at, case, live, noise, order, transition

WRITER = """
import sys
from pathlib import Path
from store.embedded import Store
from tests.store.words import live, order
store = Store.open(Path(sys.argv[1]))
with store.transaction() as tx:
    first = tx.last_counter() + 1
for n in range(first, first + 100_000):
    with store.transaction() as tx:
        tx.add_facts([live(f"c{i}", n) for i in range(20)])
        tx.save_order(order(f"o-{n}", n))
        tx.set_last_counter(n)
    sys.stdout.write(f"{n}\\n")
    sys.stdout.flush()
"""


def test_killed_at_any_moment_nothing_acknowledged_is_missing(tmp_path: Path) -> None:
    chance = random.Random(7)
    for _ in range(10):
        acknowledged = _write_until_killed(tmp_path, after=chance.randint(1, 60))
        with Store.open(tmp_path) as store:
            kept = {o.counter for o in store.orders(limit=100_000)}
            assert kept >= set(range(1, acknowledged + 1))
            assert len(store.latest("camera")) == 20
            readings = store.counts()["camera_reading"]
            assert readings == 20 * max(kept), "each step whole, none in part"


def _write_until_killed(folder: Path, *, after: int) -> int:
    """Let a writer work until `after` steps were acknowledged; kill it; the last of them."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert writer.stdout is not None
    last = 0
    for line in writer.stdout:
        last = int(line)
        after -= 1
        if after == 0:
            os.kill(writer.pid, signal.SIGKILL)
    writer.wait(timeout=60)
    writer.stdout.close()
    assert after <= 0, "the writer ended by itself"
    return last


def _filled(folder: Path) -> Path:
    with Store.open(folder) as store:
        for n in range(30):
            with store.transaction() as tx:
                tx.add_facts([noise(f"n{i}", n, 50) for i in range(40)])
    return folder / FILE_NAME


@pytest.mark.parametrize("share", [0.0005, 0.1, 0.5, 0.99])
def test_a_cut_file_is_refused_by_name_and_left_as_it_is(tmp_path: Path, share: float) -> None:
    path = _filled(tmp_path)
    os.truncate(path, int(path.stat().st_size * share))
    left = path.read_bytes()
    with pytest.raises(StoreDamagedError, match=FILE_NAME) as refused:
        Store.open(tmp_path)
    assert "Restore it from a backup" in str(refused.value)
    assert path.read_bytes() == left


@pytest.mark.parametrize("share", [0.0005, 0.1, 0.5, 0.99])
def test_who_looks_into_a_cut_file_is_told_and_reads_nothing(tmp_path: Path, share: float) -> None:
    path = _filled(tmp_path)
    os.truncate(path, int(path.stat().st_size * share))
    with pytest.raises(StoreDamagedError, match=FILE_NAME):
        StoreReader.look(tmp_path)


def test_who_looks_beside_a_writer_whose_log_is_ahead_of_the_file_reads_all(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        with store.transaction() as tx:
            tx.add_facts([noise(f"n{n}", n, 50) for n in range(5000)])
        with StoreReader.look(tmp_path) as reader:
            assert reader.counts()["readings"] == 5000


def test_an_overwritten_file_is_refused(tmp_path: Path) -> None:
    path = _filled(tmp_path)
    with path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(os.urandom(4096 * 4))
    with pytest.raises(StoreDamagedError):
        Store.open(tmp_path)
    path.write_bytes(b"this is no store " * 1000)
    with pytest.raises(StoreDamagedError, match="not a database"):
        Store.open(tmp_path)


def test_a_refused_store_can_be_opened_after_it_is_moved_aside(tmp_path: Path) -> None:
    path = _filled(tmp_path)
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(StoreDamagedError):
        Store.open(tmp_path)
    path.rename(tmp_path / "aside")
    with Store.open(tmp_path) as store:
        assert store.counts()["readings"] == 0


def test_a_newer_programs_store_is_not_touched(tmp_path: Path) -> None:
    path = _filled(tmp_path)
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 999")
    db.close()
    with pytest.raises(StoreTooNewError, match="schema 999"):
        Store.open(tmp_path)


def test_two_services_never_write_into_one_store(tmp_path: Path) -> None:
    with Store.open(tmp_path), pytest.raises(StoreInUseError, match="another process"):
        Store.open(tmp_path)
    Store.open(tmp_path).close()


def test_a_full_disk_is_named_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        with store.transaction() as tx:
            tx.save_case(case(), [transition()])
        store._db.execute("PRAGMA max_page_count = 60")
        with pytest.raises(StoreFullError, match="free some space"), store.transaction() as tx:
            for n in range(20_000):
                tx.add_facts([live(f"c{n}", n)])
        assert store.counts()["readings"] == 0
        store._db.execute("PRAGMA max_page_count = 1000000")
        with store.transaction() as tx:
            assert tx.add_facts([live("c1", 1)]) == (True,)


def test_a_second_writing_thread_waits_its_turn_and_not_forever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.embedded.LOCK_WAIT_S", 0.05)
    refused: list[Exception] = []
    with Store.open(tmp_path) as store:

        def second() -> None:
            try:
                with store.transaction():
                    pass
            except StoreBusyError as error:
                refused.append(error)

        with store.transaction() as tx:
            tx.save_order(order("o-1", 1))
            thread = threading.Thread(target=second)
            thread.start()
            thread.join(timeout=60)
        assert len(refused) == 1
        second()
        assert len(refused) == 1


def test_readers_see_whole_steps_while_a_writer_works(tmp_path: Path) -> None:
    with Store.open(tmp_path, full_sync=False) as store:
        seen: list[int] = []
        done = threading.Event()

        def read() -> None:
            while not done.is_set():
                seen.append(store.counts()["camera_reading"])

        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        for n in range(50):
            with store.transaction() as tx:
                tx.add_facts([live(f"c{i}", n) for i in range(10)])
        done.set()
        for reader in readers:
            reader.join(timeout=60)
        assert all(count % 10 == 0 for count in seen)
        assert store.counts()["camera_reading"] == 500


def test_the_store_is_private_to_its_owner(tmp_path: Path) -> None:
    path = _filled(tmp_path / "data")
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    with Store.open(tmp_path / "data") as store:
        assert store.series("sensor", "n1", "noise", at(0), at(1))
