"""How fast the store is on this disk: commits of one second's rows, and what they cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from model.facts import Fact
from store.embedded import FILE_NAME, Store


class CommitTimes(msgspec.Struct, frozen=True, kw_only=True):
    """Commits of `rows` readings each: time to disk in ms, and bytes on disk per reading."""

    commits: int
    rows: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    bytes_per_row: float
    full_sync: bool


def measure_commits(
    folder: Path,
    batches: Sequence[Sequence[Fact]],
    *,
    monotonic: Callable[[], float],
    full_sync: bool = True,
) -> CommitTimes:
    """Commit each batch and time it; `folder` holds no store before."""
    times: list[float] = []
    with Store.open(folder, full_sync=full_sync) as store:
        for facts in batches:
            begun = monotonic()
            with store.transaction() as tx:
                tx.add_facts(facts)
            times.append((monotonic() - begun) * 1000)
        readings = store.counts()["readings"]
    # The log was brought home when the store was closed.
    size = (folder / FILE_NAME).stat().st_size
    times.sort()
    return CommitTimes(
        commits=len(times),
        rows=len(batches[0]),
        p50_ms=_quantile(times, 0.5),
        p99_ms=_quantile(times, 0.99),
        max_ms=times[-1],
        bytes_per_row=size / max(readings, 1),
        full_sync=full_sync,
    )


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
