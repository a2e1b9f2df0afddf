"""Zones: one reading of each zone from all its cameras and gates, or the word that it is blind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from config.calibration import GroundProblem
from config.schema import Camera, SiteFile, Zone
from crowd.coverage import Coverage, Estimate
from crowd.gates import EmptyHours, Gate, view_by_gates
from crowd.ground import Ground, grounds_of
from crowd.occupancy import COUNTED_BY_EYE_SHARE, MISSED_AFTER_S, GateLedger
from crowd.zone_motion import tells_motion, zone_motion
from crowd.zone_numbers import density_of, people_of
from model.facts import (
    CounterReading,
    Decision,
    DensityBlind,
    DensityLive,
    DeviceKind,
    DeviceStatus,
    Fact,
    Verb,
)
from model.level import Sight
from model.zones import ZoneView

STALE_AFTER_S: Final = 8.0
STALE_READINGS: Final = 4
COUNTER_SILENT_S: Final = MISSED_AFTER_S
REORDER_S: Final = 5.0
"""A reading older than the newest is a late one for this long; after that its clock was set."""


class _Eye(msgspec.Struct, kw_only=True):
    """One camera's newest reading, or why it has none. It remembers the fullest it may have seen.

    `density` is the live reading's, where the camera's ground is known. `high_p_m2` and `high_people` are the upper bounds of its last live reading.
    """

    live: DensityLive | None = None
    density: Estimate | None = None
    why: str = "not_heard_yet"
    heard_s: float = 0.0
    newest: datetime | None = None
    high_p_m2: float = 0.0
    high_people: float = 0.0


class _State(msgspec.Struct, kw_only=True):
    """What survives a restart: upper bounds of what cameras saw, and the gates' accounts."""

    eyes: dict[str, tuple[float, float]] = {}
    ledgers: dict[str, GateLedger] = {}


