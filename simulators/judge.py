"""The judge of a simulated evening: what the field lived through, against what it was told.

It reads only scenario truth and the field's own logs, never the service's belief: `truth` from
the simulated crowd, `field` from the devices, `air` from a listener on the broker.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

import msgspec

from config.plans import Approval, Plan
from config.rules import Rule, Signal
from config.schema import SiteFile
from model.level import Level
from simulators.logbook import AirEntry, FieldEntry, TruthEntry


class Crossing(msgspec.Struct, frozen=True, kw_only=True):
    """The truth passed a raise value for longer than its hold; when a terminal first said so."""

    zone: str
    level: Level
    hazard: str
    first_terminal_s: float | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything written down by the field in one run."""

    truth: Sequence[TruthEntry]
    field: Sequence[FieldEntry]
    air: Sequence[AirEntry]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The judge's count, as the demo prints it. `bad` says in words why a run failed."""

    cameras: dict[str, int]
    readings_stored: int
    crossings: list[Crossing]
    missed: int
    doubled: int
    terminals: dict[str, int]
    bollards: dict[str, int]
    signatures: dict[str, int]
    silent: list[str]
    count_error: float | None
    bad: list[str] = msgspec.field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time in which the truth stood above a raise value."""

    start: datetime
    end: datetime

    @property
    def length_s(self) -> float:
        return (self.end - self.start).total_seconds()


def stretches_above(
    steps: Sequence[tuple[datetime, float]],
    threshold: float,
    end: datetime,
    *,
    clear_below: float = 0.0,
    clear_hold_s: float = 0.0,
) -> list[Stretch]:
    """Where a stepwise value stands at or above `threshold`; the last step lasts until `end`.

    A dip counts as the end of a stretch only where it goes under `threshold - clear_below` for
    `clear_hold_s`: a shorter one is the same crossing, of which the field is told once.
    """
    found: list[Stretch] = []
    start: datetime | None = None
    for at, value in steps:
        if value >= threshold and start is None:
            start = at
            if found and (at - found[-1].end).total_seconds() < clear_hold_s:
                start = found.pop().start
        elif value < threshold - clear_below and start is not None:
            found.append(Stretch(start, at))
            start = None
    if start is not None:
        found.append(Stretch(start, end))
    return found


def _steps(
    rule: Rule, zone: str, site: SiteFile, truth: Sequence[TruthEntry]
) -> list[tuple[datetime, float]]:
    """The true value of what a rule watches in a zone, over time."""
    if rule.signal in (Signal.PEAK_DENSITY, Signal.ZONE_DENSITY):
        what = "peak_p_m2" if rule.signal is Signal.PEAK_DENSITY else "density_p_m2"
        return _highest(entry for entry in truth if entry.what == what and entry.zone == zone)
    if rule.signal is Signal.SENSOR:
        ids = {sensor.id for sensor in site.sensors if zone in sensor.zones}
        return _highest(
            entry
            for entry in truth
            if entry.what == "sensor" and entry.id in ids and entry.quantity == rule.quantity
        )
    if rule.signal is Signal.ALARM:
        ids = {sensor.id for sensor in site.sensors if zone in sensor.zones}
        return _highest(entry for entry in truth if entry.what == "alarm" and entry.id in ids)
    return []


def _highest(entries: Iterable[TruthEntry]) -> list[tuple[datetime, float]]:
    """The highest of several sources' stepwise values at every step of any of them."""
    now: dict[str, float] = {}
    steps: list[tuple[datetime, float]] = []
    for entry in sorted(entries, key=lambda entry: entry.at):
        now[entry.id] = entry.value
        steps.append((entry.at, max(now.values())))
    return steps


def _told(plan: Plan, zone: str, site: SiteFile) -> set[str]:
    if plan.terminals == "zone":
        return {terminal.id for terminal in site.terminals if zone in terminal.zones}
    return set(plan.terminals)


