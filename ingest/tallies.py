"""What one camera has given and cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Tallies:
    """Counted over all connections to one camera; `dropped` gave way to a newer picture unread."""

    pictures: int = 0
    undecodable: int = 0
    dropped: int = 0
    failures: int = 0
    received_bytes: int = 0
