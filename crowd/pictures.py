"""Picture files as they come: bounded, whole, and refused with a plain reason.

A decoder happily fills the missing half of a cut file with grey and unpacks a small file into gigabytes.
So the size is read from the header and the end is looked for before anything is decoded.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from numpy.typing import NDArray

PIXELS_MOST: Final = 50_000_000
BYTES_MOST: Final = 64 * 1024 * 1024
# Start-of-frame markers of JPEG: all of C0 to CF but tables (C4), extensions (C8) and arithmetic (CC).
_FRAME_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN: Final = 0xDA
_END_OF_JPEG: Final = b"\xff\xd9"
_FILLED_PX: Final = 8
_BARE_MARKERS: Final = frozenset({0x01, *range(0xD0, 0xD8)})


class UnreadableError(ValueError):
    """A picture that cannot be read; the message says why, without the file's name."""


def read_picture(path: Path) -> NDArray[np.uint8]:
    """A JPEG, PNG, WebP or BMP file as uint8, height x width x 3, BGR."""
    try:
        size = path.stat().st_size
        if size > BYTES_MOST:
            raise UnreadableError(f"{size} bytes, at most {BYTES_MOST}")
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableError(error.strerror or "cannot be opened") from error
    return decode_picture(data)


def decode_picture(data: bytes) -> NDArray[np.uint8]:
    """The same from memory."""
    if not data:
        raise UnreadableError("empty file")
    width, height = _size(data)
    if width * height > PIXELS_MOST:
        raise UnreadableError(
            f"{width} x {height} pixels, at most {PIXELS_MOST // 1_000_000} million"
        )
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise UnreadableError("damaged picture") from error
    if picture is None:
        raise UnreadableError("damaged picture")
    pixels = np.asarray(picture, np.uint8)
    if data[:2] == b"\xff\xd8" and _has_a_plain_edge(pixels) and _is_cut_within(data):
        raise UnreadableError("truncated JPEG")
    return pixels


def _has_a_plain_edge(pixels: NDArray[np.uint8]) -> bool:
    """Whether one side is of a single colour, as where nothing was left to decode.

    Any side: a picture may be stored turned.
    """
    deep = _FILLED_PX
    edges = (pixels[-deep:], pixels[:deep], pixels[:, :deep], pixels[:, -deep:])
    return any(bool((edge == edge[-1, -1]).all()) for edge in edges)


def _is_cut_within(data: bytes) -> bool:
    """Whether a JPEG's scan ends before its picture does, although the end mark follows.

    FFmpeg's strict decoder tells; ours fills what is missing with grey and says nothing.
    """
    decoder = av.CodecContext.create("mjpeg", "r")
    decoder.options = {"err_detect": "explode"}
    try:
        decoder.decode(av.Packet(data))
    except av.InvalidDataError:
        return True
    except av.FFmpegError:
        # A kind of JPEG that it does not know.
        return False
    return False


def _size(data: bytes) -> tuple[int, int]:
    """(width, height) by the header alone; refuses what is cut short or no picture."""
    try:
        if data[:2] == b"\xff\xd8":
            return _jpeg_size(data)
        if data[:8] == b"\x89PNG\r\n\x1a\n":
            return _png_size(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp_size(data)
        if data[:2] == b"BM":
            width, height = struct.unpack_from("<ii", data, 18)
            return abs(width), abs(height)
    except (struct.error, IndexError) as error:
        raise UnreadableError("cut short within its header") from error
    raise UnreadableError("not a picture (JPEG, PNG, WebP or BMP)")


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Walks the segments up to the first scan; the end mark must follow that scan."""
    place, size = 2, None
    while True:
        if data[place] != 0xFF:
            raise UnreadableError("damaged JPEG header")
        marker = data[place + 1]
        place += 1 if marker == 0xFF else 2
        if marker == 0xFF or marker in _BARE_MARKERS:
            continue
        (length,) = struct.unpack_from(">H", data, place)
        if marker in _FRAME_MARKERS:
            height, width = struct.unpack_from(">HH", data, place + 3)
            size = (width, height)
        place += length
        if marker == _START_OF_SCAN:
            break
    if size is None:
        raise UnreadableError("damaged JPEG header")
    if data.rfind(_END_OF_JPEG) < place:
        raise UnreadableError("truncated JPEG")
    return size


def _png_size(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", data, 16)
    if data.rfind(b"IEND") < 0:
        raise UnreadableError("truncated PNG")
    return width, height


def _webp_size(data: bytes) -> tuple[int, int]:
    """WebP knows three layouts: lossy, lossless and extended."""
    if len(data) < struct.unpack_from("<I", data, 4)[0] + 8:
        raise UnreadableError("truncated WebP")
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        (packed,) = struct.unpack_from("<I", data, 21)
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
        return width, height
    raise UnreadableError("unknown kind of WebP")
