"""One bad camera never slows another: each oddity beside a good camera that is read on as before."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

import cv2
import numpy as np
import pytest

from ingest.cameras import CameraTap
from ingest.patience import Patience
from ingest.rtsp.picking import PicturePicker, Seen, Then
from ingest.rtsp.units import CodedPicture, PictureGatherer
from ingest.tallies import Tallies
from model.clock import SystemClock
from model.picture import Picture, SourceState
from simulators.rtsp.feed import CameraFeed, Clip, Fault
from simulators.rtsp.loop import encode_loop
from simulators.rtsp.packets import frame_packets
from simulators.rtsp.server import CameraServer
from tests.cameras import CALM, CALM_DEADLINES, FPS, GOP, Watcher, clip, pictures, server
from tests.waiting import eventually

WAIT_S = 60.0


class JumpingClock(SystemClock):
    """A wall clock that can be set; its monotonic side goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.off = timedelta()

    def now(self) -> datetime:
        return super().now() + self.off


@cache
def large() -> Clip:
    """A few pictures of 3840 × 2160."""
    wide = [cv2.resize(each, (3840, 2160)) for each in pictures(100, GOP)]
    return Clip(encode_loop([np.asarray(each, np.uint8) for each in wide], fps=FPS, gop=GOP))


@cache
def rare() -> Clip:
    """Key pictures three seconds apart."""
    return Clip(encode_loop(pictures(100, 30), fps=FPS, gop=30))


@cache
def other_size() -> Clip:
    """The pace of `clip`, in half its size."""
    small = [cv2.resize(each, (160, 90)) for each in pictures(160)]
    return Clip(encode_loop([np.asarray(each, np.uint8) for each in small], fps=FPS, gop=GOP))


def beside(odd: CameraFeed, *, clock: SystemClock) -> CameraServer:
    """A good camera and an odd one."""
    good = CameraFeed({"calm": clip()}, stage="calm", clock=clock)
    feeds = {"good": good, "odd": odd}
    return CameraServer(feeds, username="viewer", password="se:cr@t", clock=clock)


def calm_tap(watcher: Watcher, url: str) -> CameraTap:
    """A tap that a busy machine does not make nervous."""
    return watcher.tap(url, patience=CALM, deadlines=CALM_DEADLINES)


async def read_on(watcher: Watcher, more: int = 4) -> None:
    """Wait until so many more pictures came."""
    before = len(watcher.pictures)
    await eventually(lambda: len(watcher.pictures) >= before + more, within_s=WAIT_S)


@pytest.mark.parametrize("odd", [large, rare])
def test_a_camera_of_4k_and_one_with_rare_key_pictures_take_turns_with_the_others(
    odd: object,
) -> None:
    async def run() -> None:
        clock = SystemClock()
        made = large() if odd is large else rare()
        feed = CameraFeed({"all": made}, stage="all", clock=clock)
        async with beside(feed, clock=clock) as cameras, asyncio.TaskGroup() as group:
            good, bad = Watcher(), Watcher()
            tasks = [
                group.create_task(calm_tap(watcher, cameras.url(name)).run())
                for name, watcher in (("good", good), ("odd", bad))
            ]
            await read_on(good)
            await read_on(bad, 3)
            await read_on(good)
            assert bad.pictures[-1].pixels.shape[1] <= 640
            assert good.states == [SourceState.CONNECTING, SourceState.LIVE]
            for task in tasks:
                task.cancel()

    asyncio.run(run())


def test_a_camera_that_changes_its_resolution_is_read_on_in_the_new_one() -> None:
    async def run() -> None:
        clock = SystemClock()
        feed = CameraFeed({"calm": clip(), "small": other_size()}, stage="calm", clock=clock)
        async with beside(feed, clock=clock) as cameras:
            watcher = Watcher()
            task = asyncio.create_task(calm_tap(watcher, cameras.url("odd")).run())
            await read_on(watcher)
            assert watcher.pictures[-1].pixels.shape == (180, 320, 3)
            feed.show("small")
            await eventually(
                lambda: watcher.pictures[-1].pixels.shape == (90, 160, 3), within_s=WAIT_S
            )
            await read_on(watcher)
            feed.show("calm")
            await eventually(
                lambda: watcher.pictures[-1].pixels.shape == (180, 320, 3), within_s=WAIT_S
            )
            assert watcher.states == [SourceState.CONNECTING, SourceState.LIVE]
            task.cancel()

    asyncio.run(run())


