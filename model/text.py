"""Words shown to people, always in both languages."""

from __future__ import annotations

from typing import Annotated

import msgspec

ShortText = Annotated[str, msgspec.Meta(max_length=500)]


class Bilingual(msgspec.Struct, frozen=True, kw_only=True):
    """One message in Chinese and English; neither may be missing."""

    zh: ShortText
    en: ShortText
