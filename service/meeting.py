"""Where the service meets its field: the site's broker, or an embedded one that lives as long as it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from service.site import LoadedSite
from wire.access import SERVICE, identity_classes
from wire.address import BrokerAddress
from wire.embedded_broker import EmbeddedBroker
from wire.topics import Topics


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """Where we speak to the broker; with an embedded one, its port and everyone's passwords."""

    address: BrokerAddress
    port: int | None
    passwords: dict[str, str]
    broker: EmbeddedBroker | None = None


@contextmanager
def meeting_of(loaded: LoadedSite) -> Iterator[Meeting]:
    """The broker of a site, for the time of a context."""
    if not loaded.site.broker.embedded:
        yield Meeting(address=loaded.broker(), port=None, passwords={})
        return
    identities = identity_classes(Topics(loaded.site.site.id))
    broker = EmbeddedBroker(identities)
    try:
        port = broker.start().port
        yield Meeting(
            address=broker.address(SERVICE),
            port=port,
            passwords={each.name: each.password for each in identities},
            broker=broker,
        )
    finally:
        broker.stop()
