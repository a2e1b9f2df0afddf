"""Health of the field: which devices can be relied on, with one event per loss and one per return.

Silence is measured on the monotonic clock from arrivals. A camera without a reading for 8 s (or
four of its intervals) is silent; a bollard lane that was not heard twice in a row is *not
protecting*; a terminal is judged by its own status, since it has nothing to say between orders.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import msgspec

from config.schema import SiteFile
from devices.interlock import STATE_SILENT_S, LaneWatch
from model.facts import (
    BollardPosition,
    BollardState,
    DensityBlind,
    DeviceKind,
    DeviceStatus,
    Fact,
    LoopState,
)
from model.health import OVERLOADED, WELL_STATES, DeviceHealth, HealthState

CAMERA_SILENT_S = 8.0
CAMERA_SILENT_INTERVALS = 4
COUNTER_SILENT_S = 60.0
STARTUP_GRACE_S = 20.0
"""How long after the start a device may take to be heard for the first time."""

_ROUNDING_S = 1e-3
"""So much earlier than computed is looked at: sums of seconds are not exact."""

WORKERS_MAX = 1000
"""Workers are not in the site file; more than so many names are not taken in."""


class HealthReason(StrEnum):
    """Why a device is not well; a blind camera carries its analyser's own reason."""

    NEVER_HEARD = "never_heard"
    NO_READING = "no_reading"
    NOT_PROTECTING = "not_protecting"
    SAID_OFFLINE = "said_offline"
    POSITION_UNKNOWN = "position_unknown"
    LOOP_FAULT = "loop_fault"
    LANE_FAULT = "lane_fault"
    OVERLOADED = OVERLOADED
    CAMERAS_UNKNOWN = "cameras_unknown"


@dataclass(slots=True)
class _Device:
    health: DeviceHealth
    silent_after_s: float | None
    heard_mono: float | None = None

    def outlived_by(self, age_s: float) -> bool:
        """Whether something so old proves nothing of this device any more."""
        return self.silent_after_s is not None and age_s > self.silent_after_s


