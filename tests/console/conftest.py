"""A stage per test, on a clock that moves only when told to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from model.clock import ManualClock
from tests.console.stage import EVENING, Stage, staged


@pytest.fixture(autouse=True, scope="session")
def quick_hashing() -> Iterator[None]:
    """Real password hashes, made with little work: their strength is not what is tested here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "store.people.PasswordHasher",
            lambda: PasswordHasher(time_cost=1, memory_cost=64, parallelism=1),
        )
        yield


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(EVENING)


@pytest.fixture
def stage(tmp_path: Path, clock: ManualClock) -> Iterator[Stage]:
    with staged(tmp_path / "store", clock) as made:
        yield made
