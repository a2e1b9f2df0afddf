"""Health of the field: one event per loss, one per return, and nothing blind taken for well."""

from __future__ import annotations

from itertools import count

import pytest

from devices.health import HealthReason, HealthRegistry
from model.clock import ManualClock
from model.facts import (
    Body,
    BollardPosition,
    BollardState,
    CounterReading,
    DensityBlind,
    DensityLive,
    DeviceKind,
    DeviceStatus,
    Fact,
    LoopState,
    ReceiptStage,
    SensorReading,
    TerminalReceipt,
)
from model.health import DeviceHealth, HealthState
from tests.devices.rig import START, small_site


class Field:
    """A registry on a clock that moves only when told to; every event is kept."""

    def __init__(self) -> None:
        self.clock = ManualClock(START)
        self.registry = HealthRegistry(small_site())
        self.events: list[DeviceHealth] = []
        self._seq = count(1)
        self.tick()

    def hear(self, kind: DeviceKind, source: str, body: Body, *, age_s: float = 0.0) -> None:
        fact = Fact(
            kind=kind,
            source=source,
            arrived=self.clock.now(),
            arrived_monotonic_s=self.clock.monotonic() - age_s,
            body=body,
        )
        self.events += self.registry.observe([fact], self.clock.now(), self.clock.monotonic())

    def tick(self, seconds: float = 0.0) -> None:
        self.clock.advance(seconds)
        self.events += self.registry.tick(self.clock.now(), self.clock.monotonic())

    def camera(self, blind: str | None = None) -> None:
        at = self.clock.now()
        body: DensityLive | DensityBlind = DensityLive(
            at=at, count=3, count_low=2, count_high=4, model="small"
        )
        if blind is not None:
            body = DensityBlind(at=at, reason=blind, model="small")
        self.hear(DeviceKind.CAMERA, "cam-1", body)

    def lane(self, **changes: object) -> None:
        told = {"position": BollardPosition.DOWN, "loop": LoopState.CLEAR, "fault": None} | changes
        state = BollardState(
            at=self.clock.now(),
            seq=next(self._seq),
            loop_age_ms=10,
            **told,  # type: ignore[arg-type]  # a table of keyword arguments
        )
        self.hear(DeviceKind.BOLLARD, "lane-1", state)

    def status(self, kind: DeviceKind, source: str, *, online: bool) -> None:
        state = DeviceStatus(state="online" if online else "offline")
        self.hear(kind, source, state)

    def told(self, device: str) -> list[tuple[HealthState, str | None]]:
        return [(event.state, event.reason) for event in self.events if event.id == device]


def test_before_anything_is_heard_every_device_waits() -> None:
    field = Field()
    assert {health.state for health in field.registry.states()} == {HealthState.WAITING}
    assert field.events == []


def test_after_the_grace_what_was_never_heard_is_lost_once() -> None:
    field = Field()
    field.tick(20.5)
    field.tick(0.2)
    lost = {(event.id, event.reason) for event in field.events}
    assert ("cam-1", HealthReason.NEVER_HEARD) in lost
    assert ("lane-1", HealthReason.NOT_PROTECTING) in lost
    assert ("screen-1", HealthReason.NEVER_HEARD) in lost
    assert len(field.events) == len({event.id for event in field.events})


def test_a_camera_without_a_reading_for_eight_seconds_is_silent_and_comes_back_once() -> None:
    field = Field()
    field.camera()
    field.tick(8.0)
    assert field.told("cam-1") == [(HealthState.ONLINE, None)]
    field.tick(0.2)
    field.tick(5)
    field.camera()
    field.camera()
    assert field.told("cam-1") == [
        (HealthState.ONLINE, None),
        (HealthState.SILENT, HealthReason.NO_READING),
        (HealthState.ONLINE, None),
    ]


@pytest.mark.parametrize("after_s", [2.0, 12.0])
def test_a_camera_that_only_waited_for_its_worker_is_lost_when_it_is_truly(after_s: float) -> None:
    """The worker's case told of it so far; nobody would hear that it is unreachable now, or silent."""
    field = Field()
    field.camera()
    for _ in range(3):
        field.camera("overloaded")
        field.tick(2.0)
    field.tick(after_s)
    for reason in ("unreachable", "unreachable", "overloaded"):
        field.camera(reason)
    silent = [(HealthState.SILENT, HealthReason.NO_READING)] if after_s > 8 else []
    lost = [(HealthState.BLIND, "unreachable")] if after_s < 8 else []
    assert field.told("cam-1") == [
        (HealthState.ONLINE, None),
        (HealthState.BLIND, HealthReason.OVERLOADED),
        *silent,
        *lost,
    ]


