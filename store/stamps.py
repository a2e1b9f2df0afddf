"""Times as the store keeps them: whole milliseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_DAY_MS = 86_400_000


def to_ms(at: datetime) -> int:
    """Milliseconds since 1970 of a timezone-aware time; finer parts are cut off."""
    since = at - _EPOCH
    return since.days * _DAY_MS + since.seconds * 1000 + since.microseconds // 1000


def from_ms(at_ms: int) -> datetime:
    """The time that a stored millisecond stands for, in UTC."""
    return _EPOCH + at_ms * _MS
