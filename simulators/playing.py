"""Plays a scenario on a simulated site, and writes down what is true at each moment."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from config.schema import SiteFile
from model.clock import Clock
from simulators.filming import Take, stage_name
from simulators.logbook import TruthEntry
from simulators.rtsp.feed import Fault
from simulators.rtsp.server import CameraServer
from simulators.scenario import Beat, Due, Scenario, timeline
from simulators.sensors import measure_of

log = logging.getLogger(__name__)

PEOPLE_EVERY_S = 0.5


class FieldControls(Protocol):
    """What a scenario may change on the site's simulated devices."""

    def set_sensor(self, sensor_id: str, value: float) -> None:
        """The quantity around a sensor is now so much."""

    def set_alarm(self, sensor_id: str, *, raised: bool) -> None:
        """A detector's hazard begins or ends."""

    def set_inflow(self, counter_id: str, people_p_s: float) -> None:
        """People come through a gate at this rate; negative: they go."""


class Stage:
    """A site's cameras and devices, moved by beats; every change goes to `truth`."""

    def __init__(
        self,
        site: SiteFile,
        *,
        cameras: CameraServer | None,
        takes: Mapping[tuple[str, str], Take],
        field: FieldControls | None,
        clock: Clock,
        truth: Callable[[TruthEntry], None],
    ) -> None:
        self._site = site
        self._cameras = cameras
        self._takes = takes
        self._field = field
        self._clock = clock
        self._truth = truth

    def open(self) -> None:
        """Write down that all cameras work."""
        for camera in self._site.cameras if self._cameras else ():
            self._note("camera", camera.id, 1.0)

    def perform(self, beat: Beat) -> None:
        """Bring the site to what a beat says."""
        log.info("%s / %s", beat.say.zh, beat.say.en)
        for zone, density_p_m2 in beat.crowds.items():
            self._crowd(zone, density_p_m2)
        for camera, fault in beat.cameras.items():
            if self._cameras is not None:
                self._note("camera", camera, float(fault == "none"))
                self._cameras.set_fault(camera, Fault(fault))
        if self._field is None:
            return
        for sensor, value in beat.sensors.items():
            self._field.set_sensor(sensor, value)
            measure = measure_of(sensor)
            self._note("sensor", sensor, value, quantity=measure.quantity if measure else None)
        for sensor, raised in beat.alarms.items():
            self._field.set_alarm(sensor, raised=raised)
            self._note("alarm", sensor, float(raised))
        for counter, people_p_s in beat.inflow.items():
            self._field.set_inflow(counter, people_p_s)

    def _crowd(self, zone: str, density_p_m2: float) -> None:
        if self._cameras is None:
            return
        stage = stage_name(density_p_m2)
        for camera in self._site.cameras:
            take = self._takes.get((camera.id, stage))
            if zone not in camera.zones or take is None:
                continue
            self._cameras.feeds[camera.id].show(stage)
            self._note("density_p_m2", camera.id, take.density_p_m2, zone=zone)
            self._note("peak_p_m2", camera.id, take.peak_p_m2, zone=zone)

    def count_people(self) -> None:
        """Write down how many people each working camera truly sees now."""
        if self._cameras is None:
            return
        now = self._clock.now()
        for name, feed in self._cameras.feeds.items():
            people = feed.people_at(now) if feed.fault is Fault.NONE else None
            if people is not None:
                self._truth(TruthEntry(at=now, what="people", id=name, value=people))

    def _note(
        self,
        what: str,
        name: str,
        value: float,
        *,
        zone: str | None = None,
        quantity: str | None = None,
    ) -> None:
        self._truth(
            TruthEntry(
                at=self._clock.now(), what=what, id=name, value=value, zone=zone, quantity=quantity
            )
        )


async def play(
    stage: Stage,
    scenario: Scenario,
    *,
    length_s: float,
    clock: Clock,
    on_beat: Callable[[Due], None] = lambda _due: None,
) -> None:
    """Play a scenario once, over `length_s` seconds, and return at its end."""
    stage.open()
    began_s = clock.monotonic()
    waiting = list(timeline(scenario, length_s))
    while (second := clock.monotonic() - began_s) < length_s:
        while waiting and waiting[0].second <= second:
            due = waiting.pop(0)
            stage.perform(due.beat)
            on_beat(due)
        stage.count_people()
        await asyncio.sleep(PEOPLE_EVERY_S)
