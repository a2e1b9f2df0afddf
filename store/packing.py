"""Packed readings: the rows of one device and one hour as a few bytes a row, without loss.

A block is a table of float64 columns. Readings are decimals of few digits at steady steps, so each
column becomes whole numbers, these become distances (to the one before, or to the smallest), and
the distances are small and alike, which zlib then shrinks. A column that is no such decimal is
kept as float32 where that is exact, else as float64. NaN stands for "no value".
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Final, NamedTuple

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
    block = _Block(len(rows), _pack_columns(np.ascontiguousarray(rows.T)))
    return zlib.compress(_encoder.encode(block), _LEVEL)


def unpack(body: bytes, columns: Sequence[int] | None = None) -> Rows:
    """The rows of a block again; only the columns asked for, in their order."""
    block = _decoder.decode(zlib.decompress(body))
    wanted = block.columns if columns is None else [block.columns[each] for each in columns]
    rows = np.empty((block.rows, len(wanted)))
    for number, column in enumerate(wanted):
        rows[:, number] = _unpack_column(column, block.rows)
    return rows


class _Found(NamedTuple):
    """A column as whole numbers: how many digits were behind the point."""

    digits: int
    whole: NDArray[np.int64]


def _pack_columns(table: Rows) -> list[_Column]:
    """All columns of a block, given as rows of a table.

    They are looked at together: a block is rarely longer than a few hundred rows, so what counts
    is how often numpy is asked, not for how much.
    """
    missing = np.isnan(table)
    gapped, absent = np.asarray(missing.any(axis=1)), np.asarray(missing.all(axis=1))
    found = _whole_numbers(np.where(missing, 0.0, table) if gapped.any() else table)
    columns = []
    for number, column in enumerate(table):
        if absent[number]:
            columns.append(_Column(_ABSENT))
            continue
        there = ~missing[number] if gapped[number] else slice(None)
        gaps = np.packbits(missing[number]).tobytes() if gapped[number] else b""
        if number in found:
            digits, whole = found[number]
            columns.append(_pack_whole(whole[there], digits, gaps))
        else:
            columns.append(_pack_float(column[there], gaps))
    return columns


def _whole_numbers(table: Rows) -> dict[int, _Found]:
    """The columns that some power of ten turns into whole numbers, which give the very values back."""
    found: dict[int, _Found] = {}
    left = np.arange(len(table))
    for digits in range(_DIGITS_AT_MOST + 1):
        scale = 10.0**digits
        fits = left[_scaled(table[left, :_LOOK], scale)[1]]
        scaled, exact = _scaled(table[fits], scale)
        for number, whole in zip(fits[exact].tolist(), scaled[exact].astype(np.int64), strict=True):
            found[number] = _Found(digits, whole)
        left = np.array([number for number in left.tolist() if number not in found], np.intp)
        if not left.size:
            break
    return found


def _scaled(table: Rows, scale: float) -> tuple[Rows, NDArray[np.bool_]]:
    """The values times `scale`, rounded; and in which columns nothing was lost by it."""
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.rint(table * scale)
        exact = (scaled / scale == table) & (np.abs(scaled) < _WHOLE_BELOW)
    return scaled, exact.all(axis=1)


def _pack_float(present: Rows, gaps: bytes) -> _Column:
    with np.errstate(over="ignore"):
        short = present.astype(np.float32)
    if np.array_equal(short.astype(np.float64), present):
        return _Column(_FLOAT32, gaps=gaps, data=_shuffled(short))
    return _Column(_FLOAT64, gaps=gaps, data=_shuffled(np.ascontiguousarray(present)))


def _pack_whole(whole: NDArray[np.int64], digits: int, gaps: bytes) -> _Column:
    least, most = int(whole.min()), int(whole.max())
    if least == most:
        return _Column(_PLAIN, digits, least, least, 0, gaps)
    first = int(whole[0])
    steps = whole[1:] - whole[:-1]
    short, long = int(steps.min()), int(steps.max())
    if long - short < most - least:
        data, width = _narrow(steps, short, long)
        return _Column(_STEPS, digits, first, short, width, gaps, data)
    data, width = _narrow(whole, least, most)
    return _Column(_PLAIN, digits, first, least, width, gaps, data)


def _narrow(values: NDArray[np.int64], least: int, most: int) -> tuple[bytes, int]:
    """Distances to the least in as few bytes each as hold them all; none where all are zero."""
    if least == most:
        return b"", 0
    width = next(width for width in (1, 2, 4, 8) if most - least < 1 << (8 * width))
    return _shuffled((values - least).astype(f"<u{width}")), width


def _shuffled(values: NDArray[np.generic]) -> bytes:
    """First all lowest bytes, then all second ones: alike bytes stand together."""
    if values.itemsize == 1:
        return values.tobytes()
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
