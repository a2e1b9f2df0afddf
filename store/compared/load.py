"""One second of a whole site: 400 cameras at half a reading a second, 2,000 sensors at a tenth.

That is 400 readings a second, and 400 series for the hourly picture: a little more than Shichahai's.

The same numbers for every engine: counts and noise levels that drift, as decimals of two digits.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from model.facts import DensityLive, DeviceKind, Fact, SensorReading
from store.stamps import from_ms

CAMERAS = 400
SENSORS = 2_000
BEGIN_MS = 1_792_000_000_000 // 3_600_000 * 3_600_000
HISTORY_DAYS = 7
HISTORY_STEP_MS = 60_000
ZONE = "zone-bridge"

Numbers = NDArray[np.float64]


class Second(msgspec.Struct, frozen=True, kw_only=True):
    """What one second brings: numbers of the sources, their times and values.

    A camera's values are count, low, high and density; a sensor's is its one value.
    """

    at_ms: int
    cameras: list[int]
    camera_ms: list[int]
    camera_values: list[tuple[float, float, float, float]]
    sensors: list[int]
    sensor_ms: list[int]
    sensor_values: list[float]
    facts: list[Fact]
    """The same as the service takes it in: made beforehand, as decoding is none of a store's work."""

    @property
    def rows(self) -> int:
        return len(self.cameras) + len(self.sensors)


def seconds(count: int, *, seed: int = 1) -> Iterator[Second]:
    """So many seconds of the site, after its history."""
    chance = np.random.default_rng(seed)
    people = chance.uniform(5, 80, CAMERAS)
    noise = chance.uniform(40, 60, SENSORS)
    begin_ms = BEGIN_MS + HISTORY_DAYS * 86_400_000
    for n in range(count):
        cameras = range(n % 2, CAMERAS, 2)
        sensors = range(n % 10, SENSORS, 10)
        people = np.clip(people + chance.normal(0, 1, CAMERAS), 0, 500)
        noise = np.clip(noise + chance.normal(0, 0.5, SENSORS), 20, 120)
        at_ms = begin_ms + n * 1000
        late = chance.integers(0, 40, CAMERAS + SENSORS)
        second = Second(
            at_ms=at_ms,
            cameras=list(cameras),
            camera_ms=[int(at_ms + late[each]) for each in cameras],
            camera_values=[_seen(float(people[each])) for each in cameras],
            sensors=list(sensors),
            sensor_ms=[int(at_ms + late[CAMERAS + each]) for each in sensors],
            sensor_values=[round(float(noise[each]), 1) for each in sensors],
            facts=[],
        )
        second.facts.extend(_facts_of(second))
        yield second


def _seen(people: float) -> tuple[float, float, float, float]:
    return (
        round(people, 2),
        round(people * 0.8, 2),
        round(people * 1.2, 2),
        round(people / 120, 3),
    )


def history_of(camera: int) -> tuple[Numbers, Numbers]:
    """Seven days of one camera's count, one reading a minute."""
    steps = HISTORY_DAYS * 86_400_000 // HISTORY_STEP_MS
    at_ms = BEGIN_MS + np.arange(steps, dtype=np.float64) * HISTORY_STEP_MS
    count: Numbers = np.abs(np.random.default_rng(camera).normal(40, 15, steps))
    return at_ms, count.round(2)


def zone_day() -> tuple[Numbers, Numbers]:
    """The last day of one zone before the first second, one reading a second."""
    at_ms = BEGIN_MS + (HISTORY_DAYS - 1) * 86_400_000 + np.arange(86_400.0) * 1000
    people: Numbers = np.abs(np.random.default_rng(9).normal(400, 90, 86_400))
    return at_ms, people.round(1)


def _facts_of(second: Second) -> list[Fact]:
    """The same second as the service takes it in."""
    found = [
        Fact(
            kind=DeviceKind.CAMERA,
            source=f"camera-{camera}",
            arrived=from_ms(at_ms),
            arrived_monotonic_s=0.0,
            body=DensityLive(
                at=from_ms(at_ms),
                count=count,
                count_low=low,
                count_high=high,
                density_p_m2=density,
                model="small",
            ),
        )
        for camera, at_ms, (count, low, high, density) in zip(
            second.cameras, second.camera_ms, second.camera_values, strict=True
        )
    ]
    found += [
        Fact(
            kind=DeviceKind.SENSOR,
            source=f"sensor-{sensor}",
            arrived=from_ms(at_ms),
            arrived_monotonic_s=0.0,
            body=SensorReading(at=from_ms(at_ms), quantity="noise", value=value, unit="dB(A)"),
        )
        for sensor, at_ms, value in zip(
            second.sensors, second.sensor_ms, second.sensor_values, strict=True
        )
    ]
    return found
