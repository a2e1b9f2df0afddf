"""Devices that cannot be relied on are cases too."""

from __future__ import annotations

import pytest

from model.cases import Change, Reason
from model.facts import DeviceKind
from model.health import HealthState
from model.level import Level
from tests.alerts.room import Room


@pytest.mark.parametrize(
    ("kind", "state", "hazard", "level", "reasons"),
    [
        (
            DeviceKind.CAMERA,
            HealthState.BLIND,
            "camera-blind",
            Level.YELLOW,
            [Reason.CAMERA_BLIND, Reason.CAMERA_SEES],
        ),
        (
            DeviceKind.TERMINAL,
            HealthState.OFFLINE,
            "terminal-offline",
            Level.BLUE,
            [Reason.DEVICE_SILENT, Reason.DEVICE_BACK],
        ),
        (
            DeviceKind.BOLLARD,
            HealthState.FAULT,
            "bollard-fault",
            Level.YELLOW,
            [Reason.DEVICE_FAULT, Reason.DEVICE_HEALTHY],
        ),
    ],
)
def test_a_fault_is_a_case_until_the_device_stayed_well(
    kind: DeviceKind,
    state: HealthState,
    hazard: str,
    level: Level,
    reasons: list[Reason],
) -> None:
    room = Room()
    room.health(kind, "d1", state)
    case = room.only_case()
    assert (case.subject_kind, case.subject, case.hazard) == ("device", "d1", hazard)
    assert case.level is level
    room.health(kind, "d1", HealthState.ONLINE)
    room.wait(9.8)
    assert room.engine.open_cases() != ()
    room.wait(0.4)
    assert room.engine.open_cases() == ()
    assert [one.reason for one in room.transitions] == reasons


def test_a_worker_that_does_not_keep_up_is_one_case_and_its_cameras_are_none() -> None:
    room = Room()
    room.health(DeviceKind.WORKER, "w1", HealthState.FAULT, "overloaded")
    for camera in ("c1", "c2", "c3"):
        room.health(DeviceKind.CAMERA, camera, HealthState.BLIND, "overloaded")
    assert room.only_case().subject == "w1"
    room.health(DeviceKind.CAMERA, "c2", HealthState.BLIND, "stalled")
    assert [one.subject for one in room.engine.open_cases()] == ["w1", "c2"]


def test_a_flapping_device_is_one_case() -> None:
    room = Room()
    for _ in range(100):
        room.health(DeviceKind.CAMERA, "c1", HealthState.BLIND)
        room.wait(2)
        room.health(DeviceKind.CAMERA, "c1", HealthState.ONLINE)
        room.wait(2)
    assert len(room.changes(Change.OPENED)) == 1


def test_another_fault_of_the_same_device_joins_its_case() -> None:
    room = Room()
    room.health(DeviceKind.CAMERA, "c1", HealthState.BLIND)
    room.health(DeviceKind.CAMERA, "c1", HealthState.BLIND)
    room.health(DeviceKind.CAMERA, "c1", HealthState.OFFLINE)
    assert [one.change for one in room.transitions] == [Change.OPENED, Change.FAULT_CHANGED]
    assert room.said() == "blind, now offline"


def test_a_device_not_heard_since_a_restart_closes_nothing() -> None:
    room = Room()
    room.health(DeviceKind.CAMERA, "c1", HealthState.SILENT)
    room.restart(down_s=60)
    room.health(DeviceKind.CAMERA, "c1", HealthState.WAITING)
    room.wait(60)
    assert len(room.engine.open_cases()) == 1


def test_a_device_that_never_was_heard_opens_nothing() -> None:
    room = Room()
    room.health(DeviceKind.CAMERA, "c1", HealthState.WAITING)
    assert room.engine.open_cases() == ()


def test_the_text_names_the_device_as_the_site_does() -> None:
    room = Room()
    room.health(DeviceKind.CAMERA, "c1", HealthState.BLIND)
    assert room.only_case().text.en == "Camera North: blind"
    assert room.only_case().text.zh == "摄像机 North：看不见"


def test_a_device_case_gives_its_zone_no_level() -> None:
    room = Room()
    room.health(DeviceKind.CAMERA, "c1", HealthState.BLIND)
    assert room.levels["bridge"] is None


def test_devices_of_two_kinds_with_one_id_are_two_cases() -> None:
    room = Room()
    room.health(DeviceKind.CAMERA, "x", HealthState.BLIND)
    room.health(DeviceKind.TERMINAL, "x", HealthState.OFFLINE)
    assert len(room.engine.open_cases()) == 2