@dataclass
class _Bench:
    """The judge's working table over one run's evidence."""

    site: SiteFile
    evidence: Evidence
    warnings: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for entry in self.evidence.air:
            if entry.leaf == "warning" and entry.body.get("zone"):
                self.warnings[entry.id] = (entry.body["zone"], entry.body["hazard"])
        moments = [entry.at for entry in self.evidence.truth]
        self.end = max(moments, default=None)

    def crossings(self) -> list[Crossing]:
        """Every true crossing that a plan must have told the field of, without two people."""
        found: list[Crossing] = []
        for rule in self.site.rules:
            for zone in self._zones(rule.zones):
                levels = self._thresholds(rule)
                for level, threshold in levels.items():
                    terminals = self._terminals_for(zone, rule.hazard, level)
                    if not terminals or self.end is None:
                        continue
                    stretches = stretches_above(
                        _steps(rule, zone, self.site, self.evidence.truth),
                        threshold,
                        self.end,
                        clear_below=0.0 if rule.signal is Signal.ALARM else rule.clear_below,
                        clear_hold_s=rule.clear_hold_s,
                    )
                    found.extend(
                        self._crossing(stretch, zone, rule, level, terminals)
                        for stretch in stretches
                        if stretch.length_s > rule.hold_s
                    )
        return found

    def _zones(self, zones: list[str] | str) -> list[str]:
        return [zone.id for zone in self.site.zones] if isinstance(zones, str) else list(zones)

    @staticmethod
    def _thresholds(rule: Rule) -> Mapping[Level, float]:
        if rule.signal is Signal.ALARM:
            return {} if rule.level is None else {rule.level: 1.0}
        return rule.raise_at

    def _terminals_for(self, zone: str, hazard: str, level: Level) -> set[str]:
        return {
            terminal
            for plan in self.site.plans
            if plan.hazard == hazard
            and plan.level is level
            and plan.approval is Approval.NONE
            and zone in self._zones(plan.zones)
            for terminal in _told(plan, zone, self.site)
        }

    def _crossing(
        self, stretch: Stretch, zone: str, rule: Rule, level: Level, terminals: set[str]
    ) -> Crossing:
        played = [
            (entry.at - stretch.start).total_seconds()
            for entry in self.evidence.field
            if entry.what == "played"
            and entry.device in terminals
            and entry.level is not None
            and entry.level.rank >= level.rank
            and entry.at >= stretch.start
            and (entry.at - stretch.end).total_seconds() <= LATE_S
            and self.warnings.get(entry.warning or "") == (zone, rule.hazard)
        ]
        first = round(min(played), 2) if played else None
        return Crossing(zone=zone, level=level, hazard=rule.hazard, first_terminal_s=first)

    def doubled(self) -> list[str]:
        """Orders that a device acted on twice, and keys with two warnings open at once."""
        acts = Counter(
            (entry.device, entry.order)
            for entry in self.evidence.field
            if entry.what in ("shown", "moved", "cancelled") and entry.order
        )
        twice = [
            f"{device} acted {n} times on {order}" for (device, order), n in acts.items() if n > 1
        ]
        open_now: dict[tuple[str, str], set[str]] = defaultdict(set)
        for entry in self.evidence.air:
            if entry.leaf != "warning" or entry.id not in self.warnings:
                continue
            key = self.warnings[entry.id]
            if entry.body.get("state") in ("open", "acknowledged"):
                open_now[key].add(entry.id)
                if len(open_now[key]) > 1:
                    twice.append(f"two warnings open at once for {key[0]} {key[1]}")
            else:
                open_now[key].discard(entry.id)
        return sorted(set(twice))

    def silent(self) -> list[str]:
        """Devices that should have been heard and were not."""
        return sorted({*self._silent_devices(), *self._silent_orders(), *self._silent_cameras()})

    def _silent_devices(self) -> Iterable[str]:
        heard = {(entry.kind, entry.id) for entry in self.evidence.air if entry.leaf != "order"}
        for kind, devices in (
            ("counter", self.site.counters),
            ("sensor", self.site.sensors),
            ("terminal", self.site.terminals),
            ("bollard", self.site.bollards),
        ):
            for device in devices:
                if (kind, device.id) not in heard:
                    yield f"{kind} {device.id}: never heard"

    def _silent_orders(self) -> Iterable[str]:
        """Orders that nobody receipted on the air, given ten seconds before the end."""
        receipted = {
            (entry.id, entry.body.get("order"))
            for entry in self.evidence.air
            if entry.leaf == "receipt"
        }
        for entry in self.evidence.air:
            if entry.leaf != "order" or self.end is None:
                continue
            if (self.end - entry.at).total_seconds() < 10:
                continue
            if (entry.id, entry.body.get("id")) not in receipted:
                yield f"{entry.kind} {entry.id}: no receipt"

    def _silent_cameras(self) -> Iterable[str]:
        """Cameras without a live reading for over 15 s while the truth says that they work."""
        if self.end is None:
            return
        readings: dict[str, list[datetime]] = defaultdict(list)
        for entry in self.evidence.air:
            if entry.leaf == "density" and entry.body.get("sight") == "live":
                readings[entry.id].append(entry.at)
        for camera in self.site.cameras:
            for start, end in self._working(camera.id):
                seen = [at for at in readings[camera.id] if start <= at <= end]
                marks = [start, *seen, end]
                gaps = [(after - before).total_seconds() for before, after in pairwise(marks)]
                if max(gaps) > SILENT_CAMERA_S:
                    yield f"camera {camera.id}: no live reading for {max(gaps):.0f} s"
                    break

    def _working(self, camera: str) -> Iterable[tuple[datetime, datetime]]:
        """When the camera worked, by the truth."""
        start: datetime | None = None
        for entry in self.evidence.truth:
            if entry.what != "camera" or entry.id != camera:
                continue
            if entry.value and start is None:
                start = entry.at
            elif not entry.value and start is not None:
                yield start, entry.at
                start = None
        if start is not None and self.end is not None:
            yield start, self.end

    def count_error(self) -> float | None:
        """Σ|counted − true| / Σ true over live readings of scenes whose truth is known."""
        true_counts: dict[tuple[str, int], float] = {
            (entry.id, int(entry.at.timestamp())): entry.value
            for entry in self.evidence.truth
            if entry.what == "people"
        }
        wrong = 0.0
        people = 0.0
        for entry in self.evidence.air:
            if entry.leaf != "density" or entry.body.get("sight") != "live":
                continue
            second = int(datetime.fromisoformat(entry.body["at"]).timestamp())
            true = true_counts.get((entry.id, second))
            if true is not None:
                wrong += abs(float(entry.body["count"]) - true)
                people += true
        return round(wrong / people, 4) if people else None

    def counts(self, what: str, kind: str) -> int:
        return sum(1 for entry in self.evidence.field if entry.what == what and entry.kind == kind)


