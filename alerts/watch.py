"""The watch: every rule in every zone, fed with what is seen, telling when a level moves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from alerts import signals, wording
from alerts.holds import (
    AT_REST,
    UNSEEN,
    Move,
    Sample,
    Tracker,
    advance,
    due_s,
    judge_down,
    judge_up,
    take,
)
from alerts.rules import ZoneRule, by_zone, unruled_alarm, zone_rules
from alerts.signals import (
    FORGET_CLEARED_S,
    VIEW_SIGNALS,
    AlarmWord,
    Ignored,
    SensorBoard,
    SensorState,
)
from alerts.trends import ZonePast
from config.rules import Signal
from config.schema import SiteFile
from model.facts import SensorAlarm, SensorReading
from model.level import Level, Sight, rank_of
from model.zones import ZoneView

_EARLY_S = 1e-6

UNHEARD_WITHIN = timedelta(hours=2)
"""An alarm of which only the end was heard still warns so long after that: an hour's outage, on a
clock that is an hour wrong. What ended before is history."""


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
            if not self._by_key[key].stands_by_itself:
                tracker.sample = UNSEEN
        self._zone = ZoneInfo(site.site.timezone)
        self._scheduled = [rule for rule in self._by_key.values() if rule.schedule]
        self._resting: set[str] = set()
        self._minute: datetime | None = None
        self._views: dict[str, ZoneView] = {}
        self._pasts = {zone.id: ZonePast() for zone in site.zones}
        self._weak: dict[str, tuple[tuple[str, Level], ...]] = {}
        self._time_s = 0.0
        self._as_of_s = dict.fromkeys(state.trackers, 0.0)
        self._due_s = dict.fromkeys(state.trackers, 0.0)
        self._touched: set[str] = set()

    @property
    def running(self) -> bool:
        """Whether passing time alone could move a level."""
        return bool(self._due_s)

    def pass_time(self, seconds: float, now: datetime) -> list[Moved]:
        """Run holds and silences under the last samples; returns what rose by it."""
        self._time_s += seconds
        self._keep_hours(now)
        moved = []
        late = [key for key, due in self._due_s.items() if due <= self._time_s + _EARLY_S]
        for key in sorted(late):
            rule, tracker = self._bring_up(key)
            move = judge_up(rule, tracker)
            if move is not None:
                moved.append(Moved(rule=rule, move=self._named(rule, move)))
        for sensor in sorted(self._sensors.advance(seconds)):
            self._hear(sensor)
        return moved

    def bring_all_up(self) -> None:
        """Write the time that passed into every running hold, before the state is stored."""
        for key in self._due_s:
            self._advance(key)

    def take_view(self, view: ZoneView) -> None:
        """Note a zone's fused view."""
        past = self._pasts[view.zone]
        past.take(view, self._time_s)
        self._views[view.zone] = view
        for rule in self._rules.get(view.zone, ()):
            if rule.signal in VIEW_SIGNALS:
                self._take(rule, signals.of_view(rule, view, past, self._time_s))

    def take_weak(self, zone: str, standing: Mapping[str, Level]) -> None:
        """Note the hazards whose warnings stand in a zone, at their levels: weak ones add up."""
        for rule in self._rules.get(zone, ()):
            if rule.signal is not Signal.WEAK_SIGNALS:
                continue
            counted = tuple(
                (hazard, level)
                for hazard, level in sorted(standing.items())
                if hazard != rule.hazard
                and (not rule.of or hazard in rule.of)
                and level.rank >= rule.from_level.rank
            )
            if counted or rule.key in self._state.trackers:
                self._weak[rule.key] = counted
                self._take(rule, Sample(sight=Sight.LIVE, value=float(len(counted))))

    def take_reading(self, sensor: str, body: SensorReading) -> Ignored | None:
        """Note a sensor's reading; returns why it was ignored, if it was."""
        ignored = self._sensors.read(sensor, body)
        if ignored is None:
            self._hear(sensor)
        return ignored

    def take_alarm(
        self, sensor: str, body: SensorAlarm, arrived: datetime
    ) -> tuple[Ignored | None, list[Moved]]:
        """Note a detector's alarm: why it was ignored, if it was, and what it moved while it stood.

        An alarm may be over before anybody looks: raised and cleared while the service was away, or
        its clearing came first, or alone. It was raised all the same, so its rules are judged as of
        then.
        """
        last = self._sensors.last_word(sensor, body.id)
        if body.state == "cleared":
            since = _unheard_since(body, last)
            if since is not None and arrived - body.at > UNHEARD_WITHIN:
                return self._sensors.alarm(sensor, body) or Ignored.LONG_OVER, []
            if since is not None:
                raised = msgspec.structs.replace(body, state="raised", at=since)
                ignored = self._note_alarm(sensor, raised)
                return (ignored, []) if ignored else self.take_alarm(sensor, body, arrived)
        elif last is not None and not last.raised and body.at < last.at:
            if body.at == last.since:
                return Ignored.LATE, []
            # One that was cleared longer ago was not overtaken: its detector's clock was set back.
            if last.age_s <= FORGET_CLEARED_S:
                cleared = msgspec.structs.replace(body, state="cleared", at=last.at)
                last.at = body.at
                ignored = self._note_alarm(sensor, body)
                return ignored, self.take_alarm(sensor, cleared, arrived)[1]
        moved: list[Moved] = []
        if last is not None and last.raised and body.state == "cleared":
            moved = self._stood(sensor, last.hazard, (body.at - last.at).total_seconds())
        return self._note_alarm(sensor, body), moved

    def _note_alarm(self, sensor: str, body: SensorAlarm) -> Ignored | None:
        ignored = self._sensors.alarm(sensor, body)
        if ignored is None:
            for zone in self._sensors.zones_of(sensor):
                self._cover_alarm(zone, body.hazard)
            self._hear(sensor)
        return ignored

    def judge(self) -> list[Moved]:
        """Judge every rule that was touched since the last time."""
        moved = []
        for key in sorted(self._touched):
            rule, tracker = self._by_key[key], self._state.trackers[key]
            move = judge_up(rule, tracker) or judge_down(rule, tracker)
            if move is not None:
                moved.append(Moved(rule=rule, move=self._named(rule, move)))
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
                if rule.signal is Signal.SENSOR:
                    self._take(rule, self._sensors.quantity(rule))
                elif rule.signal is Signal.ALARM and rule.alarm is not None:
                    self._take(rule, self._sensors.standing(zone, rule.alarm))

    def _take(self, rule: ZoneRule, sample: Sample) -> None:
        if rule.key not in self._state.trackers:
            self._state.trackers[rule.key] = Tracker()
            self._as_of_s[rule.key] = self._time_s
        _, tracker = self._bring_up(rule.key)
        take(rule, tracker, AT_REST if rule.key in self._resting else sample)

    def _keep_hours(self, now: datetime) -> None:
        """Let rules rest outside their hours, looked at once a minute, and take up those whose hours begin."""
        minute = now.replace(second=0, microsecond=0)
        if not self._scheduled or minute == self._minute:
            return
        self._minute = minute
        local = now.astimezone(self._zone)
        for rule in self._scheduled:
            rests = rule.rests(local)
            if rests == (rule.key in self._resting):
                continue
            (self._resting.add if rests else self._resting.discard)(rule.key)
            if rests and rule.key not in self._state.trackers:
                continue
            self._take(rule, self._present(rule))

    def _present(self, rule: ZoneRule) -> Sample:
        """What a rule's signal is at this moment."""
        if rule.signal is Signal.SENSOR:
            return self._sensors.quantity(rule)
        if rule.alarm is not None:
            return self._sensors.standing(rule.zone, rule.alarm)
        view = self._views.get(rule.zone)
        if view is None or rule.signal not in VIEW_SIGNALS:
            return UNSEEN
        return signals.of_view(rule, view, self._pasts[rule.zone], self._time_s)

    def _named(self, rule: ZoneRule, move: Move) -> Move:
        """Weak signals that add up are named, so that everybody sees what made the level."""
        if rule.signal is not Signal.WEAK_SIGNALS or move.after is None:
            return move
        return msgspec.structs.replace(move, detail=wording.added_up(self._weak.get(rule.key, ())))

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


def _unheard_since(body: SensorAlarm, last: AlarmWord | None) -> datetime | None:
    """When an alarm was raised of which only the clearing was heard; None where nothing was missed.

    A detector that does not say when it raised gives no alarm by clearing: some clear at each start.
    """
    if body.raised_at is None:
        return None
    since = min(body.raised_at, body.at)
    return since if last is None or (not last.raised and since > last.at) else None
