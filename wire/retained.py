"""What the broker should keep for everyone: the newest word per topic, said again after a loss."""

from __future__ import annotations

import threading


class RetainedBoard:
    """The retained messages that we want to stand on the broker.

    Per topic the newest wins; what stood before and was not yet sent is forgotten. An empty
    message clears: it follows what is pending instead of replacing it, so that a last word (a
    warning's `closed`) is still heard. After a loss everything is said again, since the broker
    may have forgotten. Bounded by `limit` topics: `set` answers False beyond it.
    """

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._standing: dict[str, bytes] = {}
        self._pending: dict[str, list[bytes]] = {}
        self._lock = threading.Lock()

    def set(self, topic: str, payload: bytes) -> bool:
        """Want this message to stand on the topic, or none where it is empty."""
        with self._lock:
            is_known = topic in self._standing or topic in self._pending
            if not is_known and len(self._standing.keys() | self._pending.keys()) >= self._limit:
                return False
            if payload:
                self._standing[topic] = payload
                self._pending[topic] = [payload]
            else:
                self._standing.pop(topic, None)
                waiting = [one for one in self._pending.get(topic, []) if one]
                self._pending[topic] = [*waiting[-1:], b""]
            return True

    def next_messages(self, max_n: int) -> list[tuple[str, bytes]]:
        """Up to `max_n` messages to send now, oldest wish first; they count as sent."""
        batch: list[tuple[str, bytes]] = []
        with self._lock:
            while self._pending and len(batch) < max_n:
                topic = next(iter(self._pending))
                batch.extend((topic, payload) for payload in self._pending.pop(topic))
        return batch

    def say_again(self) -> None:
        """After a loss: everything that should stand is to be sent anew."""
        with self._lock:
            for topic, payload in self._standing.items():
                self._pending.setdefault(topic, [payload])

    def put_back(self, topic: str, payload: bytes) -> None:
        """A message that was sent is not known to have arrived; send it again unless outdated."""
        with self._lock:
            if topic not in self._pending and self._standing.get(topic, b"") == payload:
                self._pending[topic] = [payload]

    @property
    def is_settled(self) -> bool:
        """Whether nothing waits to be sent."""
        return not self._pending