def test_a_camera_whose_clock_jumps_is_stamped_by_ours() -> None:
    async def run() -> None:
        clock = JumpingClock()
        feed = CameraFeed({"calm": clip()}, stage="calm", clock=clock)
        async with beside(feed, clock=clock) as cameras:
            watcher = Watcher()
            for off in (timedelta(), timedelta(hours=3), timedelta(days=-400)):
                clock.off = off
                watcher.pictures.clear()
                task = asyncio.create_task(calm_tap(watcher, cameras.url("odd")).run())
                await read_on(watcher)
                task.cancel()
                for picture in watcher.pictures:
                    arrived_ago_s = SystemClock().monotonic() - picture.arrived_monotonic_s
                    age_s = (SystemClock().now() - picture.at).total_seconds() - arrived_ago_s
                    assert -1 < age_s < WAIT_S

    asyncio.run(run())


def test_a_camera_that_is_read_once_a_minute_may_be_silent_for_a_minute() -> None:
    assert Patience().silence_s(2.0) == 5.0
    assert Patience().silence_s(60.0) == 90.0


def test_a_camera_of_one_picture_a_minute_is_stalled_and_the_others_do_not_notice() -> None:
    async def run() -> None:
        clock = SystemClock()
        slow = Clip(encode_loop(pictures(100, 1), fps=1, gop=1))
        feed = CameraFeed({"all": slow}, stage="all", clock=clock)
        hasty = Patience(silent_s=0.3, no_picture_s=30, first_s=0.05, cap_s=0.1)
        async with beside(feed, clock=clock) as cameras, asyncio.TaskGroup() as group:
            good, bad = Watcher(), Watcher()
            tasks = [
                group.create_task(calm_tap(good, cameras.url("good")).run()),
                group.create_task(bad.tap(cameras.url("odd"), patience=hasty).run()),
            ]
            await eventually(lambda: SourceState.STALLED in bad.states, within_s=WAIT_S)
            await read_on(good, 6)
            assert good.states == [SourceState.CONNECTING, SourceState.LIVE]
            for task in tasks:
                task.cancel()

    asyncio.run(run())


class Flapping:
    """A camera that dies as soon as it is live; keeps how long it was left alone after each death."""

    def __init__(self, cameras: CameraServer, *, steady_s: float) -> None:
        self.cameras, self.clock = cameras, SystemClock()
        self.came = self.lives = 0
        self.left_alone_s: list[float] = []
        self._died_s = 0.0
        patience = replace(CALM, first_s=0.1, cap_s=60.0, steady_s=steady_s)
        self.tap = CameraTap(
            "odd", cameras.url("odd"), every_s=0.1, clock=self.clock, study=lambda _: self._count,
            on_state=self._turn, patience=patience, deadlines=CALM_DEADLINES,
        )  # fmt: skip

    def _count(self) -> None:
        self.came += 1

    def _turn(self, _: str, state: SourceState) -> None:
        if state is SourceState.LIVE:
            self.lives += 1
            if self._died_s:
                self.left_alone_s.append(self.clock.monotonic() - self._died_s)
        elif self.lives:
            self._died_s = self.clock.monotonic()
            self.cameras.set_fault("odd", Fault.NONE)

    async def live_for(self, more: int) -> None:
        """Live for so many more pictures, die, and be live again."""
        came, deaths = self.came, len(self.left_alone_s)
        await eventually(lambda: self.came >= came + more, within_s=WAIT_S)
        self.cameras.set_fault("odd", Fault.DROP)
        await eventually(lambda: len(self.left_alone_s) > deaths, within_s=WAIT_S)


def flapped(*, steady_s: float, lives: int, pictures: int) -> Flapping:
    """A camera that lived so many times, for so many pictures each."""

    async def run() -> Flapping:
        async with server("odd") as cameras:
            flapping = Flapping(cameras, steady_s=steady_s)
            task = asyncio.create_task(flapping.tap.run())
            for _ in range(lives):
                await flapping.live_for(pictures)
            task.cancel()
            return flapping

    return asyncio.run(run())


def test_a_camera_that_comes_and_dies_at_once_is_asked_less_and_less_often() -> None:
    flapping = flapped(steady_s=3600.0, lives=6, pictures=1)
    assert flapping.left_alone_s[-1] >= 0.5 * 0.1 * 2**5


