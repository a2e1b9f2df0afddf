"""Quiet hours: how loud a message may be at this time of day, by the site's own time."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from alerts.rules import Span, span_of
from config.schema import SiteFile
from model.level import Level


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """A cap on the volume of what is below a level."""

    volume_most: int
    loud_from: Level


class Loudness(msgspec.Struct, frozen=True, kw_only=True):
    """What holds at one moment; the strictest of several limits counts."""

    limits: tuple[Limit, ...] = ()

    def at_most(self, volume: int, level: Level) -> int:
        """The volume that a message of a level gets where this one was wanted."""
        caps = [one.volume_most for one in self.limits if level.rank < one.loud_from.rank]
        return min([volume, *caps])

    def softened(self, volume: int, level: Level) -> int | None:
        """The lower volume that the hour allows; none where it changes nothing."""
        allowed = self.at_most(volume, level)
        return allowed if allowed < volume else None


class QuietHours:
    """The site's quiet hours."""

    def __init__(self, site: SiteFile) -> None:
        self._zone = ZoneInfo(site.site.timezone)
        self._spans: list[tuple[Span, Limit]] = [
            (span_of(each), Limit(volume_most=each.volume_most, loud_from=each.loud_from))
            for each in site.broadcasts.quiet_hours
        ]

    def now(self, at: datetime) -> Loudness:
        """What holds at a moment."""
        local = at.astimezone(self._zone)
        return Loudness(limits=tuple(limit for span, limit in self._spans if span.holds(local)))
