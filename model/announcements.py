"""Announcements: words that a person typed in the room, on their way to terminals."""

from __future__ import annotations

import msgspec

from model.facts import Id, Stamp
from model.level import Level
from model.text import Bilingual


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """One typed message that stands or waits: who typed it, where it goes, and who agreed.

    Its orders carry its id as their warning. It waits until `needed` people agreed, the one who
    typed it among them, and ends at `until`. `volume` is what the hour of its telling allowed.
    """

    id: Id
    person: Id
    made: Stamp
    until: Stamp
    level: Level
    text: Bilingual
    cancel: Bilingual
    speech: str
    volume: int
    repeat_s: int | None = None
    exercise: bool = False
    terminals: tuple[Id, ...]
    needed: int
    agreed: tuple[Id, ...]

    @property
    def waits(self) -> bool:
        """Whether it still waits for somebody else's agreement."""
        return len(self.agreed) < self.needed
