"""A stage per test, on a clock that moves only when told to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from model.clock import ManualClock
from tests.console.stage import EVENING, Stage, staged


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(EVENING)


@pytest.fixture
def stage(tmp_path: Path, clock: ManualClock) -> Iterator[Stage]:
    with staged(tmp_path / "store", clock) as made:
        yield made
