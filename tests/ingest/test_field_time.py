"""The field's time: a wrong time server neither hides a reading nor moves the service's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ingest.field_time import FieldTime, Stamped
from model.clock import ManualClock

START = datetime(2026, 2, 17, 18, 0, tzinfo=UTC)
HOUR_S = 3600.0


class Field:
    """A machine with its clock, and devices that know the true time."""

    def __init__(self, *, machine_off_s: float = 0.0) -> None:
        self.true = ManualClock(START)
        self.machine = ManualClock(START + timedelta(seconds=machine_off_s))
        self.time = FieldTime(self.machine)

    def wait(self, seconds: float) -> None:
        self.true.advance(seconds)
        self.machine.advance(seconds)
        self.time.now()

    def say(self, *devices: str, late_s: float = 0.0, wrong_s: float = 0.0) -> float:
        at = self.true.now() + timedelta(seconds=wrong_s - late_s)
        arrived = self.time.now()
        return self.time.hear(Stamped(device, at, arrived) for device in devices)

    @property
    def off_s(self) -> float:
        return (self.time.now() - self.true.now()).total_seconds()


@pytest.mark.parametrize("step_s", [-HOUR_S, HOUR_S])
def test_a_step_of_the_machines_clock_is_not_followed(step_s: float) -> None:
    field = Field()
    field.machine.step_wall(step_s)
    assert field.off_s == 0
    field.wait(600)
    assert field.off_s == 0
    field.machine.step_wall(-step_s)
    assert field.off_s == 0
    assert field.time.ahead_s == 0


def test_ordinary_drift_is_followed() -> None:
    field = Field()
    for _ in range(100):
        field.machine.step_wall(0.01)
        field.wait(1)
    assert field.off_s == pytest.approx(1.0)


def test_a_service_that_started_in_the_past_takes_over_what_the_field_agrees_on() -> None:
    field = Field(machine_off_s=-HOUR_S)
    assert field.say("c1", "c2") == 0
    assert field.say("c3") == HOUR_S
    assert field.off_s == 0


def test_one_device_with_a_wrong_clock_moves_nothing() -> None:
    field = Field()
    field.say("c1", "c2", "c3")
    assert field.say("c4", wrong_s=HOUR_S) == 0
    assert field.off_s == 0


def test_devices_that_disagree_among_themselves_move_nothing() -> None:
    field = Field()
    for number, wrong_s in enumerate((100.0, 900.0, 3600.0, 7200.0)):
        assert field.say(f"c{number}", wrong_s=wrong_s) == 0
    assert field.off_s == 0


def test_a_backlog_that_comes_late_moves_nothing() -> None:
    field = Field()
    assert field.say("c1", "c2", "c3", "c4", late_s=HOUR_S) == 0
    assert field.off_s == 0


def test_a_clock_that_is_set_right_is_followed_once_the_field_says_so() -> None:
    field = Field(machine_off_s=HOUR_S)
    field.machine.step_wall(-HOUR_S)
    assert field.off_s == HOUR_S
    field.say("c1", "c2", "c3")
    assert field.off_s == 0


def test_what_was_heard_long_ago_does_not_count() -> None:
    field = Field(machine_off_s=-HOUR_S)
    field.say("c1", "c2")
    field.wait(60)
    assert field.say("c3") == 0
