"""A case as CAP 1.2 messages: one for each step that the outside must hear of.

The messages follow from the case's history alone, so the feed, the broker and the files always say
the same, also after a restart. Identifier: the case's id and the step's serial.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from config.schema import SiteFile
from model.cap.alert import (
    Alert,
    Area,
    Category,
    Certainty,
    Info,
    MessageType,
    Point,
    Reference,
    Response,
    Scope,
    Severity,
    Status,
    Urgency,
)
from model.cases import Case, Change, Transition
from model.level import Level

HOLDS_FOR = timedelta(hours=24)
"""An alert ends by its Cancel; where that never arrives, it ends by itself after so long."""

METRES_PER_DEGREE = 111_320.0
"""Of latitude, on a sphere of the Earth's mean circumference: 40,075 km over 360."""

_MESSAGES = {
    Change.OPENED: MessageType.ALERT,
    Change.STEPPED_UP: MessageType.UPDATE,
    Change.STEPPED_DOWN: MessageType.UPDATE,
    Change.CLOSED: MessageType.CANCEL,
}
_SEVERITIES = {
    Level.BLUE: Severity.MINOR,
    Level.YELLOW: Severity.MODERATE,
    Level.ORANGE: Severity.SEVERE,
    Level.RED: Severity.EXTREME,
}
_CATEGORIES = {
    "fire": Category.FIRE,
    "earthquake": Category.GEO,
    "help": Category.RESCUE,
    "wind": Category.MET,
    "rain": Category.MET,
    "ice": Category.MET,
    "water": Category.MET,
    "noise": Category.ENV,
}
_LANGUAGES = {"zh": "zh-CN", "en": "en-US"}


def sender_of(site: SiteFile) -> str:
    """Who speaks: as the site file says, or by the site's id."""
    return site.cap.sender or f"yinding@{site.site.id}"


def messages_of(site: SiteFile, case: Case, steps: Sequence[Transition]) -> list[Alert]:
    """Every message of a zone's case so far, oldest first; none for a device's case."""
    if case.subject_kind != "zone":
        return []
    told: list[Alert] = []
    for step in sorted(steps, key=lambda each: each.serial):
        kind = _MESSAGES.get(step.change)
        if kind is None or (kind is not MessageType.ALERT and not told):
            continue
        told.append(_message(site, case, step, kind, told))
    return told


def _message(
    site: SiteFile, case: Case, step: Transition, kind: MessageType, before: Sequence[Alert]
) -> Alert:
    authority = site.cap.authority
    sender = sender_of(site)
    references = [
        Reference(sender=sender, identifier=each.identifier, sent=each.sent) for each in before
    ]
    return Alert(
        identifier=f"{case.id}-{step.serial}",
        sender=sender,
        sent=step.at.astimezone(ZoneInfo(site.site.timezone)),
        status=Status.EXERCISE if case.exercise else Status.ACTUAL,
        message_type=kind,
        scope=Scope.RESTRICTED if authority is None else Scope.PUBLIC,
        restriction=site.cap.restriction if authority is None else "",
        note="演练 / Exercise" if case.exercise else "",
        references=tuple(references),
        infos=tuple(_infos(site, case, step, kind)),
    )


def _infos(site: SiteFile, case: Case, step: Transition, kind: MessageType) -> Iterator[Info]:
    over = kind is MessageType.CANCEL
    high = step.level in (Level.ORANGE, Level.RED)
    plan = next(
        (
            each
            for each in site.plans
            if each.hazard == case.hazard
            and each.level is step.level
            and (each.zones == "all" or case.subject in each.zones)
        ),
        None,
    )
    text = None if plan is None else (plan.cancel if over else plan.text)
    for key, language in _LANGUAGES.items():
        said = _in(key, case.text)
        yield Info(
            language=language,
            category=_CATEGORIES.get(case.hazard, Category.SAFETY),
            event=said,
            response=Response.ALL_CLEAR if over else Response.AVOID if high else Response.MONITOR,
            urgency=Urgency.PAST if over else Urgency.IMMEDIATE if high else Urgency.EXPECTED,
            severity=_SEVERITIES[step.level],
            certainty=Certainty.OBSERVED,
            expires=(step.at + HOLDS_FOR).astimezone(ZoneInfo(site.site.timezone)),
            sender_name=_in(key, site.cap.authority or site.site.name),
            headline=_headline(site, case, said, key),
            description="" if step.detail is None else _in(key, step.detail),
            instruction="" if text is None else _in(key, text),
            parameters=(("yinding:level", step.level.value), ("yinding:reason", step.reason)),
            areas=(_area(site, case.subject, key),),
        )


def _in(key: str, words: object) -> str:
    return str(getattr(words, key))


def _headline(site: SiteFile, case: Case, said: str, key: str) -> str:
    name = next((_in(key, zone.name) for zone in site.zones if zone.id == case.subject), "")
    tip = {"zh": "景区提示", "en": "Site alert"}[key]
    drill = {"zh": "【演练】", "en": "EXERCISE: "}[key] if case.exercise else ""
    return f"{drill}{tip}：{name} {said}" if key == "zh" else f"{drill}{tip}: {name}, {said}"


def _area(site: SiteFile, zone_id: str, key: str) -> Area:
    zone = next((each for each in site.zones if each.id == zone_id), None)
    if zone is None:
        return Area(description=_in(key, site.site.name))
    ring = [_degrees(site, east_m, north_m) for east_m, north_m in zone.outline]
    return Area(description=_in(key, zone.name), polygons=((*ring, ring[0]),))


def _degrees(site: SiteFile, east_m: float, north_m: float) -> Point:
    """A place of the site in degrees; a few kilometres around the origin the Earth is flat."""
    origin = site.site.origin
    lat = origin.lat + north_m / METRES_PER_DEGREE
    lon = origin.lon + east_m / (METRES_PER_DEGREE * math.cos(math.radians(origin.lat)))
    return round(lat, 6), round(lon, 6)
