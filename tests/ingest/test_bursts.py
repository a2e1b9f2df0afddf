"""Bursts: the pictures right after a reading's own, in order and with their times."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
import pytest

from ingest.rtsp.decode import BURST_MOST, PictureDecoder
from ingest.rtsp.units import CodedPicture
from model.picture import Picture
from tests.cameras import Watcher, pictures, server
from tests.waiting import eventually

TICKS = 9_000
PIXELS_A_PICTURE = 4


def coded(*, frames: int, reordered: bool) -> list[CodedPicture]:
    """A moving texture as x264 codes it at ten pictures a second, in the order of sending."""
    codec: Any = av.CodecContext.create("libx264", "w")
    codec.width, codec.height, codec.pix_fmt = 320, 180, "yuv420p"
    codec.time_base, codec.framerate = Fraction(1, 10), Fraction(10)
    codec.options = {"preset": "veryfast", "x264-params": f"bframes={2 if reordered else 0}"}
    packets = []
    for number, pixels in enumerate(pictures(120, frames)):
        frame = av.VideoFrame.from_ndarray(pixels, format="bgr24")
        frame.pts = number
        packets += codec.encode(frame)
    packets += codec.encode(None)
    return [
        CodedPicture(data=bytes(packet), stamp=int(packet.pts) * TICKS, key=packet.is_keyframe)
        for packet in packets
    ]


def shifts(first: Any, burst: Any) -> Iterator[tuple[float, float]]:
    """How much later each picture is, s, and how far its texture has moved, pixels."""
    luma = cv2.cvtColor(first, cv2.COLOR_BGR2GRAY).astype(np.float32)
    for one in burst:
        moved, _ = cv2.phaseCorrelate(luma, one.luma.astype(np.float32))
        yield one.after_s, moved[0]


@pytest.mark.parametrize("reordered", [False, True])
def test_a_burst_comes_in_the_order_in_which_it_was_seen(reordered: bool) -> None:
    key, *after = coded(frames=7, reordered=reordered)
    picture, burst = PictureDecoder("h264").burst(key, after, max_width=320)
    assert picture is not None
    assert len(burst) == BURST_MOST
    for after_s, moved in shifts(picture, burst):
        assert moved == pytest.approx(after_s * 10 * PIXELS_A_PICTURE, abs=0.5)


def test_a_broken_burst_leaves_its_key_picture() -> None:
    key, *after = coded(frames=5, reordered=False)
    rubbish = CodedPicture(data=b"\x00\x00\x00\x01\x41" + b"\xff" * 50, stamp=TICKS, key=False)
    decoder = PictureDecoder("h264")
    picture, _ = decoder.burst(key, [rubbish], max_width=320)
    assert picture is not None
    picture, burst = decoder.burst(key, after, max_width=320)
    assert picture is not None
    assert len(burst) == BURST_MOST


def watched(every_s: float, burst: int, *, wanted: int) -> list[Picture]:
    async def watch() -> list[Picture]:
        async with server("east") as cameras:
            watcher = Watcher()
            tap = watcher.tap(cameras.url("east"), every_s=every_s, burst=burst)
            task = asyncio.create_task(tap.run())
            await eventually(lambda: len(watcher.pictures) >= wanted)
            task.cancel()
            return watcher.pictures

    return asyncio.run(watch())


def test_each_reading_of_a_camera_in_bursts_has_the_pictures_after_it() -> None:
    for picture in watched(0.4, 2, wanted=3)[:3]:
        assert [one.after_s for one in picture.burst] == pytest.approx([0.1, 0.2], abs=0.001)
        for after_s, moved in shifts(picture.pixels, picture.burst):
            assert moved == pytest.approx(after_s * 10 * PIXELS_A_PICTURE, abs=0.5)


def test_more_pictures_than_lie_between_two_key_pictures_are_not_waited_for() -> None:
    for picture in watched(0.4, 20, wanted=3)[:3]:
        assert [one.after_s for one in picture.burst] == pytest.approx([0.1, 0.2, 0.3], abs=0.001)


def test_without_bursts_nothing_but_key_pictures_is_decoded() -> None:
    assert all(picture.burst == () for picture in watched(0.4, 0, wanted=2))
