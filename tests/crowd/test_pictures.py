"""Bad picture files are refused with a plain reason before they cost memory."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from crowd.pictures import UnreadableError, decode_picture, read_picture


def packed(suffix: str, shape: tuple[int, int] = (60, 80)) -> bytes:
    picture = np.random.default_rng(1).integers(0, 256, (*shape, 3)).astype(np.uint8)
    _, data = cv2.imencode(suffix, picture)
    return bytes(data)


def png_that_claims(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp"])
def test_whole_pictures_are_read(suffix: str) -> None:
    assert decode_picture(packed(suffix)).shape == (60, 80, 3)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"this is a letter, not a photo", "not a picture"),
        (packed(".jpg")[:-400], "truncated JPEG"),
        (packed(".jpg")[:10], "cut short within its header"),
        (packed(".png")[:-40], "truncated PNG"),
        (packed(".webp")[:-40], "truncated WebP"),
        (png_that_claims(12_000, 9_000), "12000 x 9000 pixels, at most 50 million"),
        (png_that_claims(0, 0), "damaged picture"),
    ],
)
def test_a_bad_file_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError, match=reason):
        decode_picture(data)


def test_a_missing_file_and_a_folder_are_unreadable(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jpg", tmp_path):
        with pytest.raises(UnreadableError):
            read_picture(path)


@pytest.mark.parametrize("turned", [None, 6])
def test_a_jpeg_that_ends_too_soon_is_refused_although_its_end_mark_follows(
    turned: int | None,
) -> None:
    """A camera's snapshot of which the line lost the rest, closed by whoever passed it on."""
    data = with_turn(packed(".jpg", (480, 640)), turned)
    with pytest.raises(UnreadableError, match="truncated JPEG"):
        decode_picture(data[: len(data) // 2] + b"\xff\xd9")


@pytest.mark.parametrize("more", [[], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]])
def test_a_whole_jpeg_with_a_black_margin_is_read(more: list[int]) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (479, 633, 3)).astype(np.uint8)
    picture[-40:] = 0
    data = bytes(cv2.imencode(".jpg", picture, more)[1])
    assert decode_picture(data).shape == (479, 633, 3)
    assert decode_picture(data + bytes(100)).shape == (479, 633, 3)


def with_turn(jpeg: bytes, turn: int | None) -> bytes:
    """The same with how it is to be turned written into its header."""
    if turn is None:
        return jpeg
    told = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x112, 3, 1, turn, 0, 0)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(told) + 2) + told + jpeg[2:]


def test_any_cut_of_a_jpeg_is_refused_and_never_half_decoded() -> None:
    data: Any = packed(".jpg", (64, 64))
    for length in range(0, len(data) - 2, 97):
        with pytest.raises(UnreadableError):
            decode_picture(data[:length])
