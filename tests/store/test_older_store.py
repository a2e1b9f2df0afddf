"""A store of an earlier version is opened with everything that is in it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from store.database import open_writer
from store.embedded import FILE_NAME, Store
from store.stamps import to_ms
from store.tables import MIGRATIONS
from tests.store.words import at, blind, live

_CAMERA = "INSERT INTO camera_reading VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def test_readings_of_one_row_each_become_blocks(tmp_path: Path) -> None:
    with closing(
        open_writer(tmp_path / FILE_NAME, full_sync=False, migrations=MIGRATIONS[:2])
    ) as db:
        db.executemany(
            "INSERT INTO source VALUES (?, ?, ?, ?, ?)",
            [
                (1, "camera", "c1", "", ""),
                (2, "model", "small", "", ""),
                (3, "zone", "bridge", "", ""),
                (4, "counter", "gate", "", ""),
                (5, "sensor", "n1", "noise", "dB(A)"),
            ],
        )
        for s in range(0, 8000, 4):
            at_ms = to_ms(at(s))
            lost = "black" if s == 7996 else None
            camera = (1, at_ms, 2, lost, None if lost else s * 0.5, *(None,) * 8)
            db.execute(_CAMERA, camera)
            db.execute(
                "INSERT INTO zone_reading VALUES (3, ?, 'partial', 7, 5, 9, NULL, NULL)", (at_ms,)
            )
            db.execute("INSERT INTO counter_reading VALUES (4, 'b1', ?, ?, ?, 1)", (s, at_ms, s))
            db.execute("INSERT INTO sensor_reading VALUES (5, ?, 0, 51.5)", (at_ms,))
    with Store.open(tmp_path, full_sync=False) as store:
        count = store.series("camera", "c1", "count", at(0), at(9000))
        assert [p.mean for p in count] == [s * 0.5 for s in range(0, 7996, 4)]
        [share] = store.series("zone", "bridge", "partial", at(0), at(9000), step_s=36_000)
        assert (share.mean, share.n) == (1, 2000)
        [newest] = store.latest("camera")
        assert newest.body == blind("c1", 7996).body
        assert [f.source for kind in ("counter", "sensor") for f in store.latest(kind)] == [
            "gate",
            "n1",
        ]
        with store.transaction() as tx:
            assert tx.add_facts([live("c1", 4), live("c1", 5)]) == (False, True)
