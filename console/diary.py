"""The diary of the doors: who signed in and out, and who tried, on its way to the audit."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from model.facts import Id

UNKNOWN: Id = "unknown-person"
"""Stands for a name that the site file does not know: invented names fill no audit."""


class Act(StrEnum):
    """What somebody did at the door, and what they wrote there."""

    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGN_IN_LOCKED = "sign_in_locked"
    SIGNED_OUT = "signed_out"
    PASSWORD_SET = "password_set"  # noqa: S105 - the name of an act
    DISPATCH_STEP = "dispatch_step"
    SITE_EDITED = "site_edited"
    PAST_LOOKED_AT = "past_looked_at"
    EVENT_ANNOUNCED = "event_announced"
    EVENT_WITHDRAWN = "event_withdrawn"


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """One act at the door: who, when, and from which address; `subject` is what it was done to."""

    at: datetime
    actor: Id
    act: Act
    address: str
    subject: str = ""


class Diary(Protocol):
    """Where acts at the door are written down, in the audit, with the next commit."""

    def note(self, noted: Noted) -> bool:
        """Write it down soon; False where too many wait, and nobody may pass unnoted."""
        ...
