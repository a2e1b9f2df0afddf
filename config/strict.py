"""What every part of the site file has in common: strictness, ids, and words in both languages."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

DeviceId = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]


class Strict(BaseModel):
    """Unknown keys are refused: a typo must never silently change a site."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(Strict):
    """A name or message in both languages."""

    zh: Annotated[str, Field(min_length=1, max_length=500)]
    en: Annotated[str, Field(min_length=1, max_length=500)]


ShortName = Annotated[str, Field(min_length=1, max_length=100)]


class ShortWords(Strict):
    """The name of a person or of a unit in both languages."""

    zh: ShortName
    en: ShortName


def in_both(name: str | ShortWords) -> ShortWords:
    """A name in both languages; one that is told once stands for both."""
    return ShortWords(zh=name, en=name) if isinstance(name, str) else name
