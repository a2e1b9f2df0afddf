"""What has come from the broker and waits to be taken in: bounded, and full means stop reading."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple


class AckToken(NamedTuple):
    """The right to acknowledge one message, once, on the connection that brought it.

    Message numbers are the broker's and begin anew on each connection: an acknowledgement that
    outlived its connection would hit another message, so the link drops it by `epoch`.
    """

    epoch: int
    mid: int
    qos: int


class Delivery(NamedTuple):
    """One message as it came. `retained` means replayed by the broker, not said just now.

    A payload beyond the contract's 64 KiB is cut right behind that bound, so that it is still
    recognised as too large without being kept.
    """

    topic: str
    payload: bytes
    retained: bool
    token: AckToken
    arrived: datetime
    mono: float


class Inbox:
    """A queue between the link's thread and the one that takes messages in.

    Bounded in messages and bytes. Full means that the link stops reading from the broker, which
    keeps what is not acknowledged; nothing is dropped here.
    """

    def __init__(self, *, max_messages: int, max_bytes: int, on_room: Callable[[], None]) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._on_room = on_room
        self._waiting: deque[Delivery] = deque()
        self._bytes = 0
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether the link must stop reading."""
        return len(self._waiting) >= self._max_messages or self._bytes >= self._max_bytes

    def put(self, delivery: Delivery) -> None:
        """Add a message that was read already; the caller reads no more once `full`."""
        with self._changed:
            self._waiting.append(delivery)
            self._bytes += len(delivery.payload)
            if len(self._waiting) == 1:
                self._changed.notify()

    def take(self, max_n: int, timeout_s: float) -> list[Delivery]:
        """Up to `max_n` messages in order of arrival; empty when none came within the time."""
        with self._changed:
            was_full = self.full
            if not self._waiting and timeout_s > 0:
                self._changed.wait_for(lambda: bool(self._waiting), timeout_s)
            if len(self._waiting) <= max_n:
                batch = list(self._waiting)
                self._waiting.clear()
                self._bytes = 0
            else:
                batch = [self._waiting.popleft() for _ in range(max_n)]
                self._bytes -= sum(len(delivery.payload) for delivery in batch)
            has_room = was_full and not self.full
        if has_room:
            self._on_room()
        return batch
