"""Warnings for other warning centres: an Atom feed of CAP 1.2 messages, and each message."""

from __future__ import annotations

from xml.etree import ElementTree as Xml

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from config.cap_of_case import messages_of, sender_of
from console.context import Context, context_of
from console.problems import Code, ProblemError
from model.cap.alert import Alert, stamp
from model.cap.document import write

router = APIRouter(tags=["outside"])

CASES_LISTED = 50
ATOM = "http://www.w3.org/2005/Atom"
CAP_TYPE = "application/cap+xml"


@router.get("/cap")
async def feed(request: Request) -> Response:
    """The messages of the last fifty warnings, newest first, as an Atom feed."""
    context = context_of(request.app)
    alerts = await to_thread.run_sync(_alerts, context)
    return Response(_atom(context, alerts), media_type="application/atom+xml")


@router.get("/cap/{identifier}")
async def message(identifier: str, request: Request) -> Response:
    """One CAP message."""
    context = context_of(request.app)
    case_id = identifier.rpartition("-")[0]
    found = await to_thread.run_sync(_of_case, context, case_id)
    for alert in found:
        if alert.identifier == identifier:
            return Response(write(alert), media_type=CAP_TYPE)
    raise ProblemError(Code.NOT_FOUND)


def _of_case(context: Context, case_id: str) -> list[Alert]:
    case = context.store.case(case_id)
    if case is None:
        return []
    return messages_of(context.site, case, context.store.transitions(case_id))


def _alerts(context: Context) -> list[Alert]:
    cases = context.store.cases(limit=CASES_LISTED)
    alerts = [alert for case in cases for alert in _of_case(context, case.id)]
    return sorted(alerts, key=lambda alert: (alert.sent, alert.identifier), reverse=True)


def _atom(context: Context, alerts: list[Alert]) -> bytes:
    site = context.site.site
    root = Xml.Element("feed", xmlns=ATOM)
    _add(root, "id", f"urn:yinding:{site.id}:cap")
    _add(root, "title", f"{site.name.zh} {site.name.en}")
    newest = max((alert.sent for alert in alerts), default=context.clock.now())
    _add(root, "updated", stamp(newest))
    _add(Xml.SubElement(root, "author"), "name", sender_of(context.site))
    for alert in alerts:
        entry = Xml.SubElement(root, "entry")
        _add(entry, "id", f"urn:yinding:{site.id}:cap:{alert.identifier}")
        _add(entry, "title", f"{alert.message_type.value}: {alert.infos[0].headline}")
        _add(entry, "updated", stamp(alert.sent))
        Xml.SubElement(entry, "link", href=f"/cap/{alert.identifier}", type=CAP_TYPE)
    document: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _add(parent: Xml.Element, name: str, text: str) -> None:
    Xml.SubElement(parent, name).text = text