class ZoneFusion:
    """The site's zones as their cameras and gates show them. A pure decider.

    A camera that is blind, off line or not heard for max(8 s, four of its readings) leaves the
    sum. After a restart every camera is unseen until it is heard.
    """

    def __init__(
        self,
        site: SiteFile,
        *,
        snapshot: bytes | None = None,
    ) -> None:
        """Raises msgspec.DecodeError (or ValidationError) when the snapshot is not one of ours."""
        state = _State() if snapshot is None else msgspec.msgpack.decode(snapshot, type=_State)
        grounds, problems = grounds_of(site)
        self._cameras = {camera.id: camera for camera in site.cameras}
        self._eyes = {camera.id: _Eye() for camera in site.cameras}
        for camera, (high_p_m2, high_people) in state.eyes.items():
            if camera in self._eyes:
                self._eyes[camera].high_p_m2 = high_p_m2
                self._eyes[camera].high_people = high_people
        self._gates = {counter.id: Gate() for counter in site.counters}
        self._zone_of_gate = {counter.id: counter.zone for counter in site.counters}
        self._zones = {
            zone.id: _ZoneDesk(zone, site, grounds, problems, state) for zone in site.zones
        }
        self._empty = EmptyHours(
            {zone.id: zone.empty_at for zone in site.zones if zone.empty_at is not None},
            ZoneInfo(site.site.timezone),
        )
        self.set_right = False
        """Whether an account was set since the last snapshot: it cannot be counted again."""
        self._touched = set(self._zones)
        self._unreported: set[str] = set()
        self._views: dict[str, ZoneView] = {}
        self._next_silence_s = float("inf")

    def observe(self, facts: Iterable[Fact], now: datetime, mono: float) -> None:  # noqa: ARG002 - every decider is handed both readings of the clock
        """Take in what cameras, counters and people who counted said; other facts are passed over."""
        for fact in facts:
            if fact.kind is DeviceKind.CAMERA and fact.source in self._eyes:
                self._look(self._cameras[fact.source], fact.body, mono)
            elif isinstance(fact.body, CounterReading) and fact.source in self._gates:
                self._count(fact.source, fact.body, mono)
            elif isinstance(fact.body, Decision) and fact.body.verb is Verb.COUNT:
                self._settle(fact.body.subject, fact.body.people)

    def views(self, now: datetime, mono: float) -> tuple[ZoneView, ...]:
        """Every zone as it is known now."""
        self._refresh(now, mono)
        return tuple(self._views.values())

    def changed(self, now: datetime, mono: float) -> tuple[ZoneView, ...]:
        """The zones whose view is another than when this was last asked; at first, all."""
        self._refresh(now, mono)
        found = tuple(view for zone, view in self._views.items() if zone in self._unreported)
        self._unreported.clear()
        return found

    def snapshot(self) -> bytes:
        """What a restart must not forget."""
        self.set_right = False
        return msgspec.msgpack.encode(
            _State(
                eyes={name: (eye.high_p_m2, eye.high_people) for name, eye in self._eyes.items()},
                ledgers={name: desk.ledger for name, desk in self._zones.items() if desk.gates},
            )
        )

    def _look(self, camera: Camera, body: object, mono: float) -> None:
        eye = self._eyes[camera.id]
        if isinstance(body, DeviceStatus):
            if body.state == "online":
                return
            eye.live, eye.why = None, "offline"
        elif isinstance(body, DensityLive | DensityBlind):
            late = eye.newest is not None and body.at < eye.newest
            if late and mono - eye.heard_s < REORDER_S:
                return
            eye.newest, eye.heard_s = body.at, mono
            if isinstance(body, DensityBlind):
                eye.live, eye.why = None, body.reason
            else:
                self._see(camera, eye, body)
                self._next_silence_s = min(self._next_silence_s, mono + _stale_after_s(camera))
        else:
            return
        self._touched.update(zone for zone in camera.zones if zone in self._zones)

    def _see(self, camera: Camera, eye: _Eye, body: DensityLive) -> None:
        seen_m2 = sum(
            self._zones[zone].coverage.seen_by(camera.id)
            for zone in camera.zones
            if zone in self._zones
        )
        eye.live, eye.why, eye.density = body, "", _density(body, seen_m2)
        eye.high_people = body.count_high
        eye.high_p_m2 = 0.0 if eye.density is None else eye.density.high

    def _count(self, counter: str, body: CounterReading, mono: float) -> None:
        gate, desk = self._gates[counter], self._zones.get(self._zone_of_gate[counter])
        if desk is None:
            return
        quiet_s = float("inf") if gate.heard_s is None else mono - gate.heard_s
        desk.ledger.count(counter, body, quiet_s=quiet_s)
        gate.heard_s, gate.at = mono, body.at
        self._next_silence_s = min(self._next_silence_s, mono + COUNTER_SILENT_S)
        self._touched.add(desk.zone.id)

    def _settle(self, zone: str, people: int | None) -> None:
        """A person counted who is inside: the gates go on from there."""
        desk = self._zones.get(zone)
        if desk is None or not desk.gates or people is None:
            return
        silent = set(desk.gates) - self._heard(desk)
        desk.ledger.settle(people, doubt=COUNTED_BY_EYE_SHARE * people, silent=silent)
        self.set_right = True
        self._touched.add(zone)

    def _refresh(self, now: datetime, mono: float) -> None:
        if mono >= self._next_silence_s:
            self._find_silent(mono)
        for zone in self._empty.reached(now, mono):
            desk = self._zones[zone]
            # What passed a gate that is silent now is told later, and was partly before.
            if desk.gates and self._heard(desk) == frozenset(desk.gates):
                desk.ledger.settle(0.0)
                self.set_right = True
                self._touched.add(zone)
        for zone, desk in self._zones.items():
            if zone not in self._touched:
                continue
            view = desk.view(
                self._eyes, {gate: self._gates[gate] for gate in self._heard(desk)}, now
            )
            last = self._views.get(zone)
            if last is None or msgspec.structs.replace(last, at=now) != view:
                self._views[zone] = view
                self._unreported.add(zone)
        self._touched.clear()

    def _heard(self, desk: _ZoneDesk) -> frozenset[str]:
        return frozenset(gate for gate in desk.gates if self._gates[gate].heard_s is not None)

    def _find_silent(self, mono: float) -> None:
        """Put cameras and counters aside that were not heard in time; note when to look again."""
        self._next_silence_s = float("inf")
        for name, eye in self._eyes.items():
            if eye.live is None:
                continue
            ends_s = eye.heard_s + _stale_after_s(self._cameras[name])
            if mono < ends_s:
                self._next_silence_s = min(self._next_silence_s, ends_s)
                continue
            eye.live, eye.why = None, "stale"
            self._touched.update(z for z in self._cameras[name].zones if z in self._zones)
        for name, gate in self._gates.items():
            if gate.heard_s is None:
                continue
            ends_s = gate.heard_s + COUNTER_SILENT_S
            if mono < ends_s:
                self._next_silence_s = min(self._next_silence_s, ends_s)
                continue
            gate.heard_s = None
            self._touched.update({self._zone_of_gate[name]} & self._zones.keys())


