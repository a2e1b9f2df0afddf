"""The rules of the CAP 1.2 schema and of its text: order, counts, words, times and polygons.

Written from the OASIS standard CAP-v1.2, section 3.2 and the schema in its section 3.4. Elements
stand without their namespace here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from xml.etree import ElementTree as Xml

from model.cap.alert import (
    Category,
    Certainty,
    MessageType,
    Response,
    Scope,
    Severity,
    Status,
    Urgency,
)

ONE, MAYBE, SOME, ANY = "one", "maybe", "some", "any"

_ALERT = {
    "identifier": ONE,
    "sender": ONE,
    "sent": ONE,
    "status": ONE,
    "msgType": ONE,
    "source": MAYBE,
    "scope": ONE,
    "restriction": MAYBE,
    "addresses": MAYBE,
    "code": ANY,
    "note": MAYBE,
    "references": MAYBE,
    "incidents": MAYBE,
    "info": ANY,
}
_INFO = {
    "language": MAYBE,
    "category": SOME,
    "event": ONE,
    "responseType": ANY,
    "urgency": ONE,
    "severity": ONE,
    "certainty": ONE,
    "audience": MAYBE,
    "eventCode": ANY,
    "effective": MAYBE,
    "onset": MAYBE,
    "expires": MAYBE,
    "senderName": MAYBE,
    "headline": MAYBE,
    "description": MAYBE,
    "instruction": MAYBE,
    "web": MAYBE,
    "contact": MAYBE,
    "parameter": ANY,
    "resource": ANY,
    "area": ANY,
}
_AREA = {
    "areaDesc": ONE,
    "polygon": ANY,
    "circle": ANY,
    "geocode": ANY,
    "altitude": MAYBE,
    "ceiling": MAYBE,
}
_PAIR = {"valueName": ONE, "value": ONE}
_RESOURCE = {
    "resourceDesc": ONE,
    "mimeType": ONE,
    "size": MAYBE,
    "uri": MAYBE,
    "derefUri": MAYBE,
    "digest": MAYBE,
}
_CHILDREN = {
    "alert": _ALERT,
    "info": _INFO,
    "area": _AREA,
    "parameter": _PAIR,
    "eventCode": _PAIR,
    "geocode": _PAIR,
    "resource": _RESOURCE,
}
_WORDS: dict[str, type[StrEnum]] = {
    "status": Status,
    "msgType": MessageType,
    "scope": Scope,
    "category": Category,
    "responseType": Response,
    "urgency": Urgency,
    "severity": Severity,
    "certainty": Certainty,
}
_TIMES = ("sent", "effective", "onset", "expires")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d")
_NAME = re.compile(r"[^\s,<&]+")
_REFERENCE = re.compile(rf"[^\s,<&]+,[^\s,<&]+,{_TIME.pattern}")
_PAIR_OF_DEGREES = re.compile(r"-?\d{1,3}(\.\d+)?,-?\d{1,3}(\.\d+)?")
_CIRCLE = re.compile(rf"{_PAIR_OF_DEGREES.pattern} \d+(\.\d+)?")


def faults(alert: Xml.Element) -> Iterator[str]:
    """Every rule that an alert breaks, in words."""
    if alert.tag != "alert":
        yield f"the root is <{alert.tag}>, not <alert>"
        return
    yield from _shape(alert)
    yield from _words(alert)
    yield from _places(alert)
    yield from _sense(alert)


def _shape(element: Xml.Element) -> Iterator[str]:
    """Which children, in which order, how many."""
    allowed = _CHILDREN[element.tag]
    names = [child.tag for child in element]
    order = list(allowed)
    known = [order.index(name) for name in names if name in allowed]
    if known != sorted(known):
        yield f"<{element.tag}>: its elements are out of order"
    for name in sorted(set(names) - set(order)):
        yield f"<{element.tag}>: <{name}> does not belong there"
    for name, count in allowed.items():
        found = names.count(name)
        if count in (ONE, SOME) and not found:
            yield f"<{element.tag}>: <{name}> is missing"
        if count in (ONE, MAYBE) and found > 1:
            yield f"<{element.tag}>: <{name}> stands {found} times"
    for child in element:
        if child.tag in _CHILDREN:
            yield from _shape(child)


def _words(alert: Xml.Element) -> Iterator[str]:
    """Closed vocabularies, times and names."""
    for element in alert.iter():
        text = (element.text or "").strip()
        words = _WORDS.get(element.tag)
        if words is not None and text not in {word.value for word in words}:
            yield f"<{element.tag}>: `{text[:40]}` is none of its words"
        if element.tag in _TIMES and not _is_time(text):
            yield f"<{element.tag}>: `{text[:40]}` is no time with a numeric offset"
        if element.tag in ("identifier", "sender") and _NAME.fullmatch(text) is None:
            yield f"<{element.tag}>: empty, or with a space, a comma, < or &"
        if element.tag == "references" and not all(
            _REFERENCE.fullmatch(word) for word in text.split()
        ):
            yield "<references>: each is sender,identifier,sent"


def _is_time(text: str) -> bool:
    if _TIME.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _places(alert: Xml.Element) -> Iterator[str]:
    for polygon in alert.iter("polygon"):
        points = (polygon.text or "").split()
        if not all(_is_point(point) for point in points):
            yield "<polygon>: each point is latitude,longitude in degrees"
        elif len(points) < 4 or points[0] != points[-1]:
            yield "<polygon>: at least four points, the last the same as the first"
    for circle in alert.iter("circle"):
        if _CIRCLE.fullmatch((circle.text or "").strip()) is None:
            yield "<circle>: a point and a radius in km"


def _is_point(text: str) -> bool:
    if _PAIR_OF_DEGREES.fullmatch(text) is None:
        return False
    lat, lon = (float(part) for part in text.split(","))
    return abs(lat) <= 90 and abs(lon) <= 180


def _sense(alert: Xml.Element) -> Iterator[str]:
    """What the standard's text asks beyond the schema."""
    scope, kind = alert.findtext("scope"), alert.findtext("msgType")
    if (scope == Scope.RESTRICTED) != (alert.find("restriction") is not None):
        yield "<restriction> stands where the scope is Restricted, and only there"
    if scope == Scope.PRIVATE and alert.find("addresses") is None:
        yield "<addresses> is needed where the scope is Private"
    later = (MessageType.UPDATE, MessageType.CANCEL, MessageType.ACK, MessageType.ERROR)
    if kind in later and not (alert.findtext("references") or "").strip():
        yield f"<references> is needed for {kind}"
