"""A listener on the broker: writes down every message of a site, for the judge of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from model.clock import Clock
from simulators.logbook import AirEntry
from wire.topics import Topics

UNHEARD_LEAVES = frozenset({"still", "watch"})


class Listener:
    """Turns messages into entries of the air log; what cannot be read is not evidence."""

    def __init__(self, topics: Topics, clock: Clock, log: Callable[[AirEntry], None]) -> None:
        self._topics = topics
        self._clock = clock
        self._log = log

    def hear(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """Write one message down; an empty one cleared its topic and is left out."""
        address = self._topics.parse(topic)
        if address is None or not payload or address.leaf in UNHEARD_LEAVES:
            return
        try:
            body: Any = msgspec.json.decode(payload)
        except msgspec.DecodeError:
            return
        if not isinstance(body, dict):
            return
        warning = address.kind == "warning"
        self._log(
            AirEntry(
                at=self._clock.now(),
                kind="service" if warning else address.kind,
                id=address.device,
                leaf="warning" if warning else address.leaf,
                retained=retained,
                body=body,
            )
        )
