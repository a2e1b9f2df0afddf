"""The benches of the warning's way run, with a small load, against a real broker and service."""

from __future__ import annotations

from pathlib import Path

import pytest

from service import bench_broadcast, bench_ingest, bench_warning

pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(400)]


def test_a_broadcast_is_receipted_on_disk_by_every_terminal(tmp_path: Path) -> None:
    result = bench_broadcast.run_bench(terminals=20, rounds=2, folder=tmp_path)
    assert result["ours"]["terminals"] == 20
    assert result["ours"]["rounds"] == 2
    assert 0 < result["ours"]["receipted_99_s"] <= result["ours"]["worst_s"]
    assert result["floor"]["bare_client"]["receipted_99_s"] > 0
    assert set(result) == {"ours", "peers", "floor", "ratio", "machine"}


def test_ingest_counts_what_is_on_disk(tmp_path: Path) -> None:
    result = bench_ingest.run_bench(messages=1_500, folder=tmp_path)
    assert result["ours"]["messages"] == 1_500
    assert result["ours"]["messages_per_s"] > 0
    assert result["floor"]["bare_client"]["messages_per_s"] > 0


def test_a_warning_is_timed_while_readings_flow(tmp_path: Path) -> None:
    result = bench_warning.run_bench(samples=10, folder=tmp_path, readings_per_s=50.0)
    assert result["ours"]["samples"] == 10
    assert result["ours"]["p50_ms"] <= result["ours"]["p99_ms"]
    assert result["machine"]["store_file_system"]
