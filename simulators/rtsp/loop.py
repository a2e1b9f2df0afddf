"""A clip encoded once and sent for ever: H.264 access units with the true count of each picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from simulators.scenes.scene import Scene

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext

Image = NDArray[np.uint8]
SPS, PPS, IDR = 7, 8, 5


class LoopError(Exception):
    """A clip that cannot be made or read; says which and why."""


class Loop(msgspec.Struct, frozen=True, kw_only=True):
    """One clip, ready to send.

    units: per picture its network abstraction layer units without start codes; the first picture
    and every `gop`-th after it is a key picture that carries the parameter sets. truth: people
    visible per picture, None where nobody knows (a real video).
    """

    width: int
    height: int
    fps: int
    gop: int
    units: list[list[bytes]]
    truth: list[int] | None = None

    @property
    def sps(self) -> bytes:
        return self._parameter_set(SPS)

    @property
    def pps(self) -> bytes:
        return self._parameter_set(PPS)

    def _parameter_set(self, kind: int) -> bytes:
        return next(unit for unit in self.units[0] if unit[0] & 0x1F == kind)

    @property
    def bit_rate(self) -> float:
        """Bits per second of the coded pictures, without packet headers."""
        total = sum(len(nal) for unit in self.units for nal in unit)
        return total * 8 * self.fps / len(self.units)

    def save(self, path: Path) -> None:
        """Write to `path` in one step, so that a reader never finds half a clip."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_bytes(msgspec.msgpack.encode(self))
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> Loop:
        """Read what `save` wrote; `LoopError` where it is something else."""
        try:
            return msgspec.msgpack.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.MsgspecError) as error:
            raise LoopError(f"{path}: {error}") from error


def encode_loop(
    pictures: Iterable[Image],
    *,
    fps: int = 25,
    gop: int = 50,
    bit_rate: int = 700_000,
    truth: list[int] | None = None,
) -> Loop:
    """Encode BGR pictures of one even size: High profile, no B-pictures, closed groups of `gop`.

    The clip is cut to whole groups where it has at least one, so that the seam is like any other
    group's start.
    """
    encoder: VideoCodecContext | None = None
    packets: list[bytes] = []
    size = (0, 0)
    for number, picture in enumerate(pictures):
        if encoder is None:
            size = (picture.shape[1] & ~1, picture.shape[0] & ~1)
            encoder = _encoder(size, fps=fps, gop=gop, bit_rate=bit_rate)
        planes = cv2.cvtColor(
            np.ascontiguousarray(picture[: size[1], : size[0]]), cv2.COLOR_BGR2YUV_I420
        )
        frame = av.VideoFrame.from_ndarray(np.asarray(planes, dtype=np.uint8), format="yuv420p")
        frame.pts = number
        packets.extend(bytes(packet) for packet in encoder.encode(frame))
    if encoder is None:
        raise LoopError("a clip needs at least one picture")
    packets.extend(bytes(packet) for packet in encoder.encode(None))
    whole = len(packets) // gop * gop or len(packets)
    units = [
        [nal for nal in split_annex_b(packet) if nal[0] & 0x1F in {1, 5, 7, 8}]
        for packet in packets[:whole]
    ]
    known = truth[:whole] if truth is not None else None
    return Loop(width=size[0], height=size[1], fps=fps, gop=gop, units=units, truth=known)


def _encoder(size: tuple[int, int], *, fps: int, gop: int, bit_rate: int) -> VideoCodecContext:
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt = "yuv420p"
    encoder.framerate = Fraction(fps)
    encoder.time_base = Fraction(1, fps)
    encoder.bit_rate = bit_rate
    encoder.gop_size = gop
    encoder.max_b_frames = 0
    encoder.thread_count = 1
    encoder.profile = "High"
    encoder.options = {
        "preset": "veryfast",
        "x264-params": f"scenecut=0:open-gop=0:keyint={gop}:min-keyint={gop}:repeat-headers=1:aud=0"
        f":vbv-maxrate={bit_rate // 1000}:vbv-bufsize={bit_rate // 500}:nal-hrd=none:threads=1",
    }
    return encoder


