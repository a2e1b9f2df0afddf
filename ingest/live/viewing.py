"""One browser's share of a live view: what waits for it, and what it is spared when it is slow."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from ingest.live.repacking import Beginning, Fragment
from model.picture import SourceState

WAITING_BYTES_MOST = 3_000_000
WAITING_MOST = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """The camera gives no live pictures now; a `Beginning` follows when it does again."""

    state: SourceState


Word = Beginning | Fragment | Lost


class Viewing:
    """What one viewer is still to be sent: a bounded queue.

    Full means that all waiting pictures are dropped and counted in `skipped`, and the viewer goes on
    at the next key picture: it never sees an ever older scene, nor broken pictures. The group of
    pictures that it begins with is beyond those bounds: without it, it would wait for a key picture.
    """

    def __init__(self) -> None:
        self._waiting: deque[Word] = deque()
        self._bytes = self._begun_with = 0
        self._needs_key = True
        self._filled = asyncio.Event()
        self.skipped = 0

    def begin(self, beginning: Beginning, group: Sequence[Fragment]) -> None:
        """How to play, and the newest group so far, which starts with its key picture."""
        self.tell(beginning)
        for fragment in group:
            self._append(fragment)
        self._begun_with = len(group)
        self._needs_key = not group

    def tell(self, word: Word) -> None:
        """Hand over the next word; never waits."""
        if isinstance(word, Fragment):
            self._tell_fragment(word)
            return
        self._spare()
        self._waiting.clear()
        self._needs_key = True
        self._append(word)

    def _tell_fragment(self, word: Fragment) -> None:
        waiting = len(self._waiting) - self._begun_with
        full = self._bytes + len(word.data) > WAITING_BYTES_MOST or waiting >= WAITING_MOST
        if full:
            self._spare()
        if self._needs_key and not word.key:
            self.skipped += 1
            return
        self._needs_key = False
        self._bytes += len(word.data)
        self._append(word)

    def _spare(self) -> None:
        """Drop the waiting pictures, and keep how they are to be played."""
        kept = [word for word in self._waiting if not isinstance(word, Fragment)]
        self.skipped += len(self._waiting) - len(kept)
        self._waiting = deque(kept)
        self._bytes, self._begun_with, self._needs_key = 0, 0, True

    def _append(self, word: Word) -> None:
        self._waiting.append(word)
        self._filled.set()

    def _let_go(self, word: Fragment) -> None:
        if self._begun_with:
            self._begun_with -= 1
        else:
            self._bytes -= len(word.data)

    async def __aiter__(self) -> AsyncIterator[Word]:
        while True:
            await self._filled.wait()
            word = self._waiting.popleft()
            if isinstance(word, Fragment):
                self._let_go(word)
            if not self._waiting:
                self._filled.clear()
            yield word
