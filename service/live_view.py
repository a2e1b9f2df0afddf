"""The console's live video, taken from the relay of cameras' own pictures."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from console.ports import LiveGone, LivePiece, LiveRefusedError, LiveStart, LiveWord
from ingest.live.relay import LiveRelay, TooManyViewersError
from ingest.live.repacking import Beginning
from ingest.live.viewing import Lost, Viewing, Word
from model.clock import Clock
from service.site import LoadedSite


def live_relay(loaded: LoadedSite, clock: Clock) -> LiveRelay:
    """The relay of a site's cameras; a camera's address is looked up when somebody looks."""
    cameras = {camera.id: camera for camera in loaded.site.cameras}
    return LiveRelay(
        lambda camera: loaded.camera_url(cameras[camera]),
        manner_of=lambda camera: loaded.camera_manner(cameras[camera]),
        clock=clock,
    )


class RelayedVideo:
    """What the console watches: the relay's words in the console's own."""

    def __init__(self, relay: LiveRelay) -> None:
        self._relay = relay

    @asynccontextmanager
    async def watch(self, camera: str) -> AsyncIterator[AsyncIterator[LiveWord]]:
        """Look at one camera for the time of a context."""
        async with AsyncExitStack() as stack:
            try:
                viewing = await stack.enter_async_context(self._relay.watch(camera))
            except TooManyViewersError as error:
                raise LiveRefusedError from error
            yield _words(viewing)


async def _words(viewing: Viewing) -> AsyncIterator[LiveWord]:
    async for word in viewing:
        yield _word(word)


def _word(word: Word) -> LiveWord:
    if isinstance(word, Lost):
        return LiveGone(reason=word.state.value)
    if isinstance(word, Beginning):
        return LiveStart(mime=word.mime, width=word.width, height=word.height, data=word.data)
    return LivePiece(data=word.data)