def test_a_slow_camera_is_given_four_of_its_intervals() -> None:
    camera = {
        "id": "cam-1",
        "name": {"zh": "甲", "en": "A"},
        "url": "rtsp://127.0.0.1/cam-1",
        "every_s": 5.0,
    }
    field = Field()
    field.registry = HealthRegistry(small_site(cameras=[camera]))
    field.camera()
    field.tick(19.9)
    assert field.told("cam-1") == [(HealthState.ONLINE, None)]
    field.tick(0.2)
    assert field.told("cam-1")[-1] == (HealthState.SILENT, HealthReason.NO_READING)


def test_a_blind_camera_carries_its_analysers_reason_and_is_one_loss() -> None:
    field = Field()
    field.camera()
    field.camera("black")
    field.camera("frozen")
    field.tick(20)
    field.camera()
    assert field.told("cam-1") == [
        (HealthState.ONLINE, None),
        (HealthState.BLIND, "black"),
        (HealthState.ONLINE, None),
    ]


def test_a_cameras_status_alone_does_not_make_it_see() -> None:
    field = Field()
    field.camera("black")
    field.status(DeviceKind.CAMERA, "cam-1", online=True)
    health = field.registry.get(DeviceKind.CAMERA, "cam-1")
    assert health is not None
    assert health.state is HealthState.BLIND


def test_a_terminal_is_judged_by_its_status_and_never_by_silence() -> None:
    field = Field()
    field.status(DeviceKind.TERMINAL, "screen-1", online=True)
    field.tick(100_000)
    field.status(DeviceKind.TERMINAL, "screen-1", online=False)
    receipt = TerminalReceipt(order="order-1", stage=ReceiptStage.PLAYED, at=field.clock.now())
    field.hear(DeviceKind.TERMINAL, "screen-1", receipt)
    assert field.told("screen-1") == [
        (HealthState.ONLINE, None),
        (HealthState.OFFLINE, HealthReason.SAID_OFFLINE),
        (HealthState.ONLINE, None),
    ]


def test_a_lane_protects_only_while_it_is_heard() -> None:
    field = Field()
    field.lane()
    assert not field.registry.protecting("lane-1", field.clock.monotonic())
    field.tick(0.5)
    field.lane()
    assert field.registry.protecting("lane-1", field.clock.monotonic())
    field.tick(3.1)
    assert not field.registry.protecting("lane-1", field.clock.monotonic())
    assert field.told("lane-1") == [
        (HealthState.ONLINE, None),
        (HealthState.SILENT, HealthReason.NOT_PROTECTING),
    ]


def test_a_goodbye_followed_by_the_retained_state_does_not_make_a_lane_protect() -> None:
    field = Field()
    field.status(DeviceKind.BOLLARD, "lane-1", online=False)
    field.lane()
    assert field.told("lane-1") == [(HealthState.OFFLINE, HealthReason.SAID_OFFLINE)]
    assert not field.registry.protecting("lane-1", field.clock.monotonic())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"fault": "stuck"}, HealthReason.LANE_FAULT),
        ({"loop": LoopState.FAULT}, HealthReason.LOOP_FAULT),
        ({"position": BollardPosition.UNKNOWN}, HealthReason.POSITION_UNKNOWN),
    ],
)
def test_a_faulty_lane_is_named(changes: dict[str, object], reason: HealthReason) -> None:
    field = Field()
    field.lane()
    field.lane()
    field.lane(**changes)
    assert field.told("lane-1")[-1] == (HealthState.FAULT, reason)


def test_counters_and_sensors_have_their_own_patience() -> None:
    field = Field()
    at = field.clock.now()
    count_now = CounterReading(at=at, boot="a", seq=1, in_total=1, out_total=0)
    field.hear(DeviceKind.COUNTER, "gate-1", count_now)
    reading = SensorReading(at=at, quantity="noise", value=50, unit="dB(A)")
    field.hear(DeviceKind.SENSOR, "noise-1", reading)
    field.status(DeviceKind.SENSOR, "fire-1", online=True)
    field.tick(61)
    assert field.told("gate-1")[-1] == (HealthState.SILENT, HealthReason.NO_READING)
    assert field.told("noise-1")[-1] == (HealthState.SILENT, HealthReason.NO_READING)
    assert field.told("fire-1") == [(HealthState.ONLINE, None)]


