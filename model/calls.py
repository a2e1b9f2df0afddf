"""Calls: people that must be reached about a case, beside the messages in the field."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from model.facts import Id, Stamp
from model.level import Level
from model.text import Bilingual


class CallRole(StrEnum):
    """Why somebody is called about a case."""

    SECOND_PERSON = "second_person"
    COMMANDER = "commander"
    OUTSIDE_CONTACT = "outside_contact"
    PLAN = "plan"
    FALLBACK = "fallback"


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call about one case to these people; its id is always the same for the same call.

    `people` may be empty where the site names nobody: the step was due all the same.
    """

    id: Id
    case: Id
    role: CallRole
    people: tuple[Id, ...]
    at: Stamp
    zone: Id
    level: Level
    text: Bilingual
    exercise: bool = False
