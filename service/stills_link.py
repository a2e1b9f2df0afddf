"""Pictures for the console, on a connection of their own: they never wait before a reading."""

from __future__ import annotations

import asyncio
import secrets
from zoneinfo import ZoneInfo

from model.workers import CameraWatch
from service.desk import PictureBoard
from wire.address import BrokerAddress
from wire.codec import encode
from wire.field_link import FieldLink, LinkLostError, keep_connected
from wire.topics import Filter, Topics

WATCHES_WAITING = 200


class StillsLink:
    """Asks workers for stills of the cameras that somebody looks at, and takes them in."""

    def __init__(self, address: BrokerAddress, topics: Topics, tz: ZoneInfo) -> None:
        self._address = address
        self._topics = topics
        self._tz = tz
        self._watches: asyncio.Queue[tuple[str, CameraWatch]] = asyncio.Queue(WATCHES_WAITING)

    def ask(self, camera: str, watch: CameraWatch) -> None:
        """Ask for one camera; when too many wait, this one is left out and asked again soon."""
        if not self._watches.full():
            self._watches.put_nowait((camera, watch))

    async def run(self, board: PictureBoard) -> None:
        """Ask and take in, until cancelled."""
        name = f"yinding-stills-{secrets.token_hex(4)}"
        filters = (Filter(topic=self._topics.still_filter(), qos=0),)

        async def session(link: FieldLink) -> None:
            async with asyncio.TaskGroup() as tasks:
                asking = tasks.create_task(self._ask(link), name="ask for stills")
                try:
                    async for message in link.messages():
                        address = self._topics.parse(message.topic)
                        if address is not None and message.payload:
                            board.take(address.device, message.payload)
                finally:
                    asking.cancel()

        async def guarded(link: FieldLink) -> None:
            try:
                await session(link)
            except* LinkLostError as group:
                raise LinkLostError(str(group.exceptions[0])) from group

        await keep_connected(
            lambda: FieldLink(self._address, client_id=name, filters=filters), guarded
        )

    async def _ask(self, link: FieldLink) -> None:
        while True:
            camera, watch = await self._watches.get()
            await link.publish(self._topics.watch(camera), encode(watch, tz=self._tz), qos=0)