class HealthRegistry:
    """What the room believes of every device of a site."""

    def __init__(self, site: SiteFile, *, grace_s: float = STARTUP_GRACE_S) -> None:
        self._devices: dict[tuple[DeviceKind, str], _Device] = {}
        self._lanes = {bollard.id: LaneWatch() for bollard in site.bollards}
        self._grace_s = grace_s
        self._started_mono: float | None = None
        self._silences = _silences(site)
        self._next_silence_mono = float("-inf")

    def states(self) -> tuple[DeviceHealth, ...]:
        """Every device as it is believed to be now; empty before the first `observe` or `tick`."""
        return tuple(device.health for device in self._devices.values())

    def get(self, kind: DeviceKind, device_id: str) -> DeviceHealth | None:
        """One device's health, None for a device that nobody knows."""
        device = self._devices.get((kind, device_id))
        return device.health if device else None

    def protecting(self, lane: str, mono: float) -> bool:
        """Whether a bollard lane is proven healthy at this moment."""
        health = self.get(DeviceKind.BOLLARD, lane)
        watch = self._lanes[lane]
        return (
            health is not None
            and health.state is HealthState.ONLINE
            and watch.proven
            and not watch.silent(mono)
        )

    def observe(
        self, facts: Iterable[Fact], now: datetime, mono: float
    ) -> tuple[DeviceHealth, ...]:
        """Take in what the field said; the devices lost or returned by it.

        A camera that only waited for its worker is lost anew where something else is wrong with it.
        """
        self._start(now, mono)
        changes: dict[tuple[DeviceKind, str], DeviceHealth] = {}
        for fact in facts:
            if not isinstance(fact.kind, DeviceKind):
                continue
            device = self._device(fact.kind, fact.source, now)
            if device is None:
                continue
            judged = self._judge(fact)
            age_s = mono - fact.arrived_monotonic_s
            if judged and judged[0] is not HealthState.OFFLINE and device.outlived_by(age_s):
                continue  # a birth kept by the broker since long ago says nothing about now
            if self._settle(device, judged, fact.arrived, fact.arrived_monotonic_s):
                changes[fact.kind, fact.source] = device.health
        return tuple(changes.values())

    def recall(self, facts: Iterable[Fact], now: datetime, mono: float) -> tuple[DeviceHealth, ...]:
        """Take in what the broker kept and an earlier life was told already; the devices it returned.

        Of a terminal that is on line it may be the only word for days. It counts until this life hears
        the device itself.
        """
        self._start(now, mono)
        return self.observe([fact for fact in facts if self._is_unheard(fact)], now, mono)

    def _is_unheard(self, fact: Fact) -> bool:
        """Whether a fact is the status of a device that nothing else tells of, and nothing did yet."""
        if not isinstance(fact.body, DeviceStatus) or fact.kind is DeviceKind.WORKER:
            return False
        device = self._devices.get((DeviceKind(fact.kind), fact.source))
        return (
            device is not None
            and device.silent_after_s is None
            and device.heard_mono is None
            and device.health.reason != HealthReason.SAID_OFFLINE
        )

    def tick(self, now: datetime, mono: float) -> tuple[DeviceHealth, ...]:
        """Notice what stayed silent too long."""
        started = self._start(now, mono)
        if mono < self._next_silence_mono:
            return ()
        self._next_silence_mono = float("inf")
        changes: list[DeviceHealth] = []
        for (kind, _), device in self._devices.items():
            if not _may_be_lost(device.health):
                continue
            reason = self._silence(kind, device, mono, started)
            if reason is None:
                self._look_again(device, started)
            else:
                state = HealthState.SILENT
                if kind is DeviceKind.TERMINAL:
                    state = HealthState.OFFLINE
                device.health = msgspec.structs.replace(
                    device.health, state=state, since=now, reason=reason
                )
                changes.append(device.health)
        return tuple(changes)

    def _start(self, now: datetime, mono: float) -> float:
        if self._started_mono is None:
            self._started_mono = mono
            for kind, device_id in self._silences:
                self._device(kind, device_id, now)
        return self._started_mono

    def _device(self, kind: DeviceKind, device_id: str, now: datetime) -> _Device | None:
        key = (kind, device_id)
        device = self._devices.get(key)
        if device is None:
            worker = kind is DeviceKind.WORKER and len(self._devices) < (
                len(self._silences) + WORKERS_MAX
            )
            if key not in self._silences and not worker:
                return None
            health = DeviceHealth(kind=kind, id=device_id, state=HealthState.WAITING, since=now)
            device = self._devices[key] = _Device(health, self._silences.get(key))
            self._next_silence_mono = float("-inf")
        return device

    def _judge(self, fact: Fact) -> tuple[HealthState, str | None] | None:
        """What one fact makes of its device; None where it proves nothing."""
        body = fact.body
        if isinstance(body, DeviceStatus):
            return self._judge_status(fact, body)
        if isinstance(body, DensityBlind):
            return HealthState.BLIND, body.reason
        if isinstance(body, BollardState):
            watch = self._lanes[fact.source]
            if not watch.hear(body, fact.arrived, fact.arrived_monotonic_s):
                return None
            return _judge_lane(body) if watch.proven else None
        if fact.kind is DeviceKind.BOLLARD:
            return None
        return HealthState.ONLINE, None

    def _judge_status(
        self, fact: Fact, status: DeviceStatus
    ) -> tuple[HealthState, str | None] | None:
        """A goodbye counts for everyone; a birth proves neither that a camera sees nor that a
        lane can be relied on."""
        if status.state == "offline":
            if fact.kind is DeviceKind.BOLLARD:
                self._lanes[fact.source].said_goodbye()
            return HealthState.OFFLINE, HealthReason.SAID_OFFLINE
        if fact.kind in (DeviceKind.CAMERA, DeviceKind.BOLLARD):
            return None
        if status.unknown:
            return HealthState.FAULT, HealthReason.CAMERAS_UNKNOWN
        if status.overloaded:
            return HealthState.FAULT, HealthReason.OVERLOADED
        return HealthState.ONLINE, None

    def _settle(
        self,
        device: _Device,
        judged: tuple[HealthState, str | None] | None,
        arrived: datetime,
        mono: float,
    ) -> bool:
        """Put a judgement in force; True where a device was lost or an unwell one returned."""
        if judged is None:
            return False
        before = device.health
        state, reason = judged
        last_seen = before.last_seen
        if state is not HealthState.OFFLINE:
            device.heard_mono = mono
            last_seen = arrived
            self._look_again(device, mono)
        waiting = before.state is HealthState.WAITING
        flipped = waiting or (state in WELL_STATES) != (before.state in WELL_STATES)
        device.health = DeviceHealth(
            kind=before.kind,
            id=before.id,
            state=state,
            since=arrived if flipped else before.since,
            last_seen=last_seen,
            reason=reason,
        )
        lost = state not in WELL_STATES and not device.health.waits_for_its_worker
        return flipped or (lost and before.waits_for_its_worker)

    def _look_again(self, device: _Device, started: float) -> None:
        """Note when a device could fall silent at the earliest; until then nobody need look."""
        if device.heard_mono is None:
            ends = started + max(self._grace_s, device.silent_after_s or 0.0)
        elif device.silent_after_s is None:
            return
        else:
            ends = device.heard_mono + device.silent_after_s
        self._next_silence_mono = min(self._next_silence_mono, ends - _ROUNDING_S)

    def _silence(
        self, kind: DeviceKind, device: _Device, mono: float, started: float
    ) -> HealthReason | None:
        not_protecting = kind is DeviceKind.BOLLARD
        if device.heard_mono is None:
            if mono - started <= max(self._grace_s, device.silent_after_s or 0.0):
                return None
            return HealthReason.NOT_PROTECTING if not_protecting else HealthReason.NEVER_HEARD
        if device.silent_after_s is None or mono - device.heard_mono <= device.silent_after_s:
            return None
        return HealthReason.NOT_PROTECTING if not_protecting else HealthReason.NO_READING