def test_a_worker_that_is_too_slow_is_one_event_and_so_is_its_recovery() -> None:
    field = Field()
    for overloaded in (False, True, True, False, False):
        body = DeviceStatus(state="online", at=field.clock.now(), overloaded=overloaded)
        field.hear(DeviceKind.WORKER, "worker-1", body)
    assert field.told("worker-1") == [
        (HealthState.ONLINE, None),
        (HealthState.FAULT, HealthReason.OVERLOADED),
        (HealthState.ONLINE, None),
    ]


def test_a_worker_whose_site_file_lacks_cameras_it_was_given_is_at_fault_by_that_name() -> None:
    """Nobody analyses those, and the worker itself does well."""
    field = Field()
    for unknown in (0, 2, 2, 0):
        body = DeviceStatus(state="online", at=field.clock.now(), overloaded=False, unknown=unknown)
        field.hear(DeviceKind.WORKER, "worker-1", body)
    assert field.told("worker-1") == [
        (HealthState.ONLINE, None),
        (HealthState.FAULT, HealthReason.CAMERAS_UNKNOWN),
        (HealthState.ONLINE, None),
    ]


def test_workers_are_learnt_from_their_status_and_strangers_are_not() -> None:
    field = Field()
    field.status(DeviceKind.WORKER, "worker-1", online=True)
    field.status(DeviceKind.WORKER, "worker-1", online=False)
    field.status(DeviceKind.TERMINAL, "screen-9", online=True)
    assert [state for state, _ in field.told("worker-1")] == [
        HealthState.ONLINE,
        HealthState.OFFLINE,
    ]
    assert field.told("screen-9") == []


def test_a_step_of_the_wall_clock_makes_nobody_silent() -> None:
    field = Field()
    field.camera()
    field.clock.step_wall(3600)
    field.tick(1)
    assert field.told("cam-1") == [(HealthState.ONLINE, None)]


def test_a_birth_that_the_broker_kept_since_long_ago_does_not_make_a_sensor_live() -> None:
    field = Field()
    birth = DeviceStatus(state="online", at=field.clock.now())
    field.hear(DeviceKind.SENSOR, "noise-1", birth, age_s=3600)
    field.hear(DeviceKind.TERMINAL, "screen-1", birth, age_s=3600)
    field.tick(1)
    assert field.told("noise-1") == []
    assert field.told("screen-1") == [(HealthState.ONLINE, None)]


def recalled(field: Field, kind: DeviceKind, source: str, *, online: bool = True) -> None:
    """The broker kept a status that an earlier life was told already."""
    fact = Fact(
        kind=kind,
        source=source,
        arrived=field.clock.now(),
        arrived_monotonic_s=field.clock.monotonic(),
        body=DeviceStatus(state="online" if online else "offline", at=START),
    )
    field.events += field.registry.recall([fact], field.clock.now(), field.clock.monotonic())


def test_what_the_broker_kept_of_a_terminal_counts_in_the_next_life() -> None:
    field = Field()
    recalled(field, DeviceKind.TERMINAL, "screen-1")
    recalled(field, DeviceKind.TERMINAL, "screen-2", online=False)
    recalled(field, DeviceKind.SENSOR, "fire-1")
    field.tick(60)
    assert field.told("screen-1") == field.told("fire-1") == [(HealthState.ONLINE, None)]
    assert field.told("screen-2") == [(HealthState.OFFLINE, HealthReason.SAID_OFFLINE)]


def test_a_broker_that_is_reached_late_brings_back_who_was_taken_for_lost() -> None:
    field = Field()
    field.tick(60)
    recalled(field, DeviceKind.TERMINAL, "screen-1")
    assert field.told("screen-1")[1:] == [(HealthState.ONLINE, None)]


def test_an_old_birth_wakes_nobody_who_is_heard_otherwise_or_said_goodbye() -> None:
    field = Field()
    field.status(DeviceKind.TERMINAL, "screen-1", online=False)
    for kind, source in (
        (DeviceKind.TERMINAL, "screen-1"),
        (DeviceKind.SENSOR, "noise-1"),
        (DeviceKind.CAMERA, "cam-1"),
        (DeviceKind.BOLLARD, "lane-1"),
        (DeviceKind.WORKER, "worker-1"),
        (DeviceKind.TERMINAL, "screen-9"),
    ):
        recalled(field, kind, source)
    assert [(event.id, event.state) for event in field.events] == [
        ("screen-1", HealthState.OFFLINE)
    ]
