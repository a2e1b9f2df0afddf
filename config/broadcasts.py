"""The site file's broadcasts: groups of terminals, the hours in which they speak softly, and who
makes up for one that does not answer."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config.rules import Hours
from config.strict import DeviceId, Strict, Words
from model.level import Level


class TerminalGroup(Strict):
    """Terminals that are told together wherever they stand, such as all stewards' homes."""

    id: DeviceId
    name: Words
    terminals: Annotated[list[DeviceId], Field(min_length=1, max_length=5000)]


class QuietHours(Hours):
    """A part of the day in which terminals speak at `volume_most`, except from `loud_from` upwards."""

    volume_most: Annotated[int, Field(ge=0, le=100)] = 30
    loud_from: Level = Level.RED


class Broadcasts(Strict):
    """How messages are told, whoever asked for them.

    `gap_after_s` is how long a terminal may leave a message unanswered before it is named as a gap
    and its fallback steps in. From `two_people_from` a message typed in the room that the public
    hears needs a second person's agreement.
    """

    quiet_hours: Annotated[list[QuietHours], Field(max_length=20)] = []
    gap_after_s: Annotated[float, Field(ge=5, le=3600)] = 300.0
    two_people_from: Level = Level.RED


class Fallback(Strict):
    """Who makes up for a terminal that does not answer: other terminals, and people who walk there."""

    terminals: Annotated[list[DeviceId], Field(max_length=20)] = []
    people: Annotated[list[DeviceId], Field(max_length=20)] = []
