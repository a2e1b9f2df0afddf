"""Somebody at the service's end of one lane: orders out, receipts and states in."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Self

import msgspec

from model.clock import Clock
from model.facts import BollardPosition, BollardReceipt, BollardState, DeviceKind
from model.orders import BollardOrder, Motion
from service.site import LoadedSite
from wire.address import BrokerAddress
from wire.field_link import FieldLink
from wire.signing import OrderSigner
from wire.topics import Filter, Topics

WITHIN_S = 60.0
SILENT_S = 2.0


class LaneDesk:
    """Open from `async with` on; everything waits with a generous deadline."""

    def __init__(
        self, loaded: LoadedSite, address: BrokerAddress, signer: OrderSigner, clock: Clock
    ) -> None:
        self._topics = Topics(loaded.site.site.id)
        self._signer = signer
        self._clock = clock
        root = f"{self._topics.root}/bollard/lane-1"
        filters = [Filter(topic=f"{root}/{leaf}", qos=1) for leaf in ("receipt", "state")]
        self._link = FieldLink(address, client_id="desk", filters=filters)
        self._receipts: list[BollardReceipt] = []
        self._state: BollardState | None = None
        self._heard_mono = 0.0
        self._something = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self._link.__aenter__()
        self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await self._link.__aexit__(None, None, None)

    async def _listen(self) -> None:
        async for message in self._link.messages():
            if message.topic.endswith("/state"):
                self._state = msgspec.json.decode(message.payload, type=BollardState)
                self._heard_mono = self._clock.monotonic()
            else:
                self._receipts.append(msgspec.json.decode(message.payload, type=BollardReceipt))
            self._something.set()

    async def order(self, motion: Motion) -> tuple[str, bytes]:
        """Send a new order; its id and its bytes."""
        now = self._clock.now()
        order = BollardOrder(
            id=secrets.token_hex(8),
            counter=int(now.timestamp() * 1000) + 10_000,
            issued=now,
            expires=now + timedelta(seconds=60),
            motion=motion,
            exercise=False,
            key="",
            signature="",
        )
        topic = self._topics.order(DeviceKind.BOLLARD, "lane-1")
        payload = self._signer.sign(topic, order)
        await self.send(payload)
        return order.id, payload

    async def send(self, payload: bytes) -> None:
        await self._link.publish(self._topics.order(DeviceKind.BOLLARD, "lane-1"), payload)

    async def receipt(self, order: str) -> BollardReceipt:
        await self._until(lambda: any(each.order == order for each in self._receipts))
        return next(each for each in self._receipts if each.order == order)

    async def until_position(self, position: BollardPosition) -> None:
        await self._until(lambda: self._state is not None and self._state.position is position)

    async def until_loop(self, loop: str) -> None:
        await self._until(lambda: self._state is not None and self._state.loop == loop)

    async def until_silent(self) -> None:
        """No state for as long as makes the service refuse a raise."""
        await self._until(lambda: self._clock.monotonic() - self._heard_mono > SILENT_S)

    async def _until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(WITHIN_S):
            while not done():
                self._something.clear()
                await asyncio.wait([asyncio.ensure_future(self._something.wait())], timeout=0.1)
