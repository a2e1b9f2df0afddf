"""The line that devices, workers and tools have to the broker: one MQTT client in asyncio."""

from __future__ import annotations

import asyncio
import logging
import math
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import NamedTuple, Self

import aiomqtt

from wire.address import BrokerAddress
from wire.backoff import Backoff
from wire.link_terms import LinkState, Will
from wire.topics import Filter

log = logging.getLogger(__name__)

KEEPALIVE_S = 10
ANSWER_S = 5.0
CONNECT_S = 10.0
"""To open the connection, and to be let in on it."""

MAX_WAITING = 10_000
_REFUSALS = frozenset({4, 5, 134, 135})


class LinkLostError(Exception):
    """The broker is not there, or not any more; trying again may help."""


class LinkRefusedError(LinkLostError):
    """The broker refuses our name or password; trying again helps only when somebody changes it."""


class FieldMessage(NamedTuple):
    """One message as it came; `retained` means replayed by the broker, not said just now."""

    topic: str
    payload: bytes
    retained: bool


class FieldWord(NamedTuple):
    """One message to send."""

    topic: str
    payload: bytes
    retain: bool = False
    qos: int = 1


class FieldLink:
    """One connection, from `async with` to its loss or end. `keep_connected` makes the next one.

    At most MAX_WAITING messages wait to be read; beyond that the newest are dropped with a
    warning, since a device that is so far behind must not take the machine with it.
    """

    def __init__(
        self,
        address: BrokerAddress,
        *,
        client_id: str,
        filters: Sequence[Filter] = (),
        will: Will | None = None,
        keepalive_s: int = KEEPALIVE_S,
        clean: bool = True,
    ) -> None:
        self._filters = filters
        self._client = aiomqtt.Client(
            address.host,
            address.port,
            username=address.username,
            password=address.password,
            identifier=client_id,
            clean_session=clean,
            will=aiomqtt.Will(will.topic, will.payload, qos=1, retain=True) if will else None,
            keepalive=keepalive_s,
            # The client's own deadlines lose a cancellation that comes with the broker's answer
            # (asyncio.wait_for, Python 3.11), and whoever cancelled waits forever. `_answered` does
            # not.
            timeout=math.inf,
            max_queued_incoming_messages=MAX_WAITING,
            tls_context=address.tls_context(),
            # Without it every acknowledgement waits for Nagle and the delayed ACK: 40 ms.
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )
        self._client.pending_calls_threshold = 1_000

    async def __aenter__(self) -> Self:
        """Connect and subscribe. LinkRefusedError or LinkLostError when that fails."""
        async with _answered("the connection", within_s=CONNECT_S):
            await self._client.__aenter__()
        if self._filters:
            try:
                async with _answered("the subscription"):
                    await self._client.subscribe([(one.topic, one.qos) for one in self._filters])
            except LinkLostError:
                await self.__aexit__(None, None, None)
                raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Say goodbye in good order; the last will is not published then."""
        try:
            async with _answered("the goodbye"):
                await self._client.__aexit__(kind, error, trace)
        except LinkLostError as fault:
            log.debug("goodbye failed: %s", fault)

    async def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1
    ) -> None:
        """Send one message and wait until the broker acknowledged it. LinkLostError otherwise."""
        async with _answered(f"a message on {topic}"):
            await self._client.publish(topic, payload, qos=qos, retain=retain)

    async def publish_together(self, words: Sequence[FieldWord]) -> int:
        """Send several in their order; how many of them the broker has not acknowledged in time.

        A message that goes with nine others costs a quarter of what it costs alone.
        """
        sending = [asyncio.ensure_future(self._send(word)) for word in words]
        try:
            done, late = await asyncio.wait(sending, timeout=ANSWER_S)
        finally:
            for each in sending:
                each.cancel()
        return len(late) + sum(not each.result() for each in done)

    async def _send(self, word: FieldWord) -> bool:
        try:
            await self._client.publish(word.topic, word.payload, qos=word.qos, retain=word.retain)
        except aiomqtt.MqttError:
            return False
        return True

    async def messages(self) -> AsyncIterator[FieldMessage]:
        """What comes in, until the connection is gone: LinkLostError. Also without any filter."""
        try:
            async for message in self._client.messages:
                yield FieldMessage(message.topic.value, bytes(message.payload), message.retain)
        except aiomqtt.MqttError as error:
            raise _named(error) from error


@asynccontextmanager
async def _answered(what: str, *, within_s: float = ANSWER_S) -> AsyncIterator[None]:
    """A deadline for the broker's answer. LinkLostError, naming what was not answered."""
    try:
        async with asyncio.timeout(within_s):
            yield
    except TimeoutError as error:
        raise LinkLostError(f"no answer to {what} within {within_s:.0f} s") from error
    except aiomqtt.MqttError as error:
        raise _named(error) from error


def _named(error: aiomqtt.MqttError) -> LinkLostError:
    code = getattr(error, "rc", None)
    value = getattr(code, "value", code)
    if isinstance(error, aiomqtt.MqttCodeError) and value in _REFUSALS:
        return LinkRefusedError(str(error))
    return LinkLostError(str(error))


async def keep_connected(
    make: Callable[[], FieldLink],
    session: Callable[[FieldLink], Awaitable[None]],
    *,
    backoff: Backoff | None = None,
    on_state: Callable[[LinkState], None] | None = None,
) -> None:
    """Connect, run `session` on the connection, and do both again after each loss.

    Returns when `session` returns; ends by cancellation otherwise. A loss is logged once and its
    end once, whatever the number of attempts between them. `session` must notice a loss, which
    reading `messages` does.
    """
    waits = backoff or Backoff()
    told = _Teller(on_state)
    while True:
        try:
            async with make() as link:
                told.change(LinkState.CONNECTED)
                waits.reset()
                await session(link)
                return
        except LinkRefusedError as error:
            told.change(LinkState.REFUSED, str(error))
        except LinkLostError as error:
            told.change(LinkState.LOST, str(error))
        await asyncio.sleep(waits.next_s())


class _Teller:
    """Tells and logs each change once."""

    def __init__(self, on_state: Callable[[LinkState], None] | None) -> None:
        self._state = LinkState.CONNECTING
        self._on_state = on_state

    def change(self, new: LinkState, why: str = "") -> None:
        before, self._state = self._state, new
        if new is before:
            return
        if new is not LinkState.CONNECTED:
            log.warning("broker %s: %s", new.value, why)
        elif before is not LinkState.CONNECTING:
            log.info("broker back")
        if self._on_state is not None:
            self._on_state(new)