def _may_be_lost(health: DeviceHealth) -> bool:
    """Whether anything is still to be told of a device: not of one that was told to be lost."""
    return health.state in WELL_STATES or health.waits_for_its_worker


def _silences(site: SiteFile) -> dict[tuple[DeviceKind, str], float | None]:
    """After how many seconds each device counts as silent; None where its status alone counts."""
    silences: dict[tuple[DeviceKind, str], float | None] = {}
    for camera in site.cameras:
        interval_s = CAMERA_SILENT_INTERVALS * camera.every_s
        silences[DeviceKind.CAMERA, camera.id] = max(CAMERA_SILENT_S, interval_s)
    for counter in site.counters:
        silences[DeviceKind.COUNTER, counter.id] = COUNTER_SILENT_S
    for sensor in site.sensors:
        silences[DeviceKind.SENSOR, sensor.id] = sensor.silent_after_s or None
    for terminal in site.terminals:
        silences[DeviceKind.TERMINAL, terminal.id] = None
    for bollard in site.bollards:
        silences[DeviceKind.BOLLARD, bollard.id] = STATE_SILENT_S
    return silences


def _judge_lane(state: BollardState) -> tuple[HealthState, str | None]:
    if state.fault is not None:
        return HealthState.FAULT, HealthReason.LANE_FAULT
    if state.loop is LoopState.FAULT:
        return HealthState.FAULT, HealthReason.LOOP_FAULT
    if state.position is BollardPosition.UNKNOWN:
        return HealthState.FAULT, HealthReason.POSITION_UNKNOWN
    return HealthState.ONLINE, None
