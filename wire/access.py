"""Who may speak and listen where: topic access by identity, generated from the topic table."""

from __future__ import annotations

import secrets

from wire.broker_core import Identity
from wire.topics import TOPIC_TABLE, Direction, Topics

SERVICE = "service"
FIELD = "field"
WORKER = "worker"
OBSERVER = "observer"

_WORKER_SAYS = {
    ("camera", "density"),
    ("camera", "status"),
    ("camera", "still"),
    ("worker", "status"),
}
_WORKER_HEARS = {("camera", "watch"), ("worker", "cameras")}


def identity_classes(topics: Topics) -> tuple[Identity, ...]:
    """The four classes of the embedded broker, each with a new random password.

    The *service* says everything but what is the field's to say, and hears everything; the
    *field* says what devices say and hears orders and what is for all; a *worker* says what
    cameras see and hears which cameras are its own and who looks; an *observer* only listens.
    """

    def by_direction(*directions: Direction) -> tuple[str, ...]:
        rows = [row for row in TOPIC_TABLE if row.direction in directions]
        return tuple(_pattern(topics, row.pattern) for row in rows)

    def by_name(names: set[tuple[str, str]]) -> tuple[str, ...]:
        rows = [row for row in TOPIC_TABLE if (row.kind, row.leaf) in names]
        return tuple(_pattern(topics, row.pattern) for row in rows)

    to_field, to_all = Direction.TO_FIELD, Direction.TO_ALL
    everything = (f"{topics.root}/#",)
    return (
        _identity(SERVICE, by_direction(to_field, to_all), everything),
        _identity(FIELD, by_direction(Direction.FROM_FIELD), by_direction(to_field, to_all)),
        _identity(WORKER, by_name(_WORKER_SAYS), by_name(_WORKER_HEARS)),
        _identity(OBSERVER, (), everything),
    )


def _pattern(topics: Topics, pattern: str) -> str:
    return f"{topics.root}/{pattern.replace('{id}', '+')}"


def _identity(name: str, publish: tuple[str, ...], subscribe: tuple[str, ...]) -> Identity:
    return Identity(
        name=name, password=secrets.token_urlsafe(24), publish=publish, subscribe=subscribe
    )