def split_annex_b(stream: bytes) -> list[bytes]:
    """The units between start codes, without them."""
    found = []
    position = stream.find(b"\x00\x00\x01")
    while position >= 0:
        start = position + 3
        position = stream.find(b"\x00\x00\x01", start)
        unit = stream[start : position if position >= 0 else len(stream)].rstrip(b"\x00")
        if unit:
            found.append(unit)
    return found


def scene_loop(scene: Scene, *, fps: int = 25, bit_rate: int = 700_000, gop_s: float = 2.0) -> Loop:
    """A rendered crowd as a clip of the scene's period, which closes without a seam."""
    count = round(scene.plan.period_s * fps)
    truth: list[int] = []

    def pictures() -> Iterator[Image]:
        for number in range(count):
            view = scene.at(number / fps)
            truth.append(len(view.heads))
            yield view.pixels

    return encode_loop(pictures(), fps=fps, gop=round(gop_s * fps), bit_rate=bit_rate, truth=truth)


def video_loop(
    path: Path,
    *,
    width: int = 640,
    height: int = 360,
    fps: int = 25,
    bit_rate: int = 700_000,
    seconds: float = 30.0,
) -> Loop:
    """Any video file as a clip of at most `seconds`, fitted into width × height with black edges."""
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise LoopError(f"{path}: no video in it")
            pictures = _resampled(container, fps=fps, seconds=seconds)
            fitted = (_fit(picture, width, height) for picture in pictures)
            return encode_loop(fitted, fps=fps, gop=2 * fps, bit_rate=bit_rate)
    except (av.FFmpegError, OSError) as error:
        raise LoopError(f"{path}: {error}") from error


def _resampled(
    container: av.container.InputContainer, *, fps: int, seconds: float
) -> Iterator[Image]:
    """Pictures at `fps`, each the newest that the file has at that time."""
    first: float | None = None
    sent = 0
    for frame in container.decode(video=0):
        if frame.pts is None:
            continue
        if first is None:
            first = frame.time
        since = frame.time - first
        if since > seconds:
            return
        picture: Image | None = None
        while sent / fps <= since:
            if picture is None:
                picture = np.asarray(frame.to_ndarray(format="bgr24", threads=1), dtype=np.uint8)
            yield picture
            sent += 1


def _fit(picture: Image, width: int, height: int) -> Image:
    scale = min(width / picture.shape[1], height / picture.shape[0])
    size = (max(round(picture.shape[1] * scale), 1), max(round(picture.shape[0] * scale), 1))
    small = cv2.resize(
        picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    fitted = np.zeros((height, width, 3), dtype=np.uint8)
    fitted[top : top + size[1], left : left + size[0]] = small
    return fitted


def still_loop(picture: Image, *, like: Loop, truth: int | None = None) -> Loop:
    """One picture that never changes, in the size and pace of another clip: a frozen or black camera."""
    many = [picture] * like.gop
    known = [truth] * like.gop if truth is not None else None
    return encode_loop(many, fps=like.fps, gop=like.gop, bit_rate=int(like.bit_rate), truth=known)


def turned_loop(loop: Loop) -> Loop:
    """The same clip as a camera shows it that was turned aside and rolled: another view, as alive."""

    def turned() -> Iterator[Image]:
        for picture in islice(decoded(loop), loop.gop):
            height, width = picture.shape[:2]
            turn = cv2.getRotationMatrix2D((width / 2, height / 2), 14, 1.25)
            turn[0, 2] += 0.3 * width
            yield np.asarray(
                cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REFLECT),
                np.uint8,
            )

    return encode_loop(turned(), fps=loop.fps, gop=loop.gop, bit_rate=int(loop.bit_rate))


def decoded(loop: Loop) -> Iterator[Image]:
    """The clip's pictures (H, W, 3) BGR."""
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    packets = [
        av.Packet(b"".join(b"\x00\x00\x00\x01" + nal for nal in unit)) for unit in loop.units
    ]
    for packet in [*packets, None]:
        for frame in decoder.decode(packet):
            yield np.asarray(frame.to_ndarray(format="bgr24", threads=1), dtype=np.uint8)


def first_picture(loop: Loop) -> Image:
    """The clip's first picture (H, W, 3) BGR."""
    return next(decoded(msgspec.structs.replace(loop, units=loop.units[:1])))
