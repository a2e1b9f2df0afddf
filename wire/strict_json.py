"""JSON read the careful way: no duplicate members, no NaN, no half characters, no deep nesting."""

from __future__ import annotations

import json
import math
from typing import NoReturn, cast

import msgspec

MAX_MESSAGE_BYTES = 64 * 1024
MAX_DEPTH = 32


class DuplicateMemberError(ValueError):
    """A member name stands twice in one object; readers would disagree on which one counts."""


class NotFiniteError(ValueError):
    """NaN or an infinity, which JSON does not have and no reading can be."""


def parse_members(payload: bytes) -> object:
    """The parsed document.

    Raises DuplicateMemberError, NotFiniteError, or ValueError for anything that is not JSON in
    UTF-8 or is nested deeper than any message of the contract could be.

    A fast parser keeps the last of two members of one name. Where no quotation mark is escaped,
    there are two for every name and every text: if the message has more than the document, some
    member stood twice. Whatever is not plain goes the careful way, which also names the fault.
    """
    text = payload.decode("utf-8")
    shallow = text.count("[") + text.count("{") <= MAX_DEPTH
    if shallow and "\\" not in text and text.isprintable():
        try:
            document = msgspec.json.decode(payload)
        except msgspec.DecodeError:
            return _parse_carefully(text)
        if text.count('"') == 2 * _texts_in(document):
            return cast("object", document)
    return _parse_carefully(text)


def _parse_carefully(text: str) -> object:
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(text)
    document = _decoder.decode(text)
    if "\\u" in text:
        # An escaped half of a surrogate pair is no character: nothing could store or show it.
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    return cast("object", document)


def _texts_in(value: object) -> int:
    """How many names and texts a document holds."""
    if isinstance(value, str):
        return 1
    if isinstance(value, dict):
        found = len(value)
        for item in value.values():
            kind = type(item)
            if kind is str:
                found += 1
            elif kind is dict or kind is list:
                found += _texts_in(item)
        return found
    return sum(map(_texts_in, value)) if isinstance(value, list) else 0


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise DuplicateMemberError(name[:64])
            seen.add(name)
    return members


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise NotFiniteError(number[:64])
    return value


def _not_finite(name: str) -> NoReturn:
    raise NotFiniteError(name)


def _check_depth(text: str) -> None:
    # Brackets within strings count too: a text full of opening brackets is refused, which costs
    # nothing, since no text of the contract opens more of them than it closes by this much.
    depth = 0
    for mark in text:
        if mark in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError(f"nested deeper than {MAX_DEPTH}")
        elif mark in "]}":
            depth -= 1


_decoder = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_not_finite, parse_float=_finite
)
