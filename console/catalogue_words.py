"""The catalogue's words for pages that the service writes itself."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec

from model.text import Bilingual

Catalogue = Mapping[str, Bilingual]

_FILE = Path(__file__).parent / "catalogue" / "words.json"


@cache
def catalogue() -> Catalogue:
    """Every word of the console in both languages, read once."""
    return msgspec.json.decode(_FILE.read_bytes(), type=dict[str, Bilingual])
