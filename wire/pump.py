"""The link's inner loop: one thread that owns the MQTT client and moves everything through it."""

from __future__ import annotations

import logging
import selectors
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from model.clock import Clock
from wire.address import BrokerAddress
from wire.backoff import Backoff
from wire.buffered_client import BufferedClient
from wire.inbox import AckToken, Delivery, Inbox
from wire.link_terms import LinkLimits, LinkState, Outgoing, Will
from wire.retained import RetainedBoard
from wire.strict_json import MAX_MESSAGE_BYTES
from wire.topics import Filter
from wire.wakeup import Wakeup

if TYPE_CHECKING:
    from paho.mqtt.client import SocketLike

log = logging.getLogger(__name__)

_BOARD_WINDOW = 500
_MISC_EVERY_S = 0.5
_READ_AT_ONCE = 64
_REFUSED_CODES = frozenset({"Bad user name or password", "Not authorized"})


class Pump:
    """Connects, reads into the inbox, sends what waits, and begins again after each loss.

    Everything that touches the MQTT client happens on the thread that runs `run`, so that no
    acknowledgement can slip from one connection into the next. The durations here are those of
    the network and are measured on the machine's own clock; `clock` stamps arrivals.
    """

    def __init__(
        self,
        address: BrokerAddress,
        *,
        client_id: str,
        filters: tuple[Filter, ...],
        clock: Clock,
        will: Will | None,
        limits: LinkLimits,
        backoff: Backoff,
        inbox: Inbox,
        board: RetainedBoard,
        outgoing: deque[Outgoing],
        acks: deque[AckToken],
        wakeup: Wakeup,
        set_state: Callable[[LinkState], None],
        may_speak: Callable[[], bool],
    ) -> None:
        self._address = address
        self._filters = filters
        self._clock = clock
        self._limits = limits
        self._backoff = backoff
        self._inbox = inbox
        self._board = board
        self._outgoing = outgoing
        self._acks = acks
        self._wakeup = wakeup
        self._set_state = set_state
        self._may_speak = may_speak
        self._unconfirmed: dict[int, Outgoing] = {}
        self._subscribed = False
        self._refused = False
        self._stop = threading.Event()
        self._stop_by = 0.0
        self._interest = 0
        self.epoch = self.attempts = self.losses = 0
        self.received = self.acknowledged = self.stale_acks = self.sent = self.confirmed = 0
        self._client = self._new_client(client_id, will)

    def _new_client(self, client_id: str, will: Will | None) -> BufferedClient:
        client = BufferedClient(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=False,
            protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        address = self._address
        if address.username is not None:
            client.username_pw_set(address.username, address.password)
        if (context := address.tls_context()) is not None:
            client.tls_set_context(context)
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=True)
        client.connect_timeout = self._limits.answer_s
        client.max_inflight_messages = 0
        client.max_queued_messages = 0
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect
        client.connect_async(address.host, address.port, keepalive=self._limits.keepalive_s)
        return client

    @property
    def outstanding(self) -> int:
        """Messages sent that the broker has not acknowledged yet."""
        return len(self._unconfirmed)

    def request_stop(self, drain_s: float) -> None:
        """Ask `run` to send what waits for at most this long and to end."""
        self._stop_by = time.monotonic() + drain_s
        self._stop.set()

    def run(self) -> None:
        """Keep the connection until asked to stop."""
        while not self._stop.is_set():
            if self._open():
                self._serve()
                self._after_loss()
            if not self._stop.is_set():
                self._stop.wait(self._backoff.next_s())

    def _open(self) -> bool:
        if self._inbox.full:
            # There would be no room to read even the broker's greeting.
            return False
        if not self._may_speak():
            return False
        self.attempts += 1
        self._wakeup.drain()
        self._refused = False
        try:
            self._client.reconnect()
        except (OSError, ssl.SSLError, ssl.CertificateError) as error:
            log.debug("broker %s: %s", self._address, error)
            self._set_state(LinkState.LOST)
            return False
        opened = self._client.socket()
        if isinstance(opened, socket.socket):
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return True

    def _serve(self) -> None:
        """Move messages until the connection is gone."""
        answer_by = time.monotonic() + self._limits.answer_s
        next_misc, heard = 0.0, self.received
        self._interest = 0
        with selectors.DefaultSelector() as selector:
            selector.register(self._wakeup.reader, selectors.EVENT_READ)
            while (sock := self._client.socket()) is not None:
                self._wait_and_read(selector, sock)
                if not self._may_speak():
                    # Another service acts: not even an acknowledgement may leave, nor a goodbye.
                    break
                self._send_waiting()
                now = time.monotonic()
                if self._inbox.full or self.received > heard:
                    # Full: nothing is read, so no answer can be expected. And a broker that hands
                    # out what it kept for us may answer only after that: it is late, not silent.
                    answer_by, heard = now + self._limits.answer_s, self.received
                if not self._inbox.full and now >= next_misc:
                    self._client.loop_misc()
                    next_misc = now + _MISC_EVERY_S
                if self._client.want_write():
                    self._client.loop_write()
                    self._client.flush()
                if self._must_end(now, answer_by):
                    self._say_goodbye()
                    break

    def _must_end(self, now: float, answer_by: float) -> bool:
        if self._stop.is_set():
            return self._is_drained() or now > self._stop_by
        return not self._subscribed and now > answer_by

    def _say_goodbye(self) -> None:
        """Disconnect in good order where the network takes it; the next attempt closes the rest."""
        self._client.disconnect()
        self._client.flush()

    def _wait_and_read(self, selector: selectors.BaseSelector, sock: SocketLike) -> None:
        """Wait for the network or a wake-up, and read what came.

        A full inbox is not read into. The broker then keeps the rest; should it give us up for
        silence meanwhile, the session and its messages outlive the connection.
        """
        may_read = not self._inbox.full
        self._watch(
            selector,
            sock,
            (selectors.EVENT_READ if may_read else 0)
            | (selectors.EVENT_WRITE if self._client.want_write() else 0),
        )
        readable = may_read and (
            self._client.has_read_ahead or (isinstance(sock, ssl.SSLSocket) and sock.pending() > 0)
        )
        for key, events in selector.select(0.0 if readable else _MISC_EVERY_S):
            if key.fileobj is self._wakeup.reader:
                self._wakeup.drain()
            elif events & selectors.EVENT_READ:
                readable = True
        if readable:
            self._read()

    def _read(self) -> None:
        """Read packets while messages come and there is room, up to a fair share."""
        for _ in range(_READ_AT_ONCE):
            before = self.received
            self._client.loop_read()
            if self.received == before or self._inbox.full:
                break

    def _watch(self, selector: selectors.BaseSelector, sock: SocketLike, interest: int) -> None:
        """Make the selector watch the connection for exactly this."""
        if interest == self._interest:
            return
        if interest == 0:
            selector.unregister(sock)
        elif self._interest == 0:
            selector.register(sock, interest)
        else:
            selector.modify(sock, interest)
        self._interest = interest

    def _send_waiting(self) -> None:
        """Hand acknowledgements, orders and retained words to the client, in this order."""
        while self._acks:
            token = self._acks.popleft()
            if token.epoch == self.epoch and self._client.is_connected():
                self._client.ack(token.mid, token.qos)
                self.acknowledged += 1
            else:
                self.stale_acks += 1
        if not self._subscribed:
            return
        while self._outgoing:
            self._send(self._outgoing.popleft())
        room = _BOARD_WINDOW - len(self._unconfirmed)
        if room > 0 and not self._board.is_settled:
            for topic, payload in self._board.next_messages(room):
                self._send(Outgoing(topic, payload, retain=True, qos=1, confirmed=None))

    def _send(self, message: Outgoing) -> None:
        info = self._client.publish(
            message.topic, message.payload, qos=message.qos, retain=message.retain
        )
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._settle(message, delivered=False)
            return
        self.sent += 1
        if message.qos:
            self._unconfirmed[info.mid] = message
        else:
            self._settle(message, delivered=True)

    def _settle(self, message: Outgoing, *, delivered: bool) -> None:
        if message.confirmed is not None:
            message.confirmed(delivered)
        elif message.retain and not delivered:
            self._board.put_back(message.topic, message.payload)

    def _is_drained(self) -> bool:
        return not self._outgoing and not self._unconfirmed and self._board.is_settled

    def _after_loss(self) -> None:
        """Forget the lost connection's open ends: the outbox repeats orders, the board its words."""
        self._subscribed = False
        if not self._stop.is_set():
            self._set_state(LinkState.REFUSED if self._refused else LinkState.LOST)
        self._client.drop_out_messages()
        lost = [*self._unconfirmed.values(), *self._outgoing]
        self._unconfirmed.clear()
        self._outgoing.clear()
        for message in lost:
            self._settle(message, delivered=False)
        self._board.say_again()

    def _on_connect(
        self,
        client: Client,
        _userdata: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._refused = reason.getName() in _REFUSED_CODES
            return
        self.epoch += 1
        client.subscribe([(entry.topic, entry.qos) for entry in self._filters])

    def _on_subscribe(
        self,
        _client: Client,
        _userdata: object,
        _mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        denied = sum(reason.is_failure for reason in reasons)
        if denied:
            log.error("broker denies %d of our %d subscriptions", denied, len(reasons))
        self._backoff.reset()
        self._subscribed = True
        self._set_state(LinkState.CONNECTED)

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        self.received += 1
        self._inbox.put(
            Delivery(
                topic=topic,
                payload=bytes(message.payload[: MAX_MESSAGE_BYTES + 1]),
                retained=message.retain,
                token=AckToken(self.epoch, message.mid, message.qos),
                arrived=self._clock.now(),
                mono=self._clock.monotonic(),
            )
        )

    def _on_publish(
        self,
        _client: Client,
        _userdata: object,
        mid: int,
        _reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        message = self._unconfirmed.pop(mid, None)
        if message is not None:
            self.confirmed += 1
            self._settle(message, delivered=True)

    def _on_disconnect(
        self,
        _client: Client,
        _userdata: object,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if not self._stop.is_set():
            self.losses += 1
            log.debug("broker %s: connection ended: %s", self._address, reason)
