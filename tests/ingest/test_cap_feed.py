"""A government's CAP feed over real HTTP: alerts raise alarms, and only their own end clears them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from xml.sax.saxutils import escape

import msgspec
import pytest

from config.schema import CapFeed, Origin
from ingest.cap_feed import AlertBook, FeedLostError, alerts_at
from ingest.side_door import SideDoor
from model.cap.alert import (
    Alert,
    Area,
    Category,
    Certainty,
    Info,
    MessageType,
    Reference,
    Scope,
    Severity,
    Status,
    Urgency,
)
from model.cap.document import write
from model.clock import ManualClock
from wire.inbox import AckToken, Delivery

NOW = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
HERE = Origin(lat=39.94, lon=116.39)
AROUND = ((39.9, 116.3), (39.9, 116.5), (40.0, 116.5), (40.0, 116.3), (39.9, 116.3))
ELSEWHERE = tuple((lat + 5, lon) for lat, lon in AROUND)
FEED = CapFeed(sensor="government", url="http://127.0.0.1/cap")


def alert(number: int = 1, **changes: Any) -> Alert:
    info = Info(
        language="zh-CN",
        category=Category.MET,
        event="暴雨",
        urgency=Urgency.IMMEDIATE,
        severity=Severity.SEVERE,
        certainty=Certainty.LIKELY,
        expires=NOW + timedelta(hours=3),
        headline="暴雨橙色预警",
        areas=(Area(description="西城区", polygons=(AROUND,)),),
    )
    base = Alert(
        identifier=f"bureau-{number}",
        sender="bureau@beijing",
        sent=NOW + timedelta(minutes=number),
        status=Status.ACTUAL,
        message_type=MessageType.ALERT,
        scope=Scope.PUBLIC,
        infos=(info,),
    )
    inside = {name: changes.pop(name) for name in list(changes) if name in Info.__struct_fields__}
    base = msgspec.structs.replace(base, infos=(msgspec.structs.replace(info, **inside),))
    return msgspec.structs.replace(base, **changes)


def follows(first: Alert, number: int, kind: MessageType, **changes: object) -> Alert:
    reference = Reference(sender=first.sender, identifier=first.identifier, sent=first.sent)
    return alert(number, message_type=kind, references=(reference,), **changes)


def told(book: AlertBook, *alerts: Alert, later: timedelta = timedelta()) -> list[tuple[str, str]]:
    return [(each.hazard, each.state) for each in book.take(alerts, NOW + later)]


def test_an_alert_raises_an_alarm_once_an_update_changes_it_and_a_cancel_ends_it() -> None:
    book = AlertBook(FEED, HERE)
    first = alert()
    worse = follows(first, 2, MessageType.UPDATE, severity=Severity.EXTREME)
    assert told(book, first) == [("government-severe", "raised")]
    assert told(book, first) == []
    assert told(book, first, worse) == [("government-extreme", "raised")]
    over = follows(worse, 3, MessageType.CANCEL)
    assert told(book, over) == [("government-extreme", "cleared")]
    assert told(book, first, worse, over) == []


def test_all_updates_speak_of_one_alarm() -> None:
    book = AlertBook(FEED, HERE)
    first = alert()
    second = follows(first, 2, MessageType.UPDATE)
    third = follows(second, 3, MessageType.CANCEL)
    assert len({each.id for each in book.take([first, second, third], NOW)}) == 1


def test_nothing_ends_because_the_feed_is_silent_but_at_its_own_expiry_it_does() -> None:
    book = AlertBook(FEED, HERE)
    assert told(book, alert()) == [("government-severe", "raised")]
    assert told(book, later=timedelta(hours=2)) == []
    assert told(book, later=timedelta(hours=3)) == [("government-severe", "cleared")]


@pytest.mark.parametrize(
    "changes",
    [
        {"status": Status.EXERCISE},
        {"status": Status.TEST},
        {"areas": (Area(description="远处", polygons=(ELSEWHERE,)),)},
        {"expires": NOW - timedelta(minutes=1)},
        {"infos": ()},
    ],
)
def test_exercises_other_places_and_what_is_over_move_nothing(changes: dict[str, Any]) -> None:
    assert told(AlertBook(FEED, HERE), alert(**changes)) == []


def test_an_alert_without_a_polygon_counts_by_its_words() -> None:
    named = FEED.model_copy(update={"areas": ["西城"]})
    here = alert(areas=(Area(description="西城区"),))
    there = alert(2, areas=(Area(description="海淀区"),))
    assert told(AlertBook(named, HERE), here, there) == [("government-severe", "raised")]


@contextmanager
def serving(pages: dict[str, bytes]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path)
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            """Silence."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def atom(*entries: str) -> bytes:
    inside = "".join(f"<entry>{entry}</entry>" for entry in entries)
    return f'<feed xmlns="http://www.w3.org/2005/Atom">{inside}</feed>'.encode()


def test_a_feed_holds_alerts_links_to_them_and_names_what_is_wrong() -> None:
    inline = write(alert(1)).decode().split("?>", 1)[1]
    pages = {
        "/cap": atom(
            f"<content>{inline}</content>",
            '<link href="/one.xml" type="application/cap+xml"/>',
            '<link href="/gone.xml" type="application/cap+xml"/>',
            f'<link href="{escape("http://127.0.0.1:1/x.xml")}" type="application/cap+xml"/>',
            '<link href="/page.html" type="text/html"/>',
        ),
        "/one.xml": write(alert(2)),
        "/single": write(alert(3)),
        "/nonsense": b"hello",
    }
    with serving(pages) as base:
        alerts, faults = alerts_at(f"{base}/cap")
        assert [each.identifier for each in alerts] == ["bureau-1", "bureau-2"]
        assert len(faults) == 2
        assert any("another host" in fault for fault in faults)
        (single,), none = alerts_at(f"{base}/single")
        assert (single.identifier, none) == ("bureau-3", [])
        with pytest.raises(FeedLostError):
            alerts_at(f"{base}/nonsense")
        with pytest.raises(FeedLostError):
            alerts_at(f"{base}/missing")


class _Line:
    def __init__(self) -> None:
        self.acked: list[AckToken] = []
        self.asked: list[float] = []

    def take(self, _max_n: int, timeout_s: float) -> list[Delivery]:
        self.asked.append(timeout_s)
        return []

    def ack(self, tokens: Iterable[AckToken]) -> None:
        self.acked += list(tokens)


def test_the_side_door_is_taken_first_and_acknowledged_to_nobody() -> None:
    line = _Line()
    door = SideDoor(line, ManualClock(NOW))
    assert door.put("t", b"{}")
    (message,) = door.take(10, 0.2)
    assert (message.topic, message.payload, message.arrived) == ("t", b"{}", NOW)
    door.ack([message.token, AckToken(1, 7, 1)])
    assert line.acked == [AckToken(1, 7, 1)]
    assert door.take(10, 0.2) == []
    assert line.asked == [0.0, 0.2]
