"""The watch: every rule in every zone, fed with what is seen, telling when a level moves."""

from __future__ import annotations

import msgspec

from alerts import signals
from alerts.holds import UNSEEN, Move, Sample, Tracker, advance, due_s, judge_down, judge_up, take
from alerts.rules import ZoneRule, by_zone, unruled_alarm, zone_rules
from alerts.signals import Ignored, SensorBoard, SensorState
from config.rules import Signal
from config.schema import SiteFile
from model.facts import SensorAlarm, SensorReading
from model.level import Level, rank_of
from model.zones import ZoneView

_EARLY_S = 1e-6


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """A rule whose level moved."""

    rule: ZoneRule
    move: Move


class WatchState(msgspec.Struct, kw_only=True):
    """Where every rule stands and what sensors said last, as it stands in a snapshot."""

    trackers: dict[str, Tracker] = {}
    sensors: SensorState = msgspec.field(default_factory=SensorState)


class Watch:
    """The rules of a site with their holds. Only rules that something touched are judged.

    Rules are judged in the order of their names, so that one evening replays exactly.
    After a restart every zone and sensor is unseen until it is heard again; alarms stand as they
    stood.
    """

    def __init__(self, site: SiteFile, state: WatchState) -> None:
        self._state = state
        self._sensors = SensorBoard(site.sensors, state.sensors)
        self._rules = by_zone(zone_rules(site))
        self._by_key = {rule.key: rule for rules in self._rules.values() for rule in rules}
        for zone, hazard in sorted(self._sensors.alarm_hazards()):
            self._cover_alarm(zone, hazard)
        for key in state.trackers.keys() - self._by_key.keys():
            del state.trackers[key]
        for key, tracker in state.trackers.items():
            if not self._by_key[key].is_alarm:
                tracker.sample = UNSEEN
        self._time_s = 0.0
        self._as_of_s = dict.fromkeys(state.trackers, 0.0)
        self._due_s = dict.fromkeys(state.trackers, 0.0)
        self._touched: set[str] = set()

    @property
    def running(self) -> bool:
        """Whether passing time alone could move a level."""
        return bool(self._due_s)

    def pass_time(self, seconds: float) -> list[Moved]:
        """Run holds and silences under the last samples; returns what rose by it."""
        self._time_s += seconds
        moved = []
        late = [key for key, due in self._due_s.items() if due <= self._time_s + _EARLY_S]
        for key in sorted(late):
            rule, tracker = self._bring_up(key)
            move = judge_up(rule, tracker)
            if move is not None:
                moved.append(Moved(rule=rule, move=move))
        for sensor in sorted(self._sensors.advance(seconds)):
            self._hear(sensor)
        return moved

    def bring_all_up(self) -> None:
        """Write the time that passed into every running hold, before the state is stored."""
        for key in self._due_s:
            self._advance(key)

    def take_view(self, view: ZoneView) -> None:
        """Note a zone's fused view."""
        for rule in self._rules.get(view.zone, ()):
            if rule.signal not in (Signal.SENSOR, Signal.ALARM):
                self._take(rule, signals.of_view(rule.signal, view))

    def take_reading(self, sensor: str, body: SensorReading) -> Ignored | None:
        """Note a sensor's reading; returns why it was ignored, if it was."""
        ignored = self._sensors.read(sensor, body)
        if ignored is None:
            self._hear(sensor)
        return ignored

    def take_alarm(self, sensor: str, body: SensorAlarm) -> tuple[Ignored | None, list[Moved]]:
        """Note a detector's alarm: why it was ignored, if it was, and what it moved while it stood.

        An alarm may be over before anybody looks: raised and cleared while the service was away, or
        its clearing came first. It was raised all the same, so its rules are judged as of then.
        """
        last = self._sensors.last_word(sensor, body.id)
        overtaken = last is not None and not last.raised and body.at < last.at
        if last is not None and overtaken and body.state == "raised":
            cleared = msgspec.structs.replace(body, state="cleared", at=last.at)
            last.at = body.at
            ignored, _ = self.take_alarm(sensor, body)
            return ignored, self.take_alarm(sensor, cleared)[1]
        moved: list[Moved] = []
        if last is not None and last.raised and body.state == "cleared":
            moved = self._stood(sensor, last.hazard, (body.at - last.at).total_seconds())
        ignored = self._sensors.alarm(sensor, body)
        if ignored is None:
            for zone in self._sensors.zones_of(sensor):
                self._cover_alarm(zone, body.hazard)
            self._hear(sensor)
        return ignored, moved

    def judge(self) -> list[Moved]:
        """Judge every rule that was touched since the last time."""
        moved = []
        for key in sorted(self._touched):
            rule, tracker = self._by_key[key], self._state.trackers[key]
            move = judge_up(rule, tracker) or judge_down(rule, tracker)
            if move is not None:
                moved.append(Moved(rule=rule, move=move))
            due = due_s(rule, tracker)
            if due is None:
                self._due_s.pop(key, None)
            else:
                self._due_s[key] = self._time_s + due
        self._touched.clear()
        return moved

    def siblings(self, zone: str, hazard: str) -> list[tuple[ZoneRule, Tracker]]:
        """The rules that share the one case of a zone and hazard, where they stand."""
        return [
            (rule, tracker)
            for rule in self._rules.get(zone, ())
            if rule.hazard == hazard and (tracker := self._state.trackers.get(rule.key)) is not None
        ]

    def level_of(self, zone: str, hazard: str) -> Level | None:
        """The highest level of the rules of a hazard in a zone."""
        levels = [tracker.level for _, tracker in self.siblings(zone, hazard)]
        return max(levels, key=rank_of, default=None)

    def restart(self, zone: str, hazard: str) -> None:
        """Back to calm, after a person closed the case."""
        for rule, tracker in self.siblings(zone, hazard):
            tracker.restart()
            self._due_s.pop(rule.key, None)

    def _stood(self, sensor: str, hazard: str, seconds: float) -> list[Moved]:
        """What an alarm brings about that stood so long by its detector's own word."""
        for zone in self._sensors.zones_of(sensor):
            for rule in self._rules.get(zone, ()):
                if rule.alarm != hazard or rule.key not in self._state.trackers:
                    continue
                _, tracker = self._bring_up(rule.key)
                for threshold in rule.thresholds:
                    if threshold.level.rank > rank_of(tracker.level):
                        hold = tracker.hold_up(threshold.level)
                        hold.ran_s = max(hold.ran_s, seconds)
        return self.judge()

    def _hear(self, sensor: str) -> None:
        for zone in self._sensors.zones_of(sensor):
            for rule in self._rules.get(zone, ()):
                if rule.signal is Signal.SENSOR and rule.quantity is not None:
                    self._take(rule, self._sensors.quantity(zone, rule.quantity))
                elif rule.signal is Signal.ALARM and rule.alarm is not None:
                    self._take(rule, self._sensors.standing(zone, rule.alarm))

    def _take(self, rule: ZoneRule, sample: Sample) -> None:
        if rule.key not in self._state.trackers:
            self._state.trackers[rule.key] = Tracker()
            self._as_of_s[rule.key] = self._time_s
        _, tracker = self._bring_up(rule.key)
        take(rule, tracker, sample)

    def _bring_up(self, key: str) -> tuple[ZoneRule, Tracker]:
        """Let a rule live through the time since it was last looked at, and mark it for judging.

        Holds are looked at when they are due or when a sample comes, not at every tick.
        """
        self._touched.add(key)
        return self._by_key[key], self._advance(key)

    def _advance(self, key: str) -> Tracker:
        tracker = self._state.trackers[key]
        seconds = self._time_s - self._as_of_s[key]
        if seconds > 0:
            self._as_of_s[key] = self._time_s
            if key in self._due_s:
                advance(self._by_key[key], tracker, seconds)
        return tracker

    def _cover_alarm(self, zone: str, hazard: str) -> None:
        """An alarm without a rule is not lost: it gets one."""
        rules = self._rules.setdefault(zone, [])
        if any(rule.alarm == hazard for rule in rules):
            return
        rule = unruled_alarm(hazard, zone)
        rules.append(rule)
        self._by_key[rule.key] = rule
