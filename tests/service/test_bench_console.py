"""The console's benchmark runs, small, and measures every line that the console is held to."""

from __future__ import annotations

import asyncio

import pytest

from service.bench_console import bench_console
from tests.console.look import IN_CHROMIUM

pytestmark = [*IN_CHROMIUM, pytest.mark.slow]


def test_every_line_that_the_console_is_held_to_is_measured() -> None:
    figures = asyncio.run(bench_console(consoles=2, zones=60, seconds=3, looks=2))
    assert figures["cameras"] == 382
    assert figures["zones"] == 60
    assert figures["ms_per_s_per_console"] >= 0  # type: ignore[operator]  # a figure
    assert figures["reading_to_console_p95_s"] > 0  # type: ignore[operator]  # a figure
    assert figures["javascript_kb"]["index"] > 0  # type: ignore[index]  # kB by page
    desk = figures["browser"]
    assert isinstance(desk, dict)
    assert desk["first_picture_s"] > 0
    assert desk["readings_seen"] > 0
    assert 0 < desk["reading_to_screen_p50_s"] <= desk["reading_to_screen_p95_s"]
    assert 0 < desk["main_thread_idle"] < 1
    assert len(desk["heap_mb"]) > 2
    assert desk["heap_growth"] > -1
    assert desk["looks"] == 2
    assert 0 < desk["click_to_picture_p50_s"] <= desk["click_to_picture_most_s"]
    assert desk["click_to_overlay_p50_s"] >= desk["click_to_picture_p50_s"]
    assert desk["click_again_to_picture_p50_s"] > 0
