"""Photographs on their way in: decoded, turned upright, made small, written anew without metadata.

What a phone adds to a picture (where it was taken, by which device) is not carried over: only
pixels are. A file that is no picture, or one of absurd size, is refused before it is decoded.
"""

from __future__ import annotations

import struct
from enum import StrEnum

import cv2
import numpy as np

BYTES_AT_MOST = 8 * 1024 * 1024
PIXELS_AT_MOST = 40_000_000
LONG_SIDE_PX = 1600
QUALITY = 80
TYPES = frozenset({"image/jpeg", "image/png"})
_PNG = b"\x89PNG\r\n\x1a\n"
_NO_SIZE = frozenset({0xD8, 0x01, *range(0xD0, 0xD8)})
_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class PictureFault(StrEnum):
    """Why a file was not taken as a photograph."""

    NOT_A_PICTURE = "not_a_picture"
    TOO_MANY_PIXELS = "picture_too_large"


class PictureError(ValueError):
    """The file cannot be taken, for a named reason."""

    def __init__(self, fault: PictureFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


def clean(data: bytes) -> bytes:
    """The photograph as a fresh JPEG of bounded size; raises PictureError."""
    width, height = _size(data)
    if not 0 < width * height <= PIXELS_AT_MOST:
        raise PictureError(PictureFault.TOO_MANY_PIXELS)
    # Decoding turns the picture upright by its own note, which is then left behind.
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise PictureError(PictureFault.NOT_A_PICTURE)
    shrink = LONG_SIDE_PX / max(picture.shape[:2])
    if shrink < 1:
        picture = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    return encode(picture)


def encode(picture: np.ndarray) -> bytes:
    """A picture as JPEG without any metadata."""
    done, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise PictureError(PictureFault.NOT_A_PICTURE)
    return jpeg.tobytes()


def _size(data: bytes) -> tuple[int, int]:
    """Width and height as the file says, without decoding it."""
    try:
        if data.startswith(_PNG):
            return struct.unpack(">II", data[16:24])
        if data.startswith(b"\xff\xd8"):
            return _jpeg_size(data)
    except (struct.error, IndexError):
        pass
    raise PictureError(PictureFault.NOT_A_PICTURE)


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = 2
    while True:
        while data[at] == 0xFF:
            at += 1
        marker = data[at]
        at += 1
        if marker in _SIZES:
            height, width = struct.unpack(">HH", data[at + 3 : at + 7])
            return width, height
        if marker not in _NO_SIZE:
            at += struct.unpack(">H", data[at : at + 2])[0]
        if data[at] != 0xFF:
            raise PictureError(PictureFault.NOT_A_PICTURE)
