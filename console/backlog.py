"""What waits on disk for the time-series server, kept before the eyes of every console."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from anyio import to_thread

from console.context import Context
from store.errors import StoreError

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 5.0


async def keep_backlog(context: Context) -> None:
    """Look every few seconds; a site without such a server has nothing to look at."""
    outbox = context.outbox
    while outbox is not None:
        try:
            context.live.show_backlog(await to_thread.run_sync(outbox.backlog))
        except StoreError:
            log.exception("what waits for the time-series server could not be read")
        await asyncio.sleep(LOOK_EVERY_S)
