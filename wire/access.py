"""Who may speak and listen where: topic access by identity, generated from the topic table."""

from __future__ import annotations

import secrets

from wire.broker_core import Identity
from wire.topics import TOPIC_TABLE, Direction, Topics

SERVICE = "service"
FIELD = "field"
WORKER = "worker"
OBSERVER = "observer"

_WORKER_ROWS = {("camera", "density"), ("camera", "status"), ("worker", "status")}


def identity_classes(topics: Topics) -> tuple[Identity, ...]:
    """The four classes of the embedded broker, each with a new random password.

    The *service* says everything but what is the field's to say, and hears everything; the
    *field* says what devices say and hears orders and what is for all; a *worker* says what
    cameras see and hears which cameras are its own; an *observer* only listens.
    """

    def rules(*directions: Direction) -> tuple[str, ...]:
        return tuple(
            _pattern(topics, row.pattern) for row in TOPIC_TABLE if row.direction in directions
        )

    worker_says = tuple(
        _pattern(topics, row.pattern) for row in TOPIC_TABLE if (row.kind, row.leaf) in _WORKER_ROWS
    )
    return (
        _identity(SERVICE, rules(Direction.TO_FIELD, Direction.TO_ALL), (f"{topics.root}/#",)),
        _identity(FIELD, rules(Direction.FROM_FIELD), rules(Direction.TO_FIELD, Direction.TO_ALL)),
        _identity(WORKER, worker_says, (_pattern(topics, "worker/{id}/cameras"),)),
        _identity(OBSERVER, (), (f"{topics.root}/#",)),
    )


def _pattern(topics: Topics, pattern: str) -> str:
    return f"{topics.root}/{pattern.replace('{id}', '+')}"


def _identity(name: str, publish: tuple[str, ...], subscribe: tuple[str, ...]) -> Identity:
    return Identity(
        name=name, password=secrets.token_urlsafe(24), publish=publish, subscribe=subscribe
    )
