"""Packed readings: the rows of one device and one hour as a few bytes a row, without loss.

A block is a table of float64 columns. Readings are decimals of few digits at steady steps, so each
column becomes whole numbers, these become distances (to the one before, or to the smallest), and
the distances are small and alike, which zlib then shrinks. A column that is no such decimal is
kept as float32 where that is exact, else as float64. NaN stands for "no value".
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]

_LEVEL: Final = 6
_DIGITS_AT_MOST: Final = 6
_WHOLE_BELOW: Final = 2.0**53
_LOOK: Final = 16
"""A column that does not fit a number of digits is mostly told by its first values."""

_ABSENT, _FLOAT32, _FLOAT64, _PLAIN, _STEPS = 0, 1, 2, 3, 4


class _Column(msgspec.Struct, frozen=True, array_like=True):
    way: int
    digits: int = 0
    first: int = 0
    least: int = 0
    width: int = 0
    gaps: bytes = b""
    data: bytes = b""


class _Block(msgspec.Struct, frozen=True, array_like=True):
    rows: int
    columns: list[_Column]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Block)


def pack(rows: Rows) -> bytes:
    """Rows of columns as one block."""
    block = _Block(len(rows), [_pack_column(column) for column in rows.T])
    return zlib.compress(_encoder.encode(block), _LEVEL)


def unpack(body: bytes, columns: Sequence[int] | None = None) -> Rows:
    """The rows of a block again; only the columns asked for, in their order."""
    block = _decoder.decode(zlib.decompress(body))
    wanted = block.columns if columns is None else [block.columns[each] for each in columns]
    rows = np.empty((block.rows, len(wanted)))
    for number, column in enumerate(wanted):
        rows[:, number] = _unpack_column(column, block.rows)
    return rows


def _pack_column(column: Rows) -> _Column:
    missing = np.isnan(column)
    present, gaps = column, b""
    if missing.any():
        present, gaps = column[~missing], np.packbits(missing).tobytes()
    if not present.size:
        return _Column(_ABSENT)
    for digits in range(_DIGITS_AT_MOST + 1):
        whole = _as_whole(present, 10.0**digits)
        if whole is not None:
            return _pack_whole(whole, digits, gaps)
    with np.errstate(over="ignore"):
        short = present.astype(np.float32)
    if np.array_equal(short.astype(np.float64), present):
        return _Column(_FLOAT32, gaps=gaps, data=_shuffled(short))
    return _Column(_FLOAT64, gaps=gaps, data=_shuffled(np.ascontiguousarray(present)))


def _as_whole(values: Rows, scale: float) -> NDArray[np.int64] | None:
    """The values times `scale` as whole numbers, if that gives the very values back."""
    for part in (values[:_LOOK], values):
        with np.errstate(over="ignore"):
            scaled = np.rint(part * scale)
        if not (np.abs(scaled).max() < _WHOLE_BELOW and np.array_equal(scaled / scale, part)):
            return None
    return scaled.astype(np.int64)


def _pack_whole(whole: NDArray[np.int64], digits: int, gaps: bytes) -> _Column:
    least, most = int(whole.min()), int(whole.max())
    steps = np.diff(whole)
    first = int(whole[0])
    if steps.size and int(steps.max()) - int(steps.min()) < most - least:
        short = int(steps.min())
        data, width = _narrow(steps - short)
        return _Column(_STEPS, digits, first, short, width, gaps, data)
    data, width = _narrow(whole - least)
    return _Column(_PLAIN, digits, first, least, width, gaps, data)


def _narrow(values: NDArray[np.int64]) -> tuple[bytes, int]:
    """Numbers from zero on in as few bytes each as hold them all; none where all are zero."""
    most = int(values.max(initial=0))
    if not most:
        return b"", 0
    width = next(width for width in (1, 2, 4, 8) if most < 1 << (8 * width))
    return _shuffled(values.astype(f"<u{width}")), width


def _shuffled(values: NDArray[np.generic]) -> bytes:
    """First all lowest bytes, then all second ones: alike bytes stand together."""
    raw = np.frombuffer(values.tobytes(), np.uint8).reshape(values.size, -1)
    return raw.T.tobytes()


def _unshuffled(data: bytes, kind: str) -> NDArray[np.generic]:
    width = np.dtype(kind).itemsize
    raw = np.frombuffer(data, np.uint8).reshape(width, -1)
    return np.frombuffer(raw.T.tobytes(), kind)


def _unpack_column(column: _Column, rows: int) -> Rows:
    if column.way == _ABSENT:
        return np.full(rows, np.nan)
    if not column.gaps:
        return _unpack_present(column, rows)
    missing = np.unpackbits(np.frombuffer(column.gaps, np.uint8), count=rows).astype(bool)
    values = np.full(rows, np.nan)
    values[~missing] = _unpack_present(column, rows - int(missing.sum()))
    return values


def _unpack_present(column: _Column, count: int) -> Rows:
    if column.way == _FLOAT32:
        return _unshuffled(column.data, "<f4").astype(np.float64)
    if column.way == _FLOAT64:
        return _unshuffled(column.data, "<f8").astype(np.float64)
    numbers = count - (column.way == _STEPS)
    whole = (
        _unshuffled(column.data, f"<u{column.width}").astype(np.int64)
        if column.width
        else np.zeros(numbers, np.int64)
    ) + column.least
    if column.way == _STEPS:
        whole = column.first + np.concatenate(([0], np.cumsum(whole)))
    return whole / 10.0**column.digits
