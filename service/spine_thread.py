"""The spine on a thread of its own beside the event loop."""

from __future__ import annotations

import asyncio
import threading

from service.spine import Spine


class SpineThread:
    """The spine on its thread; `failed` is set when it stopped by itself."""

    def __init__(self, spine: Spine, loop: asyncio.AbstractEventLoop) -> None:
        self._spine = spine
        self._loop = loop
        self._stop = threading.Event()
        self.failed = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="spine", daemon=True)

    def _run(self) -> None:
        self._spine.run(self._stop, self._crashed)

    def _crashed(self, _error: BaseException) -> None:
        self._loop.call_soon_threadsafe(self.failed.set)

    def start(self) -> None:
        """Begin to step."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the step under way and end."""
        self._stop.set()
        self._thread.join()
