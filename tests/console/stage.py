"""A site on a stage: the real console, store and feed, with the field and the desk played by hand."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from config.editing import SiteEditor
from config.schema import SiteFile
from console.app import STATIC
from console.ports import LiveVideo, Outbox
from model.clock import Clock
from model.facts import (
    BollardPosition,
    CounterReading,
    DensityBlind,
    DensityLive,
    DeviceKind,
    Fact,
    SensorReading,
)
from model.level import Level
from tests.console.stage_core import StageCore
from tests.console.stage_site import AREA, CALM, EVENING, FULL, PASSWORD, small_site

__all__ = ["CALM", "EVENING", "FULL", "PASSWORD", "Stage", "foretelling", "small_site", "staged"]


class Stage(StageCore):
    """Everything around the console, moved by the test."""

    def breathe(
        self,
        people: Mapping[str, float],
        *,
        levels: Mapping[str, Level] | None = None,
        blind: frozenset[str] = frozenset(),
        up: frozenset[str] = frozenset(),
        silent: frozenset[str] = frozenset(),
        step: int = 0,
    ) -> None:
        """One round of readings of the whole field. `blind` and `silent` name devices."""
        levels = levels or {}
        now = self.clock.now()
        facts: list[Fact] = []
        for camera in self.site.cameras:
            if camera.id in blind:
                facts.append(
                    self.fact(
                        DeviceKind.CAMERA,
                        camera.id,
                        DensityBlind(at=now, reason="black", model="small"),
                    )
                )
                self.pictures.show(camera.id, None)
                continue
            zone = camera.zones[0]
            share = sum(zone in one.zones for one in self.site.cameras)
            count = people[zone] / share * (1 + 0.03 * math.sin(step + len(camera.id)))
            density = people[zone] / AREA[zone]
            body = DensityLive(
                at=now,
                count=count,
                count_low=count * 0.9,
                count_high=count * 1.1,
                density_p_m2=density,
                peak_p_m2=min(9.0, density * 3.5 + 0.4),
                model="small",
            )
            facts.append(self.fact(DeviceKind.CAMERA, camera.id, body))
            self.pictures.show(camera.id, count)
        facts += self._instruments(step, people)
        facts += [
            self.lane(lane.id, BollardPosition.UP if lane.entrance in up else BollardPosition.DOWN)
            for lane in self.site.bollards
            if lane.id not in silent
        ]
        zones = []
        for zone_id, count in people.items():
            mine = {camera.id for camera in self.site.cameras if zone_id in camera.zones}
            zones.append(
                self.zone(
                    zone_id,
                    None if mine <= blind else count,
                    level=levels.get(zone_id),
                    partial=bool(mine & blind),
                )
            )
        self.commit(facts=tuple(facts), zones=tuple(zones))

    def _instruments(self, step: int, people: Mapping[str, float]) -> Iterator[Fact]:
        now = self.clock.now()
        for sensor, quantity, value, unit in (
            ("noise-bridge", "noise", 58 + people["bridge"] / 10 + math.sin(step), "dB(A)"),
            ("noise-houhai", "noise", 62 + people["houhai"] / 20 + math.cos(step), "dB(A)"),
            ("water-qianhai", "water_level", 43.62, "m"),
        ):
            body = SensorReading(at=now, quantity=quantity, value=value, unit=unit)
            yield self.fact(DeviceKind.SENSOR, sensor, body)
        for number, counter in enumerate(self.site.counters):
            reading = CounterReading(
                at=now,
                boot="b1",
                seq=step,
                in_total=4000 + step * (2 + number),
                out_total=3600 + step * (1 + number),
            )
            yield self.fact(DeviceKind.COUNTER, counter.id, reading)

    def remember_hour(self, people: Mapping[str, float]) -> None:
        """An hour of zone history in the store, as if the site had grown towards `people`."""
        now = self.clock.now()
        with self.store.transaction() as tx:
            for back in range(3600, 0, -10):
                grown = 0.45 + 0.55 * (1 - back / 3600) ** 1.6
                tx.add_zone_views(
                    [
                        self.zone(
                            zone_id,
                            None
                            if zone_id == "qianhai" and 1500 < back < 1900
                            else count * grown * (1 + 0.04 * math.sin(back / 47 + len(zone_id))),
                            at=now - timedelta(seconds=back),
                        ).view
                        for zone_id, count in people.items()
                    ]
                )

    def remember_days(self, people: Mapping[str, float], days: int) -> None:
        """Days of history up to an hour ago: an afternoon and an evening that both fill the site."""
        now = self.clock.now().replace(minute=0, second=0, microsecond=0)
        tz = ZoneInfo(self.site.site.timezone)
        totals = [0.0 for _ in self.site.counters]
        for back in range(days * 96, 4, -1):
            at = now - timedelta(minutes=15 * back)
            share = _share_of_day(at.astimezone(tz)) * (1 + 0.1 * math.sin(back / 96))
            views = [self.zone(zone, count * share, at=at).view for zone, count in people.items()]
            facts = []
            for number, counter in enumerate(self.site.counters):
                totals[number] += 250 * share
                reading = CounterReading(
                    at=at,
                    boot="b0",
                    seq=days * 96 - back,
                    in_total=int(totals[number]),
                    out_total=int(totals[number] * 0.9),
                )
                facts.append(
                    msgspec.structs.replace(
                        self.fact(DeviceKind.COUNTER, counter.id, reading), arrived=at
                    )
                )
            with self.store.transaction() as tx:
                tx.add_facts(facts)
                tx.add_zone_views(views)


def _share_of_day(at: datetime) -> float:
    """How much of its fullest the site is at a time of day; nobody at night."""
    hour = at.hour + at.minute / 60
    afternoon = math.exp(-(((hour - 14.5) / 2.6) ** 2))
    evening = math.exp(-(((hour - 20) / 1.8) ** 2))
    return 0.03 + 0.75 * afternoon + 0.85 * evening


@contextmanager
def foretelling(stage: Stage) -> Iterator[None]:
    """The foreteller at work on a thread of its own; it has ended when the block has."""
    loop = asyncio.new_event_loop()
    working = loop.create_task(stage.foreteller.run(), name="foreteller")

    def work() -> None:
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(working)
        loop.close()

    thread = threading.Thread(target=work, name="foreteller")
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(working.cancel)
        thread.join()


@contextmanager
def staged(
    folder: Path,
    clock: Clock,
    *,
    static: Path = STATIC,
    live_video: LiveVideo | None = None,
    editor: SiteEditor | None = None,
    outbox: Outbox | None = None,
    site: SiteFile | None = None,
    learnt_for: Mapping[str, str] | None = None,
) -> Iterator[Stage]:
    """A stage that is cleared away afterwards."""
    stage = Stage(
        folder,
        clock,
        static=static,
        live_video=live_video,
        editor=editor,
        outbox=outbox,
        site=site,
        learnt_for=learnt_for,
    )
    try:
        yield stage
    finally:
        stage.close()
