"""A simulated device's line to the broker: its own connection, will, queue and way back."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable

from model.clock import Clock
from simulators.field_devices import DEATH, FieldDevice, OrderedDevice, Says, birth, status_topic
from wire.address import BrokerAddress
from wire.backoff import Backoff
from wire.field_link import FieldLink, LinkLostError, keep_connected
from wire.link_terms import Will
from wire.topics import Filter, Topics

log = logging.getLogger(__name__)

WAITING_MAX = 1000
"""Messages a device keeps while its link is away; when full the oldest reading goes, then the
oldest of all."""

GOODBYE_S = 1.0


class FieldLine:
    """One device on its own MQTT connection, reconnecting by itself until it is cancelled.

    The session is clean: an order that was published while the device was away never waits for it
    in the broker, so that a device back after the all-clear sees only what is still meant.
    """

    def __init__(
        self, device: FieldDevice, topics: Topics, clock: Clock, *, backoff: Backoff
    ) -> None:
        self.device = device
        self.dropped = 0
        self.connected = False
        self._clock = clock
        self._backoff = backoff
        self._status = status_topic(topics, device)
        self._waiting: deque[Says] = deque()
        self._something = asyncio.Event()
        self._plugged = asyncio.Event()
        self._pulled = asyncio.Event()
        self.plug(connected=True)

    def say(self, messages: Iterable[Says]) -> None:
        """Publish these as soon as the link allows."""
        for message in messages:
            if not self.connected and not message.keep:
                continue
            if len(self._waiting) >= WAITING_MAX:
                self._drop_one()
            self._waiting.append(message)
            self._something.set()

    def tick(self) -> None:
        """Let the device live on; called every tenth of a second."""
        self.say(self.device.tick(self._clock.now(), self._clock.monotonic()))

    def plug(self, *, connected: bool) -> None:
        """Plug the network cable in or pull it."""
        if connected:
            self._pulled.clear()
            self._plugged.set()
        else:
            self._plugged.clear()
            self._pulled.set()

    async def run(self, address: BrokerAddress, *, after_s: float) -> None:
        """Be on the broker, from `after_s` seconds on, until cancelled."""
        await asyncio.sleep(after_s)
        device = self.device
        filters: list[Filter] = []
        if isinstance(device, OrderedDevice):
            filters = [Filter(topic=device.listens_to(), qos=1)]

        def make() -> FieldLink:
            return FieldLink(
                address,
                client_id=f"{device.kind.value}-{device.id}",
                filters=filters,
                will=Will(self._status, DEATH),
            )

        while True:
            await self._plugged.wait()
            await keep_connected(make, self._session, backoff=self._backoff)

    async def _session(self, link: FieldLink) -> None:
        """One connection's life; returns when the cable is pulled, raises when the link is lost."""
        lost: BaseException | None = None
        self._greet()
        try:
            async with asyncio.TaskGroup() as tasks:
                name = f"{self.device.kind.value} {self.device.id}"
                both = [
                    tasks.create_task(self._listen(link), name=f"{name} listens"),
                    tasks.create_task(self._speak(link), name=f"{name} speaks"),
                ]
                await self._pulled.wait()
                for task in both:
                    task.cancel()
        except* LinkLostError as group:
            lost = group.exceptions[0]
        finally:
            self.connected = False
            if lost is None:
                await self._say_goodbye(link)
        if lost is not None:
            me = asyncio.current_task()
            if me is not None and me.cancelling():
                # A task group that ends with an error forgets that it was cancelled (Python 3.11).
                raise asyncio.CancelledError
            raise LinkLostError(str(lost))

    def _greet(self) -> None:
        """Begin with a birth; what was measured before is stale, what was receipted is not."""
        kept = [message for message in self._waiting if message.keep]
        self._waiting.clear()
        self.connected = True
        self.say([Says(self._status, birth(self._clock.now()), retain=True)])
        self.say(self.device.greet())
        self.say(kept)

    async def _listen(self, link: FieldLink) -> None:
        async for message in link.messages():
            if not message.retained and isinstance(self.device, OrderedDevice):
                now, mono = self._clock.now(), self._clock.monotonic()
                self.say(self.device.hear(message.topic, message.payload, now, mono))

    async def _speak(self, link: FieldLink) -> None:
        while True:
            while self._waiting:
                message = self._waiting[0]
                await link.publish(message.topic, message.payload, retain=message.retain)
                if self._waiting and self._waiting[0] is message:
                    self._waiting.popleft()
            self._something.clear()
            await self._something.wait()

    async def _say_goodbye(self, link: FieldLink) -> None:
        """A connection closed in good order leaves no will, so the device says it itself."""
        try:
            async with asyncio.timeout(GOODBYE_S):
                await link.publish(self._status, DEATH, retain=True)
        except (LinkLostError, TimeoutError) as error:
            log.debug("%s left without a goodbye: %s", self.device.id, error)

    def _drop_one(self) -> None:
        self.dropped += 1
        oldest = next((message for message in self._waiting if not message.keep), self._waiting[0])
        self._waiting.remove(oldest)
