"""What the console needs from the rest of the house; `service` hands it in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import BinaryIO, Protocol

import msgspec

from config.visits import Event
from console.diary import Diary
from model.facts import Decision, Id
from model.level import Sight
from model.outlook import Capacity, Outlook


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """The decision is on disk and in force."""

    decision: Id


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """The decision changes nothing, for a named reason that the page has words for."""

    decision: Id
    reason: str


Verdict = Accepted | Refused


class Desk(Diary, Protocol):
    """Where operators' decisions go: the same door as sensors, answered after the commit."""

    def submit(self, decision: Decision) -> Awaitable[Verdict]:
        """Commit and judge one decision; a repeated decision id has the effect of one."""
        ...


class Still(msgspec.Struct, frozen=True, kw_only=True):
    """One picture of a camera as JPEG, with what was counted in it; a blind one has no count.

    `cells` holds `columns` × `rows` bytes, row by row over the whole picture, 255 standing for
    `people_per_cell` people; empty where nothing was counted. `model` is the network that counted.
    """

    camera: Id
    at: datetime
    jpeg: bytes
    sight: Sight
    count: float | None = None
    columns: int = 0
    rows: int = 0
    cells: bytes = b""
    people_per_cell: float = 0.0
    model: str = ""


class Pictures(Protocol):
    """The newest picture of each camera, held in memory only."""

    def latest(self, camera: str) -> Still | None:
        """The newest still, or nothing where none was asked for or the camera gave none."""
        ...

    def watch(self, camera: str) -> None:
        """Ask for stills of this camera for the next ten seconds."""
        ...


class LiveStart(msgspec.Struct, frozen=True, kw_only=True):
    """A film begins: its type for the browser's media source, its size, its first bytes."""

    mime: str
    width: int
    height: int
    data: bytes


class LivePiece(msgspec.Struct, frozen=True, kw_only=True):
    """The next pieces of the film, one after the other."""

    data: bytes


class LiveGone(msgspec.Struct, frozen=True, kw_only=True):
    """The camera gives no live pictures now, for a named reason; a new film begins when it does."""

    reason: str


LiveWord = LiveStart | LivePiece | LiveGone


class LiveVideo(Protocol):
    """Cameras' own pictures as they come; a camera is connected only while somebody looks."""

    def watch(self, camera: str) -> AbstractAsyncContextManager[AsyncIterator[LiveWord]]:
        """Look at one camera for the time of a context. Raises LiveRefusedError."""
        ...


class LiveRefusedError(Exception):
    """Too many cameras or viewers at once."""


class Prospects(Protocol):
    """What is and what will be: capacity, forecast, and the events that are reckoned with."""

    def capacity(self) -> Capacity:
        """The site and its zones against their capacity, now."""
        ...

    def outlook(self) -> Outlook | None:
        """The newest forecast, or none before the first."""
        ...

    def events(self) -> list[Event]:
        """What operators announced; may wait for the disk."""
        ...

    def announce(self, event: Event) -> None:
        """Take up an event or change it; may wait for the disk."""
        ...

    def withdraw(self, event: str) -> bool:
        """Forget an event; False where there is none. May wait for the disk."""
        ...


class Backlog(msgspec.Struct, frozen=True, kw_only=True):
    """What waits on disk for the time-series server: whether it is away, since when, what was let go."""

    away: bool
    oldest: datetime | None = None
    dropped: int = 0


class Outbox(Protocol):
    """Readings on their way to a time-series server that the site names."""

    def backlog(self) -> Backlog:
        """How far behind the server is; may wait for the disk."""
        ...


class Recordings(Protocol):
    """Texts as sound, for terminals that only play."""

    def open_whole(self, sha256: str) -> BinaryIO | None:
        """The recording with this content, or none where it is not there any more.

        Raises OSError where no more files can be opened.
        """
        ...


class Readiness(Protocol):
    """Whether the house can do its work."""

    def unready(self) -> tuple[str, ...]:
        """Named reasons why not; empty when ready."""
        ...
