"""Who may speak and listen where: topic access by identity, generated from table and site file.

The embedded broker knows four classes; a real broker knows each device by its own name.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from config.schema import SiteFile
from wire.broker_core import Identity
from wire.codec import known_devices
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


def device_name(kind: str, device: str) -> str:
    """The name by which a device shows itself to a real broker: `terminal-bridge-1`."""
    return f"{kind}-{device}"


def mosquitto_access(site: SiteFile) -> str:
    """The access list of a Mosquitto for this site: each device its own topics and no others.

    Names are `service`, `worker`, `observer`, and `<kind>-<id>` for every device of the site file;
    who is not named may neither speak nor listen.
    """
    topics = Topics(site.site.id)
    lines = [f"# Made from the site file of {site.site.id}; make it again when devices change."]
    for identity in identity_classes(topics):
        if identity.name != FIELD:
            lines += _rules(identity.name, identity.publish, identity.subscribe)
    for kind, devices in known_devices(site).items():
        for device in sorted(devices):
            says = tuple(_of_device(topics, kind.value, device, Direction.FROM_FIELD))
            hears = tuple(_of_device(topics, kind.value, device, Direction.TO_FIELD))
            lines += _rules(device_name(kind.value, device), says, hears)
    return "\n".join(lines) + "\n"


def _of_device(topics: Topics, kind: str, device: str, direction: Direction) -> Iterator[str]:
    for row in TOPIC_TABLE:
        if row.kind == kind and row.direction is direction:
            yield f"{topics.root}/{row.pattern.replace('{id}', device)}"


def _rules(name: str, says: tuple[str, ...], hears: tuple[str, ...]) -> list[str]:
    return [
        "",
        f"user {name}",
        *(f"topic write {topic}" for topic in says),
        *(f"topic read {topic}" for topic in hears),
    ]
