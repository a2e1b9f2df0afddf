"""Rules as they are judged: the site file's rules, one per zone they watch, with ready values."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from alerts import words
from config.rules import Rule, Signal
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

    @property
    def key(self) -> str:
        """What names this rule in this zone in a snapshot; ids hold no slash."""
        return f"{self.zone}/{self.id}"

    @property
    def case_key(self) -> str:
        """What names the one case that this rule can open: rules of one hazard share it."""
        return f"{self.zone}/{self.hazard}"

    @property
    def is_alarm(self) -> bool:
        return self.signal is Signal.ALARM

    @property
    def raise_reason(self) -> Reason:
        return Reason.ALARM_RAISED if self.is_alarm else Reason.ABOVE_RAISE

    @property
    def clear_reason(self) -> Reason:
        return Reason.ALARM_CLEARED if self.is_alarm else Reason.BELOW_CLEAR


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

    The detector has already judged an alarm: it holds before raising only if the file says so.
    """
    alarm = rule.signal is Signal.ALARM
    return ZoneRule(
        id=rule.id,
        zone=zone,
        hazard=rule.hazard,
        signal=rule.signal,
        thresholds=_alarm_thresholds(rule.level) if alarm else _thresholds(rule),
        hold_s=0.0 if alarm and "hold_s" not in rule.model_fields_set else rule.hold_s,
        clear_hold_s=rule.clear_hold_s,
        text=Bilingual(zh=rule.text.zh, en=rule.text.en),
        quantity=rule.quantity,
        alarm=rule.alarm,
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
    return tuple(
        Threshold(
            level=level,
            raise_at=rule.raise_at[level],
            clear_at=rule.raise_at[level] - rule.clear_below,
        )
        for level in Level
        if level in rule.raise_at
    )


def _alarm_thresholds(level: Level | None) -> tuple[Threshold, ...]:
    if level is None:
        raise ValueError("an alarm rule needs `level`")
    return (Threshold(level=level, raise_at=_ALARM_STANDS, clear_at=_ALARM_CLEARED),)
