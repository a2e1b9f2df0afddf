"""What `yinding estimate` may be pointed at: a picture, a folder of pictures, a video file or a stream.

Every source yields frames or the reason why there is none; nothing here raises for bad input.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import av
import msgspec
import numpy as np
from numpy.typing import NDArray

from crowd.pictures import PIXELS_MOST, UnreadableError, read_picture
from crowd.stills import PICTURE_SUFFIXES

VIDEO_SUFFIXES: Final = frozenset({".mp4", ".mkv", ".avi", ".mov", ".ts", ".webm", ".h264", ".m4v"})
_STREAM_SCHEMES: Final = ("rtsp://", "rtsps://", "http://", "https://")
_OPEN_S: Final = 10.0
_READ_S: Final = 10.0


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """One frame of a source, or why there is none: exactly one of `picture` and `unreadable` is set.

    `index` counts all frames of the source from 0, also those passed over.
    """

    source: str
    index: int
    picture: NDArray[np.uint8] | None = None
    unreadable: str | None = None


def frames(source: str, *, every_s: float, most: int | None) -> Iterator[Frame]:
    """The frames of one source: all pictures of a folder, or one frame of a video every so many seconds."""
    if source.startswith(_STREAM_SCHEMES):
        yield from _video(source, every_s=every_s, most=most, stream=True)
        return
    path = Path(source)
    if path.is_dir():
        names = sorted(item for item in path.iterdir() if item.suffix.lower() in PICTURE_SUFFIXES)
        if not names:
            yield Frame(source=source, index=0, unreadable="a folder without pictures")
        for name in names[:most]:
            yield _picture(name)
    elif path.suffix.lower() in VIDEO_SUFFIXES and path.is_file():
        yield from _video(source, every_s=every_s, most=most, stream=False)
    else:
        yield _picture(path)


def _picture(path: Path) -> Frame:
    try:
        return Frame(source=str(path), index=0, picture=read_picture(path))
    except UnreadableError as error:
        return Frame(source=str(path), index=0, unreadable=str(error))


def _video(source: str, *, every_s: float, most: int | None, stream: bool) -> Iterator[Frame]:
    """Decodes with PyAV; a video that breaks off yields its last word and ends."""
    options = {"rtsp_transport": "tcp"} if stream else {}
    given, index = 0, 0
    try:
        with av.open(source, options=options, timeout=(_OPEN_S, _READ_S)) as container:
            if not container.streams.video:
                yield Frame(source=source, index=0, unreadable="no video in it")
                return
            video = container.streams.video[0]
            if video.width * video.height > PIXELS_MOST:
                size = f"{video.width} x {video.height} pixels, at most {PIXELS_MOST // 1_000_000} million"
                yield Frame(source=source, index=0, unreadable=size)
                return
            due_s: float | None = None
            for index, decoded in enumerate(container.decode(video)):
                at_s = _time_s(decoded, index)
                if due_s is None or at_s >= due_s:
                    due_s = at_s + every_s
                    yield Frame(source=source, index=index, picture=_pixels(decoded))
                    given += 1
                    if most is not None and given >= most:
                        return
    except (av.FFmpegError, OSError) as error:
        yield Frame(source=source, index=index, unreadable=_plain(error))
        return
    if not given:
        yield Frame(source=source, index=0, unreadable="no frame could be decoded")


def _pixels(decoded: Any) -> NDArray[np.uint8]:
    return np.asarray(decoded.to_ndarray(format="bgr24"), np.uint8)


def _time_s(decoded: Any, index: int) -> float:
    """Streams without time stamps count as one frame a second."""
    return float(index) if decoded.time is None else float(decoded.time)


def _plain(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or type(error).__name__).lower()
