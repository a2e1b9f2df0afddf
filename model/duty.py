"""Duty: who is in the room now, and which entrances stand armed to rise."""

from __future__ import annotations

import msgspec

from model.facts import Id, Stamp


class OnDuty(msgspec.Struct, frozen=True, kw_only=True):
    """A person who signed on for duty and did not sign off."""

    person: Id
    since: Stamp


class ArmedEntrance(msgspec.Struct, frozen=True, kw_only=True):
    """An entrance that somebody armed: until then it rises when it is confirmed.

    `alone`: the same person may confirm, since a plan for it was agreed to or approved beforehand.
    """

    entrance: Id
    person: Id
    until: Stamp
    alone: bool
    case: Id | None = None
