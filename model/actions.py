"""Actions: what a plan asks of the field, before it becomes orders to single devices."""

from __future__ import annotations

from typing import Literal

import msgspec

from model.facts import Id
from model.level import Level
from model.orders import Motion
from model.text import Bilingual


class Broadcast(msgspec.Struct, frozen=True, kw_only=True):
    """Show and speak on these terminals, or withdraw everything of the case from them."""

    case: Id
    action: Literal["show", "cancel"]
    level: Level
    terminals: tuple[Id, ...]
    text: Bilingual
    speech: str = ""
    volume: int | None = None
    repeat_s: int | None = None
    expires_s: float = 600.0
    exercise: bool = False


class MoveEntrance(msgspec.Struct, frozen=True, kw_only=True):
    """Raise, lower or stop every lane of one entrance, for a case or by a person's hand."""

    entrance: Id
    motion: Motion
    case: Id | None = None
    actor: Id
    exercise: bool = False
    decision: Id | None = None


Action = Broadcast | MoveEntrance
