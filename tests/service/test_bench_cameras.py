"""The camera bench measures real streams in processes of their own and tells when one fails."""

from __future__ import annotations

import asyncio

import pytest

from service.bench_cameras import _in_a_process, machine
from service.bench_cameras_ours import measure
from service.exits import OutsideError
from tests.cameras import server


@pytest.mark.slow
def test_network_and_decoding_are_measured_on_live_streams() -> None:
    async def run() -> None:
        async with server("east", "west") as cameras:
            urls = [cameras.url("east"), cameras.url("west")]
            floor = await asyncio.to_thread(_in_a_process, measure, urls, "network", 0.5, 1.0)
            assert floor["key_pictures_per_s"] == pytest.approx(2.5, abs=1.2)
            decoded = await asyncio.to_thread(_in_a_process, measure, urls, "decode", 0.5, 1.5)
            assert decoded["cameras"] == 2
            assert decoded["ms_per_camera_s"] > 0
            assert decoded["readings_per_s_min"] > 0.5
            assert 0 < decoded["frame_age_max_s"] < 5

    asyncio.run(run())


def test_cameras_that_do_not_answer_are_an_outside_failure() -> None:
    with pytest.raises(OutsideError, match="network"):
        _in_a_process(measure, ["rtsp://127.0.0.1:1/x"], "network", 1.0, 0.5)


def test_the_machine_is_named() -> None:
    assert {"processor", "cores", "load"} <= set(machine())
