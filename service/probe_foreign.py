"""A probe's second look: what FFmpeg's reader sees of a camera that ours does not understand."""

from __future__ import annotations

import asyncio

from ingest.rtsp.address import Address
from ingest.rtsp.connection import Manner
from ingest.rtsp.failure import CameraError
from ingest.rtsp.foreign import ForeignReader
from ingest.rtsp.picking import Seen
from model.clock import Clock
from model.picture import SourceState

WORTH_TRYING = frozenset({SourceState.UNSUPPORTED_CODEC, SourceState.GARBLED})
PATIENCE_S = 30.0
SIZE_MOST_PX = 4096


async def first_picture(
    address: Address, manner: Manner, *, silent_s: float, clock: Clock
) -> Seen | None:
    """The first picture by FFmpeg's reader; None where it has no luck either."""
    loop = asyncio.get_running_loop()
    came: asyncio.Future[Seen | None] = loop.create_future()

    def settle(found: Seen | None) -> None:
        if not came.done():
            came.set_result(found)

    def failed(_: CameraError) -> None:
        loop.call_soon_threadsafe(settle, None)

    reader = ForeignReader(
        address, manner, every_s=1.0, max_width=SIZE_MOST_PX, silent_s=silent_s, clock=clock,
        on_seen=lambda seen: loop.call_soon_threadsafe(settle, seen), on_end=failed,
    )  # fmt: skip
    reader.start()
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await came
    except TimeoutError:
        return None
    finally:
        reader.stop()