class _ZoneDesk:
    """One zone's sum: which cameras and gates belong to it, and how they add up."""

    def __init__(
        self,
        zone: Zone,
        site: SiteFile,
        grounds: Mapping[str, Ground],
        problems: Mapping[str, GroundProblem],
        state: _State,
    ) -> None:
        self.zone = zone
        self.cameras = tuple(camera for camera in site.cameras if zone.id in camera.zones)
        self.gates = tuple(counter.id for counter in site.counters if counter.zone == zone.id)
        self.ledger = state.ledgers.get(zone.id, GateLedger())
        here = {c.id: grounds[c.id] for c in self.cameras if c.id in grounds}
        self.coverage = Coverage(zone, here)
        self._calibrated = frozenset(here)
        self._elsewhere = frozenset(
            c.id for c in self.cameras if c.ground is not None and self.coverage.seen_by(c.id) <= 0
        )
        """Whose ground has no place, or none in this zone: what they see there may lie outside it."""
        self._unknown_units = frozenset(
            c.id
            for c in self.cameras
            if c.id not in here and problems.get(c.id) is not GroundProblem.NO_PLACE
        )
        """Ground without a place on the map is in metres, and named already."""
        self._problems = tuple(
            f"{camera.id}:{problems[camera.id]}" for camera in self.cameras if camera.id in problems
        )
        usable = {each.id: each.usable_area_m2 for each in site.zones}
        self._share = {
            camera.id: zone.usable_area_m2 / sum(usable.get(other, 0.0) for other in camera.zones)
            for camera in self.cameras
        }

    def view(self, eyes: Mapping[str, _Eye], heard: Mapping[str, Gate], now: datetime) -> ZoneView:
        """The zone from its cameras' newest readings and the gates that were heard."""
        live = {c.id: eye.live for c in self.cameras if (eye := eyes[c.id]).live is not None}
        reasons = [f"{c.id}:{eyes[c.id].why}" for c in self.cameras if c.id not in live]
        reasons += self._problems
        reasons += [f"{gate}:silent" for gate in self.gates if gate not in heard]
        reasons += [
            f"{name}:motion_in_unknown_units"
            for name, body in live.items()
            if name in self._unknown_units and tells_motion(body)
        ]
        gates_speak = bool(self.gates) and heard.keys() == set(self.gates)
        people = self._by_cameras(live, eyes, reasons)
        if people is None and not self.cameras and gates_speak:
            return view_by_gates(self.zone, self.ledger, heard, now)
        if people is not None and gates_speak:
            people = msgspec.structs.replace(people, value=self.ledger.agree(people))
        blind = ZoneView(
            zone=self.zone.id,
            at=now,
            sight=Sight.BLIND,
            capacity=self.zone.capacity,
            cameras_live=len(live),
            cameras_total=len(self.cameras),
            reasons=tuple(reasons) or ("no_camera",),
        )
        if people is None:
            return blind
        inside = [body for name, body in live.items() if name not in self._elsewhere]
        peaks = [body.peak_p_m2 for body in inside if body.peak_p_m2 is not None]
        motion = zone_motion([b for name, b in live.items() if self.coverage.seen_by(name) > 0])
        whole = bool(self.cameras) and len(live) == len(self.cameras)
        return msgspec.structs.replace(
            blind,
            sight=Sight.LIVE if whole else Sight.PARTIAL,
            occupancy=people_of(people.value),
            occupancy_low=people_of(people.low),
            occupancy_high=people_of(people.high),
            density_p_m2=density_of(people.value, self.zone.usable_area_m2),
            density_low_p_m2=density_of(people.low, self.zone.usable_area_m2),
            peak_p_m2=max(peaks, default=None),
            seen_at=min((body.at for body in live.values()), default=None),
            reasons=tuple(reasons),
            counterflow=motion.counterflow,
            pressure_s2=motion.pressure_s2,
            flow_share=motion.flow_share,
        )

    def _by_cameras(
        self, live: Mapping[str, DensityLive], eyes: Mapping[str, _Eye], reasons: list[str]
    ) -> Estimate | None:
        """People in the zone by its cameras; says what was assumed. None without a live camera."""
        placed = {
            name: density
            for name in live
            if (density := eyes[name].density) is not None and self.coverage.seen_by(name) > 0
        }
        remembered = {
            c.id: eyes[c.id].high_p_m2
            for c in self.cameras
            if c.id in self._calibrated and c.id not in placed
        }
        others = {name: body for name, body in live.items() if eyes[name].density is None}
        elsewhere = live.keys() - placed.keys() - others.keys()
        reasons += [f"{name}:sees_none_of_the_zone" for name in sorted(elsewhere)]
        if not placed and not others:
            return None
        if others:
            reasons.append("uncalibrated_views_taken_as_overlapping")
        found = self._by_counts(others, eyes)
        high = max(found.high, self.coverage.most(placed, remembered))
        if placed:
            on_ground = self.coverage.people(placed, remembered)
            value, low = max(found.value, on_ground.value), max(found.low, on_ground.low)
            found = Estimate(value=value, low=low, high=high)
            open_share = 1.0 - self.coverage.covered_share(frozenset(placed))
            if open_share >= 0.005:
                reasons.append(f"ground_not_seen:{open_share:.0%}")
        return msgspec.structs.replace(found, high=max(high, found.value))

    def _by_counts(self, live: Mapping[str, DensityLive], eyes: Mapping[str, _Eye]) -> Estimate:
        """People by cameras of unknown ground, taken to overlap fully: the most, never the sum.

        The upper bound takes them not to overlap at all, and counts those that went blind as they
        last saw. A camera that watches several zones gives each its share of the people by area;
        its lower bound gives them to the others.
        """
        unplaced = [name for name in self._share if name not in self._calibrated or name in live]
        value = max((body.count * self._share[name] for name, body in live.items()), default=0.0)
        lows = [body.count_low for name, body in live.items() if self._share[name] == 1.0]
        high = sum(eyes[name].high_people for name in unplaced)
        return Estimate(value=value, low=min(max(lows, default=0.0), value), high=max(high, value))


def _stale_after_s(camera: Camera) -> float:
    return max(STALE_AFTER_S, STALE_READINGS * camera.every_s)


def _density(body: DensityLive, seen_m2: float) -> Estimate | None:
    """A camera's density with bounds in the proportion of its count's bounds, where it has one."""
    density = body.density_p_m2
    if density is None or not seen_m2:
        return None
    if body.count > 0 and density > 0:
        return Estimate(
            value=density,
            low=density * min(body.count_low / body.count, 1.0),
            high=density * max(body.count_high / body.count, 1.0),
        )
    return Estimate(value=density, low=0.0, high=max(density, body.count_high / seen_m2))
