"""Rules as they are judged: the site file's rules, one per zone they watch, with ready values."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time

import msgspec

from alerts import words
from config.rules import SINGLE_LEVEL, Hours, Rule, Signal
from config.schema import SiteFile
from model.cases import Reason
from model.level import Level
from model.text import Bilingual

UNITS = {
    "noise": "dB(A)",
    "water_level": "m",
    "ice_thickness": "m",
    "wind": "m/s",
    "temperature": "°C",
    "rain": "mm/h",
}
"""The contract's unit of each known quantity."""

_ALARM_STANDS = 1.0
_ALARM_CLEARED = 0.5


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """One level's raise value and the lower value under which it clears."""

    level: Level
    raise_at: float
    clear_at: float


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A part of some days, by the site's own time; over midnight where it ends before it starts."""

    start: time
    end: time
    days: frozenset[int] = frozenset()

    def holds(self, local: datetime) -> bool:
        """Whether a moment lies in it; a span over midnight belongs to the day on which it began."""
        at = local.time()
        over_midnight = self.end <= self.start
        if at >= self.start and (over_midnight or at < self.end):
            return self._on(local.isoweekday())
        if over_midnight and at < self.end:
            return self._on((local.isoweekday() - 2) % 7 + 1)
        return False

    def _on(self, weekday: int) -> bool:
        return not self.days or weekday in self.days


def span_of(hours: Hours) -> Span:
    """A part of the day of the site file, ready to be asked."""
    return Span(start=hours.start, end=hours.end, days=frozenset(hours.days))


_ABOVE = (Reason.ABOVE_RAISE, Reason.BELOW_CLEAR)
_BELOW = (Reason.BELOW_RAISE, Reason.ABOVE_CLEAR)
_REASONS = {
    Signal.ALARM: (Reason.ALARM_RAISED, Reason.ALARM_CLEARED),
    Signal.FORECAST: (Reason.FORECAST_ABOVE, Reason.FORECAST_BELOW),
    Signal.BLIND: (Reason.ZONE_BLIND, Reason.ZONE_SEES),
    Signal.WEAK_SIGNALS: (Reason.WEAK_SIGNALS, Reason.WEAK_SIGNALS_GONE),
}


class ZoneRule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule in one zone. `thresholds` grow from the lowest level to the highest.

    An alarm is a threshold too: one standing alarm or more.
    """

    id: str
    zone: str
    hazard: str
    signal: Signal
    thresholds: tuple[Threshold, ...]
    hold_s: float
    clear_hold_s: float
    text: Bilingual
    quantity: str | None = None
    alarm: str | None = None
    below: bool = False
    schedule: tuple[Span, ...] = ()
    over_s: float = 60.0
    within_s: float = 900.0
    of: frozenset[str] = frozenset()
    from_level: Level = Level.YELLOW

    @property
    def key(self) -> str:
        """What names this rule in this zone in a snapshot; ids hold no slash."""
        return f"{self.zone}/{self.id}"

    @property
    def case_key(self) -> str:
        """What names the one case that this rule can open: rules of one hazard share it."""
        return f"{self.zone}/{self.hazard}"

    @property
    def stands_by_itself(self) -> bool:
        """Whether its sample is known without being seen anew, also after a restart."""
        return self.signal in (Signal.ALARM, Signal.WEAK_SIGNALS)

    @property
    def raise_reason(self) -> Reason:
        return _REASONS.get(self.signal, _BELOW if self.below else _ABOVE)[0]

    @property
    def clear_reason(self) -> Reason:
        return _REASONS.get(self.signal, _BELOW if self.below else _ABOVE)[1]

    def sampled(self, value: float) -> float:
        """A value as it is compared: what is bad when it is low counts negative."""
        return -value if self.below else value

    def rests(self, local: datetime) -> bool:
        """Whether the rule is not in force at a time of the site."""
        return bool(self.schedule) and not any(span.holds(local) for span in self.schedule)


def zone_rules(site: SiteFile) -> tuple[ZoneRule, ...]:
    """Every rule of the site in every zone that it watches, in the file's order."""
    everywhere = [zone.id for zone in site.zones]
    return tuple(
        zone_rule(rule, zone)
        for rule in site.rules
        for zone in (everywhere if rule.zones == "all" else rule.zones)
    )


def zone_rule(rule: Rule, zone: str) -> ZoneRule:
    """One rule of the site file in one zone.

    Alarms and weak signals were judged already: they hold before raising only if the file says so.
    """
    judged = rule.signal in (Signal.ALARM, Signal.WEAK_SIGNALS)
    return ZoneRule(
        id=rule.id,
        zone=zone,
        hazard=rule.hazard,
        signal=rule.signal,
        thresholds=_thresholds(rule),
        hold_s=0.0 if judged and "hold_s" not in rule.model_fields_set else rule.hold_s,
        clear_hold_s=rule.clear_hold_s,
        text=Bilingual(zh=rule.text.zh, en=rule.text.en),
        quantity=rule.quantity,
        alarm=rule.alarm,
        below=rule.when == "below",
        schedule=tuple(map(span_of, rule.schedule)),
        over_s=rule.over_s,
        within_s=rule.within_s,
        of=frozenset(rule.of),
        from_level=rule.from_level,
    )


def unruled_alarm(hazard: str, zone: str) -> ZoneRule:
    """What stands in for a missing rule: an alarm that no rule names still opens a case."""
    name = words.hazard(hazard)
    return ZoneRule(
        id=f"unruled-{hazard}"[:64],
        zone=zone,
        hazard=hazard,
        signal=Signal.ALARM,
        thresholds=_alarm_thresholds(Level.ORANGE),
        hold_s=0.0,
        clear_hold_s=60.0,
        text=words.both(f"探测器报警：{name.zh}", f"Detector alarm: {name.en}"),
        alarm=hazard,
    )


def by_zone(rules: Iterable[ZoneRule]) -> dict[str, list[ZoneRule]]:
    """The rules of each zone."""
    found: dict[str, list[ZoneRule]] = {}
    for rule in rules:
        found.setdefault(rule.zone, []).append(rule)
    return found


def _thresholds(rule: Rule) -> tuple[Threshold, ...]:
    if rule.level is not None and rule.signal in SINGLE_LEVEL:
        if rule.signal is Signal.WEAK_SIGNALS:
            return (Threshold(level=rule.level, raise_at=rule.count, clear_at=rule.count - 0.5),)
        return _alarm_thresholds(rule.level)
    sign = -1.0 if rule.when == "below" else 1.0
    return tuple(
        Threshold(
            level=level,
            raise_at=sign * rule.raise_at[level],
            clear_at=sign * rule.raise_at[level] - rule.clear_below,
        )
        for level in Level
        if level in rule.raise_at
    )


def _alarm_thresholds(level: Level) -> tuple[Threshold, ...]:
    return (Threshold(level=level, raise_at=_ALARM_STANDS, clear_at=_ALARM_CLEARED),)
