"""Every engine of the comparison is given the same readings and has them all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from store.compared.engines import Embedded, Engine, SqliteRows
from store.compared.load import CAMERAS, SENSORS, seconds


@pytest.mark.parametrize("engine", [Embedded, SqliteRows])
def test_an_engine_keeps_every_reading_it_was_given(
    tmp_path: Path, engine: Callable[[Path], Engine]
) -> None:
    one = engine(tmp_path)
    given = 0
    for second in seconds(12):
        one.commit(second)
        given += second.rows
    assert given == 12 * (CAMERAS // 2 + SENSORS // 10)
    one.settle()
    assert one.readings() == given
    one.close()
    again = engine(tmp_path)
    assert again.readings() == given
    again.close()
