"""A stage per test, on a clock that moves only when told to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from model.clock import ManualClock, SystemClock
from tests.console.server import Served, served
from tests.console.stage import EVENING, Stage, staged


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(EVENING)


@pytest.fixture
def stage(tmp_path: Path, clock: ManualClock) -> Iterator[Stage]:
    with staged(tmp_path / "store", clock) as made:
        yield made


@pytest.fixture
def evening(tmp_path: Path) -> Iterator[tuple[Stage, Served]]:
    """A stage on the machine's own clock, behind a real socket."""
    with staged(tmp_path / "store", SystemClock()) as stage:
        stage.enrol("operator", "viewer", "responder")
        with served(stage) as server:
            yield stage, server
