"""Recordings: how a rendered text is named, so that whoever fetches it knows that it is the one meant."""

from __future__ import annotations

import re

PUBLIC_PATH = "/public/audio/"
"""Where the console gives recordings out, to everybody: they are what the street hears anyway."""

BYTES_MOST = 12 * 1024 * 1024
"""No recording is larger: over four minutes of it."""

_NAME = re.compile(r"([0-9a-f]{64})\.wav")
_ADDRESS = re.compile(r"https?://[^\s/?#@]+/(?:[^\s?#]*/)?([0-9a-f]{64})\.wav")


def name_of(sha256: str) -> str:
    """The file's name: the SHA-256 of its bytes."""
    return f"{sha256}.wav"


def hash_of_name(name: str) -> str | None:
    """The SHA-256 that a recording's name promises, or none where it is no such name."""
    found = _NAME.fullmatch(name)
    return None if found is None else found[1]


def address_of(base: str, sha256: str) -> str:
    """What stands in an order's `audio`; `base` is the console's address as terminals reach it."""
    return f"{base.rstrip('/')}{PUBLIC_PATH}{name_of(sha256)}"


def hash_of_address(address: str) -> str | None:
    """The SHA-256 that an order's `audio` promises, or none where the address is not of this form."""
    found = _ADDRESS.fullmatch(address)
    return None if found is None else found[1]