def test_a_camera_that_gave_pictures_for_long_enough_is_asked_at_once_when_it_dies() -> None:
    flapping = flapped(steady_s=0.5, lives=3, pictures=4)
    assert flapping.tap._failures == 1, "the failures before it count no more"


def test_an_overloaded_process_reads_all_cameras_less_often_and_equally_so_and_counts_it() -> None:
    """Twelve cameras, each of which wants ten readings a second of a thread that does a few."""

    async def run() -> None:
        clock = SystemClock()
        names = [f"c{number}" for number in range(12)]
        feeds = {
            name: CameraFeed({"calm": clip()}, stage="calm", clock=clock, phase_s=0.07 * number)
            for number, name in enumerate(names)
        }
        seen: Counter[str] = Counter()
        late: list[float] = []
        hold = threading.Event()

        def study(picture: Picture) -> Then:
            hold.wait(0.12)
            late.append(clock.monotonic() - picture.arrived_monotonic_s)
            return lambda: seen.update([picture.camera])

        server = CameraServer(feeds, username="viewer", password="se:cr@t", clock=clock)
        with ThreadPoolExecutor(1) as pool:
            async with server as cameras, asyncio.TaskGroup() as group:
                taps = [
                    CameraTap(
                        name, cameras.url(name), every_s=0.1, clock=clock, study=study, on_state=lambda *_: None,
                        patience=CALM, deadlines=CALM_DEADLINES, pool=pool,
                    )
                    for name in names
                ]  # fmt: skip
                tasks = [group.create_task(tap.run()) for tap in taps]
                await eventually(lambda: len(seen) == 12, within_s=WAIT_S)
                seen.clear()
                await eventually(lambda: min(seen[name] for name in names) >= 4, within_s=WAIT_S)
                assert max(seen.values()) <= 3 * min(seen.values())
                assert all(tap.dropped > 0 for tap in taps)
                for task in tasks:
                    task.cancel()

    asyncio.run(run())


def test_a_camera_with_a_key_picture_every_four_seconds_is_read_by_these_alone() -> None:
    """Also after one was lost, and at whatever moment between two drains they come."""

    async def run() -> None:
        gatherer = PictureGatherer("h264")
        key = CodedPicture(data=b"no picture", stamp=0, key=True)
        with ThreadPoolExecutor(1) as pool:
            picker = PicturePicker(
                "h264", gatherer, camera="odd", every_s=2.0, rare_s=Patience().rare_keys_s, max_width=640,
                started_s=0.0, when=lambda *_: SystemClock().now(), see=lambda _: lambda: None,
                tallies=Tallies(), pool=pool,
            )  # fmt: skip
            key_s, followed = 0.2, list[float]()
            for drain in range(20_000):
                now_s = 0.4 * drain
                if key_s <= now_s:
                    if not 3000 < now_s < 3004:
                        picker.offer(key, now_s)
                    key_s += 4.0002
                picker.look(now_s)
                if gatherer.every_picture:
                    followed.append(now_s)
            picker.close()
        assert followed
        assert followed[0] > 3000
        assert followed[-1] < 3020

    asyncio.run(run())


def test_all_pictures_of_a_camera_with_rare_keys_are_decoded_a_few_a_turn() -> None:
    async def run() -> None:
        clock, found = SystemClock(), list[Seen]()
        gatherer = PictureGatherer("h264")

        def see(seen: Seen) -> Then:
            return lambda: found.append(seen)

        with ThreadPoolExecutor(1) as pool:
            turns: list[str] = []
            picker = PicturePicker(
                "h264", gatherer, camera="odd", every_s=0.1, rare_s=1.0, max_width=640, started_s=0.0,
                when=lambda *_: clock.now(), see=see, tallies=Tallies(), pool=pool,
            )  # fmt: skip
            picker.look(5.0)
            assert gatherer.every_picture
            sequence = 0
            for number, parts in enumerate(rare().parts):
                for packet in frame_packets(
                    parts, sequence=sequence, stamp=number * 9000, source=1
                ):
                    sequence += 1
                    coded = gatherer.packet(packet, 0, len(packet))
                    if coded is not None:
                        picker.offer(coded, 5.0 + number / FPS)
            other = [pool.submit(turns.append, "other") for _ in range(3)]
            await eventually(lambda: len(found) >= 25, within_s=WAIT_S)
            assert all(each.done() for each in other)
            picker.close()

    asyncio.run(run())
