"""The store's own measurement gives figures that hold together."""

from __future__ import annotations

import time
from pathlib import Path

from store.measuring import measure_commits
from tests.store.words import live, noise


def test_commits_are_timed_and_weighed(tmp_path: Path) -> None:
    batches = [
        [live(f"c{i}", n) for i in range(200)] + [noise(f"n{i}", n, i * 0.1) for i in range(200)]
        for n in range(20)
    ]
    told = measure_commits(tmp_path, batches, monotonic=time.perf_counter)
    assert (told.commits, told.rows, told.full_sync) == (20, 400, True)
    assert 0 < told.p50_ms <= told.p99_ms <= told.max_ms
    assert 10 < told.bytes_per_row < 200
