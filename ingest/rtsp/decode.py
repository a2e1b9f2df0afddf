"""Key pictures to pixels: one decoder a camera, without threads, scaled plane by plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.rtsp.failure import CameraError
from ingest.rtsp.units import CodedPicture
from model.picture import Following, SourceState

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame

MAX_PIXELS = 4096 * 2304
CLOCK_HZ = 90_000
BURST_APART_S, BURST_SPAN_S, BURST_MOST, BURST_WIDTH_PX = 0.075, 1.2, 3, 640
Image = NDArray[np.uint8]


class PictureDecoder:
    """Decodes one stream's pictures. A key picture alone gives a picture at once.

    The edges of blocks are not smoothed, of a burst's pictures neither: it is dear, and heads are counted no
    worse as they were sent. Where every picture is decoded in turn they are, as each leans on those before.
    """

    def __init__(self, codec: str) -> None:
        self._codec = codec
        self._decoder = _opened(codec, smooth=False)
        self.refused = 0

    def key_picture(self, data: bytes, *, max_width: int) -> Image | None:
        """The picture (H, W, 3) BGR of one key access unit; None where it cannot be decoded."""
        frame = self._decode(data)
        if frame is None:
            # A stream with pictures to reorder holds the key picture back until told to let go.
            frame = self._decode(None)
        # Key pictures need nothing of those before, which would lie in memory until the next.
        self._decoder.flush_buffers()
        if frame is None:
            self.refused += 1
            return None
        return to_bgr(frame, max_width=max_width)

    def burst(
        self, key: CodedPicture, after: Sequence[CodedPicture], *, max_width: int
    ) -> tuple[Image | None, tuple[Following, ...]]:
        """A key picture as BGR, and the luma of some pictures after it, for how people move.

        Those given are at least `BURST_APART_S` apart and at most `BURST_MOST`; none where they
        cannot be decoded. Pictures that a stream reorders come in the order they are shown.
        """
        frames: dict[int, VideoFrame] = {}
        for coded in (key, *after, None):
            for frame in self._decode_all(coded):
                frames[((frame.pts or 0) - key.stamp) & 0xFFFFFFFF] = frame
        self._decoder.flush_buffers()
        if 0 not in frames:
            self.refused += 1
            return None, ()
        return to_bgr(frames.pop(0), max_width=max_width), _spaced(frames, max_width)

    def _decode_all(self, coded: CodedPicture | None) -> list[VideoFrame]:
        packet = None
        if coded is not None:
            packet = av.Packet(coded.data)
            packet.pts = coded.stamp
        try:
            return list(self._decoder.decode(packet))
        except av.FFmpegError:
            return []

    def start_afresh(self, *, follow: bool) -> None:
        """Forget earlier pictures; `follow` prepares for all pictures in turn, which need exactness."""
        self._decoder = _opened(self._codec, smooth=follow)
        if follow:
            self._decoder.skip_frame = "NONREF"

    def next_frame(self, data: bytes) -> VideoFrame | None:
        """Decode one of all pictures in turn; nothing until the first that can be decoded alone."""
        return self._decode(data)

    def _decode(self, data: bytes | None) -> VideoFrame | None:
        try:
            frames = self._decoder.decode(None if data is None else av.Packet(data))
        except av.FFmpegError:
            self._decoder.flush_buffers()
            return None
        return frames[-1] if frames else None


def _opened(codec: str, *, smooth: bool) -> VideoCodecContext:
    try:
        decoder = cast("VideoCodecContext", av.CodecContext.create(codec, "r"))
    except av.FFmpegError as error:
        raise CameraError(SourceState.UNSUPPORTED_CODEC, f"no decoder for {codec}") from error
    decoder.thread_type = av.codec.context.ThreadType.NONE
    decoder.thread_count = 1
    decoder.flags |= av.codec.context.Flags.low_delay
    decoder.options = {"max_pixels": str(MAX_PIXELS)}
    if not smooth:
        decoder.options["skip_loop_filter"] = "all"
    return decoder


def _spaced(frames: dict[int, VideoFrame], max_width: int) -> tuple[Following, ...]:
    """Luma of frames by their ticks after the key picture, spaced out in time."""
    given: list[Following] = []
    last_s = 0.0
    for ticks in sorted(frames):
        after_s = ticks / CLOCK_HZ
        if after_s > BURST_SPAN_S or len(given) == BURST_MOST:
            break
        if after_s - last_s >= BURST_APART_S:
            picture = to_bgr(frames[ticks], max_width=min(max_width, BURST_WIDTH_PX))
            luma = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
            given.append(Following(after_s=after_s, luma=luma))
            last_s = after_s
    return tuple(given)


def to_bgr(frame: VideoFrame, *, max_width: int) -> Image:
    """A decoded frame as BGR, made smaller (never larger) to `max_width` by its planes."""
    if frame.format.name not in {"yuv420p", "yuvj420p"}:
        whole = np.asarray(frame.to_ndarray(format="bgr24", threads=1), dtype=np.uint8)
        return whole if frame.width <= max_width else _smaller(whole, _size(frame, max_width))
    width, height = _size(frame, max_width)
    half = (width // 2, height // 2)
    luma, blue, red = (
        np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(plane.height, plane.line_size)[
            :, : plane.width
        ]
        for plane in frame.planes
    )
    planes = np.empty((height * 3 // 2, width), dtype=np.uint8)
    chroma = planes[height:].reshape(2, half[1], half[0])
    _fill(planes[:height], luma)
    _fill(chroma[0], blue)
    _fill(chroma[1], red)
    if frame.format.name == "yuvj420p" or frame.color_range == 2:
        np.copyto(planes[:height], cv2.LUT(planes[:height], _TO_LIMITED_LUMA))
        np.copyto(planes[height:], cv2.LUT(planes[height:], _TO_LIMITED_CHROMA))
    return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420), dtype=np.uint8)


_LEVELS = np.arange(256)
_TO_LIMITED_LUMA = np.round(16 + _LEVELS * 219 / 255).astype(np.uint8)
_TO_LIMITED_CHROMA = np.round(128 + (_LEVELS - 128) * 224 / 255).astype(np.uint8)


def _size(frame: VideoFrame, max_width: int) -> tuple[int, int]:
    """The size to give, even on both sides, in the frame's shape."""
    width = min(frame.width, max_width) & ~1
    height = (
        round(frame.height * width / frame.width / 2) * 2
        if width < frame.width & ~1
        else frame.height & ~1
    )
    return max(width, 2), max(height, 2)


def _fill(target: Image, plane: Image) -> None:
    height, width = target.shape
    if plane.shape[1] - width <= 1 and plane.shape[0] - height <= 1:
        np.copyto(target, plane[:height, :width])
        return
    # Averaging four neighbours first keeps small heads from flickering away in large reductions.
    source = plane
    while source.shape[1] >= 3 * width:
        source = _smaller(source, (source.shape[1] // 2, source.shape[0] // 2))
    cv2.resize(source, (width, height), dst=target, interpolation=cv2.INTER_LINEAR)


def _smaller(image: Image, size: tuple[int, int]) -> Image:
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
