"""Stills as workers send them: what cannot be shown is counted and dropped, and never breaks a page."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from model.clock import ManualClock
from service.desk import PictureBoard

NOW = datetime(2026, 2, 14, 19, 30, tzinfo=UTC)


def still_counted_by(name: str) -> bytes:
    return msgspec.json.encode(
        {
            "camera": "c1",
            "at": NOW,
            "sight": "live",
            "count": 3.0,
            "jpeg": b"a picture",
            "model": name,
        }
    )


def board() -> PictureBoard:
    return PictureBoard(ManualClock(NOW), ask=lambda _camera, _watch: None)


def test_a_still_names_the_network_that_counted() -> None:
    here = board()
    here.take("c1", still_counted_by("small-int8-5eed5eed"))
    shown = here.latest("c1")
    assert shown is not None
    assert shown.model == "small-int8-5eed5eed"


@pytest.mark.parametrize("name", ["人群网络", "small\r\nSet-Cookie: a=b", "small\n", "s" * 81])
def test_a_name_that_no_header_can_carry_is_counted_and_dropped(name: str) -> None:
    here = board()
    here.take("c1", still_counted_by(name))
    assert here.latest("c1") is None
    assert here.refused == 1
