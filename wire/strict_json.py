"""JSON read the careful way: no duplicate members, no NaN, no half characters, no deep nesting."""

from __future__ import annotations

import json
from typing import NoReturn, cast

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
    """
    text = payload.decode("utf-8")
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(text)
    document = _decoder.decode(text)
    if "\\u" in text:
        # An escaped half of a surrogate pair is no character: nothing could store or show it.
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    return cast("object", document)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise DuplicateMemberError(name[:64])
            seen.add(name)
    return members


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


_decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_not_finite)
