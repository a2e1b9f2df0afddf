"""The camera bench measures real streams in processes of their own and tells when one fails."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from service.bench_cameras import _in_a_process, machine
from service.bench_cameras_floor import measure_floor
from service.bench_cameras_house import Street
from service.bench_cameras_ours import measure_ours, troubles
from service.exits import OutsideError
from simulators.rtsp.feed import Fault
from simulators.rtsp.server import CameraServer
from tests.cameras import server


async def floors(cameras: CameraServer) -> None:
    urls = [cameras.url("east"), cameras.url("west")]
    floor = await asyncio.to_thread(_in_a_process, measure_floor, urls, "network", 0.5, 1.0)
    assert floor["key_pictures_per_s"] > 0.5
    decoded = await asyncio.to_thread(_in_a_process, measure_floor, urls, "decoding", 0.5, 1.5)
    assert decoded["cameras"] == 2
    assert decoded["ms_per_camera_s"] > 0
    assert decoded["pictures_per_s"] > 0


@pytest.mark.slow
def test_the_whole_service_and_its_floor_are_measured_on_live_streams(tmp_path: Path) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        simulated = server("east", "west")
        simulated.password = "seacrest-8"
        async with simulated as cameras:
            await floors(cameras)
            urls = {name: cameras.url(name, with_password=False) for name in cameras.feeds}
            street = Street(urls=urls, username=cameras.username, password=cameras.password)

            def command(words: tuple[str, ...]) -> None:
                async def obey() -> None:
                    if words[0] == "reboot":
                        await cameras.reboot(down_s=0.2)
                    else:
                        cameras.set_fault(words[1], Fault(words[2]))

                asyncio.run_coroutine_threadsafe(obey(), loop).result(30)

            found = await asyncio.to_thread(
                measure_ours, street, every_s=0.5, seconds=2.0, home=tmp_path,
                then=lambda house: troubles(house, command=command, seconds=1.0),
            )  # fmt: skip
        assert (found["cameras"], found["workers"]) == (2, 1)
        assert found["ms_per_camera_s"] > 0
        assert found["readings_stored"] > 2
        assert found["all_back_after_reboot_s"] >= 0

    asyncio.run(run())


def test_cameras_that_do_not_answer_are_an_outside_failure() -> None:
    with pytest.raises(OutsideError, match="network"):
        _in_a_process(measure_floor, ["rtsp://127.0.0.1:1/x"], "network", 1.0, 0.5)


def test_the_machine_is_named() -> None:
    assert {"processor", "cores", "load"} <= set(machine())
