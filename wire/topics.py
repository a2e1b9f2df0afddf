"""Where every message of the contract stands on the broker: the topic table, built and read back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache

import msgspec

from model.facts import DeviceKind

ROOT = "yinding/v1"
MAX_TOPIC_BYTES = 512

_ID = re.compile(r"[a-z0-9-]{1,64}")


class Direction(StrEnum):
    """Who speaks on a topic and who listens."""

    FROM_FIELD = "from_field"
    TO_FIELD = "to_field"
    TO_ALL = "to_all"
    TO_SCREEN = "to_screen"
    """From a worker to whoever looks at a camera right now: pictures, which are never stored."""


class TopicRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the contract's topic table; a warning's and a CAP message's topic has an empty `leaf`."""

    kind: str
    leaf: str
    direction: Direction
    retained: bool
    payload: str

    @property
    def pattern(self) -> str:
        """The topic under the site's root, with `{id}` where the id stands."""
        return f"{self.kind}/{{id}}/{self.leaf}" if self.leaf else f"{self.kind}/{{id}}"


def _row(kind: str, leaf: str, direction: Direction, payload: str, *, retained: bool) -> TopicRow:
    return TopicRow(kind=kind, leaf=leaf, direction=direction, retained=retained, payload=payload)


def _table() -> Iterator[TopicRow]:
    up, down, out = Direction.FROM_FIELD, Direction.TO_FIELD, Direction.TO_ALL
    for kind in ("camera", "counter", "sensor", "terminal", "bollard"):
        yield _row(kind, "status", up, "DeviceStatus", retained=True)
    yield _row("camera", "density", up, "Density", retained=False)
    yield _row("camera", "watch", down, "CameraWatch", retained=False)
    yield _row("camera", "still", Direction.TO_SCREEN, "CameraStill", retained=False)
    yield _row("counter", "count", up, "CounterReading", retained=False)
    yield _row("sensor", "reading", up, "SensorReading", retained=False)
    yield _row("sensor", "alarm", up, "SensorAlarm", retained=True)
    yield _row("terminal", "order", down, "TerminalOrder", retained=False)
    yield _row("terminal", "receipt", up, "TerminalReceipt", retained=False)
    yield _row("bollard", "order", down, "BollardOrder", retained=False)
    yield _row("bollard", "receipt", up, "BollardReceipt", retained=False)
    yield _row("bollard", "state", up, "BollardState", retained=True)
    yield _row("zone", "state", out, "ZoneState", retained=True)
    yield _row("warning", "", out, "WarningState", retained=True)
    yield _row("cap", "", out, "CapMessage", retained=True)
    yield _row("service", "status", out, "ServiceStatus", retained=True)
    yield _row("worker", "status", up, "WorkerStatus", retained=True)
    yield _row("worker", "cameras", down, "WorkerCameras", retained=True)


TOPIC_TABLE: tuple[TopicRow, ...] = tuple(_table())
_ROWS = {(row.kind, row.leaf): row for row in TOPIC_TABLE}


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A topic taken apart: the kind of thing, its id, and what is said; `row` is its table line."""

    kind: str
    device: str
    leaf: str

    @property
    def row(self) -> TopicRow:
        return _ROWS[self.kind, self.leaf]


class TopicFault(StrEnum):
    """Why a topic is not one of the contract's."""

    UNKNOWN_TOPIC = "unknown_topic"
    BAD_ID = "bad_id"


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """One subscription: a topic filter and the quality of service it is asked with."""

    topic: str
    qos: int


def checked_id(text: str) -> str:
    """The id itself, or ValueError where it is not `[a-z0-9-]{1,64}`."""
    if _ID.fullmatch(text) is None:
        raise ValueError(f"not an id of the contract ([a-z0-9-], 1 to 64): {text[:80]!r}")
    return text


