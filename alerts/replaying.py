"""Replaying rules: what a site's rules would have done on readings that were stored.

The same watch as in the service judges the zones' stored views and the sensors' stored readings. It
opens no case, tells nobody, and sees what was stored: one view of a zone a second at most, no
detectors' alarms, no motion and no forecast. Weak signals add up open cases, so they do not either.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from alerts.watch import Moved, Watch, WatchState
from config.schema import SiteFile
from model.facts import Id, SensorReading
from model.level import Level
from model.text import Bilingual
from model.zones import ZoneView

STEP_S = 1.0


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One stored thing: a zone's view, or a sensor's reading."""

    at: datetime
    view: ZoneView | None = None
    sensor: str = ""
    reading: SensorReading | None = None


class RuleMoved(msgspec.Struct, frozen=True, kw_only=True):
    """A rule whose level would have moved in a zone."""

    at: datetime
    zone: Id
    rule: Id
    hazard: Id
    before: Level | None
    after: Level | None
    reason: str
    text: Bilingual


def replay(site: SiteFile, seen: Iterable[Seen]) -> list[RuleMoved]:
    """Let a site's rules live through what was stored, oldest first; returns what moved."""
    watch, moved = Watch(site, WatchState()), []
    now: datetime | None = None
    for each in seen:
        now = now or each.at
        while (each.at - now).total_seconds() >= STEP_S:
            step = min((each.at - now).total_seconds(), STEP_S)
            now += type(each.at - now)(seconds=step)
            moved += _told(now, [*watch.pass_time(step, now), *watch.judge()])
        if each.view is not None:
            watch.take_view(each.view)
        if each.reading is not None:
            watch.take_reading(each.sensor, each.reading)
        moved += _told(each.at, watch.judge())
    return moved


def _told(at: datetime, found: Iterable[Moved]) -> list[RuleMoved]:
    return [
        RuleMoved(
            at=at,
            zone=one.rule.zone,
            rule=one.rule.id,
            hazard=one.rule.hazard,
            before=one.move.before,
            after=one.move.after,
            reason=one.move.reason.value,
            text=one.move.detail,
        )
        for one in found
    ]
