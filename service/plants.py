"""Known bugs to switch on for a drill: a check that cannot fail proves nothing."""

from __future__ import annotations

from enum import StrEnum


class Plant(StrEnum):
    """A bug that a drill plants in the service."""

    OUTBOX_STOPPED = "outbox-stopped"
