"""A CAP 1.2 alert as values: one message with its infos per language and its areas."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from model.facts import Stamp

Point = tuple[float, float]
"""Latitude and longitude, degrees (WGS 84)."""


class Status(StrEnum):
    """How an alert is to be handled; only an actual one may move anybody."""

    ACTUAL = "Actual"
    EXERCISE = "Exercise"
    SYSTEM = "System"
    TEST = "Test"
    DRAFT = "Draft"


class MessageType(StrEnum):
    """What a message does to those before it."""

    ALERT = "Alert"
    UPDATE = "Update"
    CANCEL = "Cancel"
    ACK = "Ack"
    ERROR = "Error"


class Scope(StrEnum):
    """Whom an alert is for. Only an authority speaks to the public."""

    PUBLIC = "Public"
    RESTRICTED = "Restricted"
    PRIVATE = "Private"


class Category(StrEnum):
    """The kind of event."""

    GEO = "Geo"
    MET = "Met"
    SAFETY = "Safety"
    SECURITY = "Security"
    RESCUE = "Rescue"
    FIRE = "Fire"
    HEALTH = "Health"
    ENV = "Env"
    TRANSPORT = "Transport"
    INFRA = "Infra"
    CBRNE = "CBRNE"
    OTHER = "Other"


class Response(StrEnum):
    """What those who hear it are to do."""

    SHELTER = "Shelter"
    EVACUATE = "Evacuate"
    PREPARE = "Prepare"
    EXECUTE = "Execute"
    AVOID = "Avoid"
    MONITOR = "Monitor"
    ASSESS = "Assess"
    ALL_CLEAR = "AllClear"
    NONE = "None"


class Urgency(StrEnum):
    """How soon."""

    IMMEDIATE = "Immediate"
    EXPECTED = "Expected"
    FUTURE = "Future"
    PAST = "Past"
    UNKNOWN = "Unknown"


class Severity(StrEnum):
    """How bad."""

    EXTREME = "Extreme"
    SEVERE = "Severe"
    MODERATE = "Moderate"
    MINOR = "Minor"
    UNKNOWN = "Unknown"


class Certainty(StrEnum):
    """How sure."""

    OBSERVED = "Observed"
    LIKELY = "Likely"
    POSSIBLE = "Possible"
    UNLIKELY = "Unlikely"
    UNKNOWN = "Unknown"


class Area(msgspec.Struct, frozen=True, kw_only=True):
    """Where: in words, and as rings of points whose last is their first."""

    description: str
    polygons: tuple[tuple[Point, ...], ...] = ()


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """What happens, in one language."""

    language: str
    category: Category
    event: str
    response: Response | None = None
    urgency: Urgency
    severity: Severity
    certainty: Certainty
    expires: Stamp | None = None
    sender_name: str = ""
    headline: str = ""
    description: str = ""
    instruction: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    areas: tuple[Area, ...] = ()


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier message that this one updates or cancels."""

    sender: str
    identifier: str
    sent: Stamp


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One CAP message."""

    identifier: str
    sender: str
    sent: Stamp
    status: Status
    message_type: MessageType
    scope: Scope
    restriction: str = ""
    note: str = ""
    references: tuple[Reference, ...] = ()
    infos: tuple[Info, ...] = ()


def stamp(moment: datetime) -> str:
    """A time as CAP writes it: whole seconds and a numeric offset, never Z."""
    return moment.replace(microsecond=0).isoformat()
