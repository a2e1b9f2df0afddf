"""CAP 1.2 as XML: written in the schema's order, and read without trusting who wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import TypeVar
from xml.etree import ElementTree as Xml

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
    stamp,
)
from model.cap.schema_rules import faults

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
BYTES_MOST = 1024 * 1024

Word = TypeVar("Word", bound=StrEnum)


class CapError(Exception):
    """A document that is no CAP 1.2 alert; says which rule it breaks."""


def write(alert: Alert) -> bytes:
    """The alert as an XML document in UTF-8. ValueError where it breaks a rule of the schema."""
    root = Xml.Element("alert", xmlns=NAMESPACE)
    for name, text in _head(alert):
        _add(root, name, text)
    if alert.references:
        words = (f"{one.sender},{one.identifier},{stamp(one.sent)}" for one in alert.references)
        _add(root, "references", " ".join(words))
    for info in alert.infos:
        _write_info(root, info)
    if broken := list(faults(root)):
        raise ValueError("; ".join(broken))
    document: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _head(alert: Alert) -> Iterator[tuple[str, str]]:
    yield "identifier", alert.identifier
    yield "sender", alert.sender
    yield "sent", stamp(alert.sent)
    yield "status", alert.status.value
    yield "msgType", alert.message_type.value
    yield "scope", alert.scope.value
    if alert.restriction:
        yield "restriction", alert.restriction
    if alert.note:
        yield "note", alert.note


def _write_info(root: Xml.Element, info: Info) -> None:
    element = Xml.SubElement(root, "info")
    optional = {
        "responseType": info.response.value if info.response else "",
        "expires": stamp(info.expires) if info.expires else "",
        "senderName": info.sender_name,
        "headline": info.headline,
        "description": info.description,
        "instruction": info.instruction,
    }
    _add(element, "language", info.language)
    _add(element, "category", info.category.value)
    _add(element, "event", info.event)
    if optional["responseType"]:
        _add(element, "responseType", optional.pop("responseType"))
    _add(element, "urgency", info.urgency.value)
    _add(element, "severity", info.severity.value)
    _add(element, "certainty", info.certainty.value)
    for name in ("expires", "senderName", "headline", "description", "instruction"):
        if optional[name]:
            _add(element, name, optional[name])
    for name, value in info.parameters:
        parameter = Xml.SubElement(element, "parameter")
        _add(parameter, "valueName", name)
        _add(parameter, "value", value)
    for area in info.areas:
        place = Xml.SubElement(element, "area")
        _add(place, "areaDesc", area.description)
        for polygon in area.polygons:
            _add(place, "polygon", " ".join(f"{lat:.6f},{lon:.6f}" for lat, lon in polygon))


def _add(parent: Xml.Element, name: str, text: str) -> None:
    Xml.SubElement(parent, name).text = text


def parse(document: bytes) -> Xml.Element:
    """An XML document's root. CapError for one that is too large, declares anything, or is none."""
    if len(document) > BYTES_MOST:
        raise CapError(f"{len(document)} bytes")
    if b"<!DOCTYPE" in document or b"<!ENTITY" in document:
        raise CapError("declares types or entities, which no alert needs")
    try:
        return Xml.fromstring(document)  # noqa: S314 - without declarations nothing can grow
    except Xml.ParseError as error:
        raise CapError(f"not XML: {error}") from error


def read(document: bytes) -> Alert:
    """The alert of a document. CapError where it is none, or breaks a rule of the schema."""
    return read_element(parse(document))


def read_element(root: Xml.Element) -> Alert:
    """The alert of an element, with its namespace or without one."""
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    if root.tag != "alert":
        raise CapError(f"<{root.tag[:40]}> is no alert")
    if broken := list(faults(root)):
        raise CapError("; ".join(broken[:5]))
    return Alert(
        identifier=_text(root, "identifier"),
        sender=_text(root, "sender"),
        sent=datetime.fromisoformat(_text(root, "sent")),
        status=Status(_text(root, "status")),
        message_type=MessageType(_text(root, "msgType")),
        scope=Scope(_text(root, "scope")),
        restriction=_text(root, "restriction"),
        note=_text(root, "note"),
        references=tuple(_references(_text(root, "references"))),
        infos=tuple(_read_info(info) for info in root.findall("info")),
    )


def _text(parent: Xml.Element, name: str) -> str:
    return (parent.findtext(name) or "").strip()


def _references(text: str) -> Iterator[Reference]:
    for word in text.split():
        sender, identifier, sent = word.split(",")
        yield Reference(sender=sender, identifier=identifier, sent=datetime.fromisoformat(sent))


def _read_info(element: Xml.Element) -> Info:
    expires, response = _text(element, "expires"), _text(element, "responseType")
    return Info(
        language=_text(element, "language") or "en-US",
        category=Category(_text(element, "category")),
        event=_text(element, "event"),
        response=Response(response) if response else None,
        urgency=Urgency(_text(element, "urgency")),
        severity=Severity(_text(element, "severity")),
        certainty=Certainty(_text(element, "certainty")),
        expires=datetime.fromisoformat(expires) if expires else None,
        sender_name=_text(element, "senderName"),
        headline=_text(element, "headline"),
        description=_text(element, "description"),
        instruction=_text(element, "instruction"),
        parameters=tuple(
            (_text(each, "valueName"), _text(each, "value"))
            for each in element.findall("parameter")
        ),
        areas=tuple(
            Area(
                description=_text(area, "areaDesc"),
                polygons=tuple(_ring(each.text or "") for each in area.findall("polygon")),
            )
            for area in element.findall("area")
        ),
    )


def _ring(text: str) -> tuple[Point, ...]:
    pairs = (word.split(",") for word in text.split())
    return tuple((float(lat), float(lon)) for lat, lon in pairs)
