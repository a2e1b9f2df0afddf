"""The service's line to the broker: nothing is acknowledged before its commit, nothing vanishes."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from model.clock import Clock
from wire.address import BrokerAddress
from wire.backoff import Backoff
from wire.inbox import AckToken, Delivery, Inbox
from wire.link_terms import Confirmed, LinkLimits, LinkState, Outgoing, Will
from wire.pump import Pump
from wire.retained import RetainedBoard
from wire.topics import Filter
from wire.wakeup import Wakeup

log = logging.getLogger(__name__)


class LinkCounts(NamedTuple):
    """What a link has done since its start; `stale_acks` outlived their connection."""

    received: int
    acknowledged: int
    stale_acks: int
    sent: int
    confirmed: int
    not_sent: int
    attempts: int
    connections: int
    losses: int


class BrokerLink:
    """The service's connection: a session that the broker keeps, with acknowledgement by hand.

    One thread of its own owns the connection; every method may be called from any thread. Callers
    take deliveries, commit them, and `ack` their tokens; what was not acknowledged comes again
    after the next connection, marked by a new token. Delivery is at least once. Nothing leaves, and
    no connection begins, while `may_speak` says no.
    """

    def __init__(
        self,
        address: BrokerAddress,
        *,
        client_id: str,
        filters: Iterable[Filter],
        clock: Clock,
        will: Will | None = None,
        limits: LinkLimits | None = None,
        backoff: Backoff | None = None,
        on_state: Callable[[LinkState], None] | None = None,
        may_speak: Callable[[], bool] = lambda: True,
    ) -> None:
        self._limits = limits or LinkLimits()
        self._wakeup = Wakeup()
        self._outgoing: deque[Outgoing] = deque()
        self._acks: deque[AckToken] = deque()
        self._board = RetainedBoard()
        self._inbox = Inbox(
            max_messages=self._limits.inbox_messages,
            max_bytes=self._limits.inbox_bytes,
            on_room=self._wakeup.wake,
        )
        self._state = LinkState.CONNECTING
        self._state_changed = threading.Condition()
        self._on_state = on_state
        self._not_sent = 0
        self._pump = Pump(
            address,
            client_id=client_id,
            filters=tuple(filters),
            clock=clock,
            will=will,
            limits=self._limits,
            backoff=backoff or Backoff(),
            inbox=self._inbox,
            board=self._board,
            outgoing=self._outgoing,
            acks=self._acks,
            wakeup=self._wakeup,
            set_state=self._set_state,
            may_speak=may_speak,
        )
        self._thread = threading.Thread(target=self._pump.run, name="broker-link", daemon=True)

    def start(self) -> None:
        """Begin to connect, and go on until `stop`."""
        self._thread.start()

    def stop(self, *, drain_s: float = 2.0) -> None:
        """Send what still waits for at most `drain_s`, say goodbye, and end the thread."""
        self._pump.request_stop(drain_s)
        self._wakeup.wake()
        if self._thread.is_alive():
            self._thread.join(drain_s + 2 * self._limits.answer_s)
        self._wakeup.close()
        self._set_state(LinkState.STOPPED)

    @property
    def is_alive(self) -> bool:
        """Whether the link's thread runs; a supervisor ends the service when it does not."""
        return self._thread.is_alive()

    @property
    def state(self) -> LinkState:
        return self._state

    def wait_for(self, state: LinkState, timeout_s: float) -> bool:
        """Wait until the link is in a state; False when the time is over."""
        with self._state_changed:
            return self._state_changed.wait_for(lambda: self._state is state, timeout_s)

    def take(self, max_n: int, timeout_s: float) -> list[Delivery]:
        """Up to `max_n` deliveries in order of arrival; empty when none came within the time."""
        return self._inbox.take(max_n, timeout_s)

    @property
    def waiting(self) -> int:
        """How many deliveries wait to be taken."""
        return len(self._inbox)

    def ack(self, tokens: Iterable[AckToken]) -> None:
        """Tell the broker that these are on disk. Tokens of a connection that is gone are dropped."""
        self._acks.extend(token for token in tokens if token.qos)
        self._wakeup.wake()

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        qos: int = 1,
        confirmed: Confirmed | None = None,
    ) -> bool:
        """Hand one message over; False when the broker is away or too much is outstanding.

        True is not delivery: `confirmed` is told once, on the link's thread, True when the broker
        acknowledged and False when the connection was lost before that. It must not block.
        """
        too_much = len(self._outgoing) + self._pump.outstanding >= self._limits.outstanding
        if self._state is not LinkState.CONNECTED or too_much:
            self._not_sent += 1
            return False
        self._outgoing.append(Outgoing(topic, payload, retain, qos, confirmed))
        self._wakeup.wake()
        return True

    def keep(self, topic: str, payload: bytes) -> bool:
        """Want this message to stand retained on the topic, now or when the broker is back.

        The newest per topic wins; an empty one clears. False beyond the bound of topics.
        """
        accepted = self._board.set(topic, payload)
        self._wakeup.wake()
        return accepted

    def counts(self) -> LinkCounts:
        """What the link has done so far."""
        pump = self._pump
        return LinkCounts(
            received=pump.received,
            acknowledged=pump.acknowledged,
            stale_acks=pump.stale_acks,
            sent=pump.sent,
            confirmed=pump.confirmed,
            not_sent=self._not_sent,
            attempts=pump.attempts,
            connections=pump.epoch,
            losses=pump.losses,
        )

    def _set_state(self, state: LinkState) -> None:
        with self._state_changed:
            before, self._state = self._state, state
            self._state_changed.notify_all()
        if before is not state:
            log_change(before, state)
            if self._on_state is not None:
                self._on_state(state)


def log_change(before: LinkState, state: LinkState) -> None:
    """Log a loss and its end, once each."""
    if state is LinkState.CONNECTED:
        log.info("broker %s", "back" if before is LinkState.LOST else "connected")
    elif state is LinkState.REFUSED:
        log.error("broker refuses our name or password")
    elif state is LinkState.LOST:
        log.warning("broker lost; trying again until it answers")
