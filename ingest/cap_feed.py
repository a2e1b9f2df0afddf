"""A government's CAP feed: its alerts for our place become alarms that stand until they are ended.

An alert ends by its Cancel, by an Update that lets it lapse, or by its own `expires`; never because
the feed is silent or no longer lists it. Exercises, tests and drafts move nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import logging
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from urllib.parse import urljoin, urlsplit
from xml.etree import ElementTree as Xml

import msgspec

from config.schema import CapFeed, Origin
from model.cap.alert import Alert, Info, MessageType, Point, Status
from model.cap.document import BYTES_MOST, CapError, parse, read, read_element
from model.clock import Clock
from model.facts import SensorAlarm

log = logging.getLogger(__name__)

ANSWER_WITHIN_S = 15.0
ENTRIES_MOST = 100
REMEMBERED_MOST = 1_000
TEXT_MOST = 500

Fetch = Callable[[str], bytes]


class FeedLostError(Exception):
    """The feed did not answer, or with something that is no feed of alerts."""


class _Standing(msgspec.Struct):
    hazard: str
    expires: datetime | None


class AlertBook:
    """Which alerts stand: takes what a feed lists and says which alarms that raises and clears."""

    def __init__(self, feed: CapFeed, origin: Origin) -> None:
        self._feed = feed
        self._here: Point = (origin.lat, origin.lon)
        self._taken: dict[str, str] = {}
        self._standing: dict[str, _Standing] = {}

    def take(self, alerts: Iterable[Alert], now: datetime) -> list[SensorAlarm]:
        """The changes that these alerts, and the time, bring; each alert counts once."""
        changes: list[SensorAlarm] = []
        for alert in sorted(alerts, key=lambda each: each.sent):
            if alert.identifier in self._taken or alert.status is not Status.ACTUAL:
                continue
            changes += self._one(alert, now)
        for name, standing in list(self._standing.items()):
            if standing.expires is not None and standing.expires <= now:
                del self._standing[name]
                changes.append(self._alarm(name, standing.hazard, now, "cleared", ""))
        while len(self._taken) > REMEMBERED_MOST:
            del self._taken[next(iter(self._taken))]
        return changes

    def _one(self, alert: Alert, now: datetime) -> list[SensorAlarm]:
        name = self._name(alert)
        self._taken[alert.identifier] = name
        info = next((each for each in alert.infos if self._concerns(each)), None)
        over = alert.message_type is MessageType.CANCEL or info is None
        lapsed = info is not None and info.expires is not None and info.expires <= now
        before = self._standing.get(name)
        if over or lapsed:
            if before is None and alert.message_type is not MessageType.CANCEL:
                return []
            self._standing.pop(name, None)
            hazard = self._feed.hazard if before is None else before.hazard
            return [self._alarm(name, hazard, now, "cleared", "")]
        assert info is not None  # noqa: S101 - `over` says so
        if alert.message_type not in (MessageType.ALERT, MessageType.UPDATE):
            return []
        hazard = f"{self._feed.hazard}-{info.severity.value.lower()}"[:64]
        self._standing[name] = _Standing(hazard=hazard, expires=info.expires)
        text = (info.headline or info.event)[:TEXT_MOST]
        return [self._alarm(name, hazard, now, "raised", text)]

    def _name(self, alert: Alert) -> str:
        """One name for an alert and all its updates: that of the first message we know of."""
        for reference in alert.references:
            known = self._taken.get(reference.identifier)
            if known is not None:
                return known
        first = alert.references[0].identifier if alert.references else alert.identifier
        digest = hashlib.blake2b(f"{alert.sender}\n{first}".encode(), digest_size=12).hexdigest()
        return f"cap-{digest}"

    def _concerns(self, info: Info) -> bool:
        """Whether an info speaks of our place: by its polygon, or by its words where it has none."""
        rings = [ring for area in info.areas for ring in area.polygons]
        if rings:
            return any(_holds(ring, self._here) for ring in rings)
        said = " ".join(area.description for area in info.areas)
        return not self._feed.areas or any(word in said for word in self._feed.areas)

    def _alarm(self, name: str, hazard: str, now: datetime, state: str, text: str) -> SensorAlarm:
        return SensorAlarm(
            id=name,
            at=now,
            hazard=hazard,
            state="raised" if state == "raised" else "cleared",
            text=text or None,
        )


def _holds(ring: Sequence[Point], point: Point) -> bool:
    """Whether a ring holds a point (a ray to the east crosses its sides an odd number of times)."""
    lat, lon = point
    inside = False
    for (lat0, lon0), (lat1, lon1) in itertools.pairwise(ring):
        if (lat0 > lat) != (lat1 > lat):
            inside ^= lon < lon0 + (lat - lat0) / (lat1 - lat0) * (lon1 - lon0)
    return inside


def fetch(url: str) -> bytes:
    """One document over HTTP. FeedLostError where it does not come."""
    request = urllib.request.Request(url, headers={"Accept": "application/atom+xml, */*"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_WITHIN_S) as answer:  # noqa: S310
            body: bytes = answer.read(BYTES_MOST + 1)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise FeedLostError(f"{url}: {error}") from error
    return body


def alerts_at(url: str, fetch_one: Fetch = fetch) -> tuple[list[Alert], list[str]]:
    """The alerts of an Atom feed or of a single message, and what is wrong with the others.

    Entries hold an alert, or link to one on the same host. FeedLostError where there is no feed.
    """
    document = fetch_one(url)
    try:
        root = parse(document)
    except CapError as error:
        raise FeedLostError(f"{url}: {error}") from error
    if root.tag.rpartition("}")[2] == "alert":
        return _each([lambda: read_element(root)])
    entries = [each for each in root.iter() if each.tag.rpartition("}")[2] == "entry"]
    return _each([_entry_reader(url, one, fetch_one) for one in entries[:ENTRIES_MOST]])


def _each(readers: Iterable[Callable[[], Alert | None]]) -> tuple[list[Alert], list[str]]:
    alerts: list[Alert] = []
    faults: list[str] = []
    for reader in readers:
        try:
            alert = reader()
        except (CapError, FeedLostError) as error:
            faults.append(str(error))
        else:
            if alert is not None:
                alerts.append(alert)
    return alerts, faults


def _entry_reader(url: str, entry: Xml.Element, fetch_one: Fetch) -> Callable[[], Alert | None]:
    def reader() -> Alert | None:
        inside = next((each for each in entry.iter() if each.tag.endswith("}alert")), None)
        if inside is not None:
            return read_element(inside)
        for link in entry.iter():
            target = urljoin(url, link.get("href", ""))
            if link.tag.endswith("}link") and "cap" in link.get("type", "cap"):
                if urlsplit(target).netloc != urlsplit(url).netloc:
                    raise FeedLostError(f"{target}: on another host than its feed")
                return read(fetch_one(target))
        return None

    return reader


async def follow(
    feed: CapFeed, book: AlertBook, clock: Clock, tell: Callable[[SensorAlarm], None]
) -> None:
    """Look at a feed again and again until cancelled; a loss is logged once, and its end once."""
    lost = False
    known_faults: set[str] = set()
    while True:
        try:
            alerts, faults = await asyncio.to_thread(alerts_at, feed.url)
        except FeedLostError as error:
            alerts, faults = [], []
            if not lost:
                log.warning("CAP feed lost: %s", error)
            lost = True
        else:
            if lost:
                log.info("CAP feed %s is back", feed.url)
            lost = False
        for fault in sorted(set(faults) - known_faults)[:10]:
            log.warning("CAP feed %s: %s", feed.url, fault)
        known_faults = set(faults)
        for alarm in book.take(alerts, clock.now()):
            tell(alarm)
        await asyncio.sleep(feed.every_s)
