"""What the console needs from the rest of the house; `service` hands it in."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from typing import Protocol

import msgspec

from model.facts import Decision, Id
from model.level import Sight


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """The decision is on disk and in force."""

    decision: Id


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """The decision changes nothing, for a named reason that the page has words for."""

    decision: Id
    reason: str


Verdict = Accepted | Refused


class Desk(Protocol):
    """Where operators' decisions go: the same door as sensors, answered after the commit."""

    def submit(self, decision: Decision) -> Awaitable[Verdict]:
        """Commit and judge one decision; a repeated decision id has the effect of one."""
        ...


class Still(msgspec.Struct, frozen=True, kw_only=True):
    """One picture of a camera as JPEG, with what was counted in it; a blind one has no count."""

    camera: Id
    at: datetime
    jpeg: bytes
    sight: Sight
    count: float | None = None


class Pictures(Protocol):
    """The newest picture of each camera, held in memory only."""

    def latest(self, camera: str) -> Still | None:
        """The newest still, or nothing where none was asked for or the camera gave none."""
        ...

    def watch(self, camera: str) -> None:
        """Ask for stills of this camera for the next ten seconds."""
        ...


class Readiness(Protocol):
    """Whether the house can do its work."""

    def unready(self) -> tuple[str, ...]:
        """Named reasons why not; empty when ready."""
        ...