class Topics:
    """Builds and reads the topics of one site."""

    def __init__(self, site_id: str) -> None:
        self.site_id = checked_id(site_id)
        self.root = f"{ROOT}/{site_id}"
        self._prefix = f"{self.root}/"
        self.classify = lru_cache(maxsize=16_384)(self._classify)
        self._build = lru_cache(maxsize=16_384)(self._built)

    def _built(self, kind: str, device: str, leaf: str) -> str:
        row = _ROWS[kind, leaf]
        return self._prefix + row.pattern.replace("{id}", checked_id(device))

    def status(self, kind: DeviceKind, device: str) -> str:
        """Birth and death of a device or worker, retained."""
        return self._build(kind.value, device, "status")

    def density(self, camera: str) -> str:
        """What an analyser counted in a camera's picture, or that it is blind."""
        return self._build("camera", camera, "density")

    def watch(self, camera: str) -> str:
        """Somebody looks at a camera: its worker sends stills for a while."""
        return self._build("camera", camera, "watch")

    def still(self, camera: str) -> str:
        """The last analysed picture of a camera that somebody looks at."""
        return self._build("camera", camera, "still")

    def count(self, counter: str) -> str:
        """A gate counter's totals since boot."""
        return self._build("counter", counter, "count")

    def reading(self, sensor: str) -> str:
        """A sensor's measured quantities."""
        return self._build("sensor", sensor, "reading")

    def alarm(self, sensor: str) -> str:
        """A detector's alarms, retained."""
        return self._build("sensor", sensor, "alarm")

    def order(self, kind: DeviceKind, device: str) -> str:
        """Signed orders to one terminal or bollard lane."""
        return self._build(kind.value, device, "order")

    def receipt(self, kind: DeviceKind, device: str) -> str:
        """A terminal's or bollard lane's word on its orders."""
        return self._build(kind.value, device, "receipt")

    def bollard_state(self, bollard: str) -> str:
        """A lane's position and vehicle loop, retained, at least every second."""
        return self._build("bollard", bollard, "state")

    def zone_state(self, zone: str) -> str:
        """A zone as everyone may see it, retained."""
        return self._build("zone", zone, "state")

    def warning(self, warning: str) -> str:
        """An open warning, retained until it is closed and cleared."""
        return self._build("warning", warning, "")

    def cap(self, warning: str) -> str:
        """The last CAP message of a warning, retained."""
        return self._build("cap", warning, "")

    def service_status(self, node: str) -> str:
        """The service's own birth, death and heartbeat, retained."""
        return self._build("service", node, "status")

    def worker_cameras(self, node: str) -> str:
        """The camera ids that a worker is to analyse, retained."""
        return self._build("worker", node, "cameras")

    def parse(self, topic: str) -> Address | None:
        """The address of a topic of this site's contract, None for any other."""
        address = self.classify(topic)
        return address if isinstance(address, Address) else None

    def _classify(self, topic: str) -> Address | TopicFault:
        if not topic.startswith(self._prefix) or len(topic) > MAX_TOPIC_BYTES:
            return TopicFault.UNKNOWN_TOPIC
        kind, _, rest = topic[len(self._prefix) :].partition("/")
        device, _, leaf = rest.partition("/")
        if (kind, leaf) not in _ROWS or (leaf == "" and rest.endswith("/")):
            return TopicFault.UNKNOWN_TOPIC
        if _ID.fullmatch(device) is None:
            return TopicFault.BAD_ID
        return Address(kind=kind, device=device, leaf=leaf)

    def service_filters(self) -> tuple[Filter, ...]:
        """What the service listens to: everything from the field, without overlaps.

        A bollard's state is asked for with quality 0: it is repeated every second, and a broker
        keeps no quality 0 message for an absent listener, so that a loop state of half a minute
        ago can never arrive after an outage and pass for a fresh one.
        """
        return tuple(
            Filter(
                topic=self._prefix + row.pattern.replace("{id}", "+"),
                qos=0 if (row.kind, row.leaf) == ("bollard", "state") else 1,
            )
            for row in TOPIC_TABLE
            if row.direction is Direction.FROM_FIELD
        )

    def still_filter(self) -> str:
        """Stills of every camera."""
        return f"{self._prefix}camera/+/still"

    def watch_filter(self) -> str:
        """Every wish to look at a camera."""
        return f"{self._prefix}camera/+/watch"

    def order_filter(self, kind: DeviceKind) -> str:
        """All orders to one kind of device, for simulators that play many of them."""
        return f"{self._prefix}{kind.value}/+/order"