SILENT_CAMERA_S = 15.0
LATE_S = 10.0
WORST_COUNT_ERROR = 0.25


def judge(site: SiteFile, evidence: Evidence, *, readings_stored: int) -> Verdict:
    """Count one run. A missed, doubled or silent thing makes `bad` non-empty, as does an error
    over a quarter in counting people, or a signature that a device refused."""
    bench = _Bench(site, evidence)
    crossings = bench.crossings()
    live = [
        entry
        for entry in evidence.air
        if entry.leaf == "density" and entry.body.get("sight") == "live"
    ]
    orders = {
        (entry.kind, entry.id, entry.body.get("id"))
        for entry in evidence.air
        if entry.leaf == "order"
    }
    missed = [crossing for crossing in crossings if crossing.first_terminal_s is None]
    doubled = bench.doubled()
    silent = bench.silent()
    error = bench.count_error()
    bad_signatures = sum(1 for entry in evidence.field if entry.what == "bad_signature")
    bad = [f"missed: {c.zone} {c.hazard} {c.level}: no terminal played" for c in missed]
    bad += [f"doubled: {line}" for line in doubled]
    bad += [f"silent: {line}" for line in silent]
    if not crossings:
        bad.append("nothing crossed: the run proves nothing")
    if error is not None and error > WORST_COUNT_ERROR:
        bad.append(f"people were counted {error:.0%} off the truth, over {WORST_COUNT_ERROR:.0%}")
    if bad_signatures:
        bad.append(f"{bad_signatures} orders had a bad signature")
    return Verdict(
        cameras={
            "configured": len(site.cameras),
            "analysed": len({entry.id for entry in live}),
            "frames": len(live),
        },
        readings_stored=readings_stored,
        crossings=crossings,
        missed=len(missed),
        doubled=len(doubled),
        terminals={
            "sent": sum(1 for kind, _, _ in orders if kind == "terminal"),
            "received": bench.counts("received", "terminal"),
            "played": bench.counts("played", "terminal"),
            "refused": bench.counts("refused", "terminal"),
        },
        bollards={
            "done": bench.counts("done", "bollard"),
            "refused": bench.counts("refused", "bollard"),
        },
        signatures={
            "good": sum(1 for entry in evidence.field if entry.what == "good_signature"),
            "bad": bad_signatures,
        },
        silent=silent,
        count_error=error,
        bad=bad,
    )
