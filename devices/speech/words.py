"""What a terminal that only plays says: the tone, the Chinese words, the English words."""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum
from typing import Literal

import msgspec

from model.actions import Broadcast
from model.level import Level
from model.text import Bilingual

RECIPE = 1
"""Grows when the same words would be rendered otherwise, so that no older recording is taken for them."""

_CHINESE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")


class Tone(StrEnum):
    """What is heard before the words. Only what is earnest has the high tone."""

    CALM = "calm"
    NOTICE = "notice"
    WARNING = "warning"
    DANGER = "danger"


_BY_LEVEL = {
    Level.BLUE: Tone.NOTICE,
    Level.YELLOW: Tone.NOTICE,
    Level.ORANGE: Tone.WARNING,
    Level.RED: Tone.DANGER,
}


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """One recording's content."""

    tone: Tone
    zh: str
    en: str

    @property
    def recipe(self) -> str:
        """A name for exactly these words: the same content is rendered once."""
        parts = msgspec.json.encode((RECIPE, self.tone.value, self.zh, self.en))
        return hashlib.sha256(parts).hexdigest()


def spoken(
    *,
    action: Literal["show", "cancel"],
    level: Level,
    exercise: bool,
    text: Bilingual,
    speech: str,
) -> Spoken:
    """The words to play: `speech` in its own language, the text in the other.

    A terminal without a screen has nothing but its sound: where a message has no speech, it says
    the text.
    """
    calm = exercise or action == "cancel"
    chinese = bool(_CHINESE.search(speech))
    return Spoken(
        tone=Tone.CALM if calm else _BY_LEVEL[level],
        zh=speech if chinese else text.zh,
        en=text.en if chinese or not speech.strip() else speech,
    )


def spoken_of(action: Broadcast) -> Spoken:
    """The words of a message on its way to terminals."""
    return spoken(
        action=action.action,
        level=action.level,
        exercise=action.exercise,
        text=action.text,
        speech=action.speech,
    )
