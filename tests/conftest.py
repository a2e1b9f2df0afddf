"""What holds for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Before NumPy loads, as the command line does it: threads that wait for each other on busy cores
# make small matrices a hundred times slower.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for the tests of a file."""
    from tests.console.look import chromium  # noqa: PLC0415 - after what is set above

    with chromium() as made:
        yield made
