"""Pictures of other kinds than eight-bit colour: how they are read, each made here of a few pixels."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from crowd.pictures import decode_picture

BLUE_GREEN_RED = np.array([40, 90, 200])


def written(suffix: str, picture: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    done, data = cv2.imencode(suffix, picture)
    assert done
    return bytes(data)


def plain(*values: int, kind: type[np.uint8 | np.uint16] = np.uint8) -> NDArray[np.uint8]:
    return np.full((12, 20, len(values)), values, kind)


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def print_jpeg(*inks: int) -> bytes:
    """An 8 × 8 JPEG of one colour in cyan, magenta, yellow and black, 255 for no ink, as Adobe's are."""
    bits = ""
    for ink in inks:
        level = ink - 128
        size = abs(level).bit_length()
        low = level if level >= 0 else level + (1 << size) - 1
        bits += f"{size:04b}" + (f"{low:0{size}b}" if size else "") + "0"
    bits += "1" * (-len(bits) % 8)
    scan = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    frame = struct.pack(">BHHB", 8, 8, 8, 4) + b"".join(bytes((n, 0x11, 0)) for n in range(1, 5))
    steady = b"\x00" + bytes(range(9))
    return b"".join(
        (
            b"\xff\xd8",
            segment(0xEE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, 0)),
            segment(0xDB, b"\x00" + bytes([8]) * 64),
            segment(0xC0, frame),
            segment(0xC4, steady[:1] + bytes((0, 0, 0, 9, *[0] * 12)) + steady[1:]),
            segment(0xC4, b"\x10" + bytes((1, *[0] * 15)) + b"\x00"),
            segment(0xDA, b"\x04" + bytes((1, 0, 2, 0, 3, 0, 4, 0)) + b"\x00\x3f\x00"),
            scan.replace(b"\xff", b"\xff\x00"),
            b"\xff\xd9",
        )
    )


@pytest.mark.parametrize(
    ("inks", "colour"),
    [
        ((255, 255, 255, 255), (255, 255, 255)),
        ((255, 255, 255, 0), (0, 0, 0)),
        ((0, 255, 255, 255), (255, 255, 0)),
        ((255, 0, 0, 255), (0, 0, 255)),
    ],
    ids=["no ink", "black", "cyan", "red"],
)
def test_inks_are_read_as_colours(inks: tuple[int, ...], colour: tuple[int, ...]) -> None:
    picture = decode_picture(print_jpeg(*inks))
    assert picture.shape == (8, 8, 3)
    assert np.allclose(picture, colour, atol=3)


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_transparency_is_left_out_and_the_colour_stays(suffix: str) -> None:
    picture = decode_picture(written(suffix, plain(40, 90, 200, 128)))
    assert picture.shape == (12, 20, 3)
    assert np.allclose(picture, BLUE_GREEN_RED, atol=6)


def test_sixteen_bits_become_eight() -> None:
    colour = plain(40 * 257, 90 * 257, 200 * 257, kind=np.uint16)
    picture = decode_picture(written(".png", colour))
    assert picture.dtype == np.uint8
    assert np.allclose(picture, BLUE_GREEN_RED, atol=1)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_grey_becomes_three_equal_channels(kind: type[np.uint8 | np.uint16]) -> None:
    full = np.iinfo(kind).max
    picture = decode_picture(written(".png", plain(full // 2, kind=kind)))
    assert picture.shape == (12, 20, 3)
    assert np.allclose(picture, 127, atol=1)


def turned(way: int) -> bytes:
    """A picture whose right half is bright, with the way in which its camera lay."""
    picture = np.zeros((16, 32, 3), np.uint8)
    picture[:, 16:] = 255
    data = written(".jpg", picture)
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, way, 0)
    exif = b"Exif\x00\x00MM\x00\x2a" + struct.pack(">IH", 8, 1) + entry + bytes(4)
    return data[:2] + segment(0xE1, exif) + data[2:]


@pytest.mark.parametrize(
    ("way", "bright"),
    [
        (1, np.s_[:, 16:]),
        (3, np.s_[:, :16]),
        (6, np.s_[16:, :]),
        (8, np.s_[:16, :]),
    ],
    ids=["upright", "on its head", "to the right", "to the left"],
)
def test_a_picture_stored_turned_is_turned_upright(way: int, bright: tuple[slice, slice]) -> None:
    picture = decode_picture(turned(way))
    assert picture.shape == ((16, 32, 3) if way < 5 else (32, 16, 3))
    assert picture[bright].mean() > 245
    assert picture.mean() == pytest.approx(127.5, abs=6)
